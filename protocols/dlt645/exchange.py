"""One question and its answer on the line: repeats, foreign frames, follow-up frames."""

from collections.abc import Callable
from typing import Final

import msgspec

from protocols.dialogue import Dialogue, Exchange
from protocols.dlt645.errors import reason
from protocols.dlt645.frame import (
    ANY,
    BROADCAST,
    FRAME_SIZE_MAX,
    Frame,
    FrameReader,
    address_matches,
    encode_frame,
    is_wildcard,
)
from protocols.dlt645.options import Dlt645Options, Dlt645Timers, line_s
from protocols.errors import LocalProtocolError, MeterRefused, MeterSilent, RemoteProtocolError

READ: Final = 0x11
FOLLOW: Final = 0x12
WRITE: Final = 0x14
READ_ADDRESS: Final = 0x13
BROADCAST_TIME: Final = 0x08
FREEZE: Final = 0x16
READ_1997: Final = 0x01
FOLLOW_1997: Final = 0x02
WRITE_1997: Final = 0x04
METER_NUMBER_1997: Final = 0xC032
ANSWER: Final = 0x80
REFUSED: Final = 0x40
MORE: Final = 0x20
FRAMES_MAX: Final = 255
"""Follow-up frames have a number of one byte."""
NOISE_MAX: Final = 4 * 1024
"""Bytes that may arrive in place of one answer: an echo, late answers, others on the bus."""
PIECES_MAX: Final = 512
"""Pieces that may arrive in place of one answer: a frame byte by byte has some 220. Something that
trickles for ever must not hold the line."""

SETTLE_S: Final = 0.5
"""Nothing for so long after a refusal, and no copy of it is on its way."""

Matches = Callable[[Frame], bool]


class Refusal(msgspec.Struct, frozen=True):
    """The meter will not answer this; a result."""

    code: int
    reason: str


class Line:
    """Asks one meter, in one of the two standards.

    A refusal names no identifier. So while answers to older requests may still be on their way,
    one refusal more than expected is taken for theirs, and the question is asked again.
    """

    def __init__(
        self, address: str, timers: Dlt645Timers, options: Dlt645Options, *, old: bool
    ) -> None:
        self.address = address.lower()
        self.old = old
        self._timers = timers
        self._options = options
        self._owed = 0
        """Requests whose answers have not come; they may come yet."""
        self.heard = False
        """Whether the meter ever answered."""

    def identifier_bytes(self, di: int) -> bytes:
        """Return an identifier as it stands on the wire."""
        return di.to_bytes(2 if self.old else 4, "little")

    # -- reads

    def read(self, di: int, data: bytes = b"") -> Dialogue[bytes | Refusal]:
        """Return the data behind the identifier, all follow-up frames joined.

        Raises:
            MeterSilent: no answer to any repeat.
            RemoteProtocolError: follow-up frames out of order or without end.

        """
        if not self.old:
            return (yield from self._read_once(di, data))
        # Its follow-up requests have no number, so none of them can be repeated: all is, together.
        for _ in range(self._timers.repeats):
            try:
                return (yield from self._read_once(di, data))
            except _FollowUpLost:
                continue
        return (yield from self._read_once(di, data))

    def _read_once(self, di: int, data: bytes) -> Dialogue[bytes | Refusal]:
        name = self.identifier_bytes(di)
        control = READ_1997 if self.old else READ
        frame = yield from self.ask(control, name + data, self.answers_to(control, name))
        if frame.control & REFUSED:
            return _refusal(frame)
        parts = [frame.data[len(name) :]]
        while frame.control & MORE:
            frame = yield from self._follow(name, len(parts))
            if frame.control & REFUSED:
                return _refusal(frame)
            rest = frame.data[len(name) :]
            parts.append(rest if self.old else rest[:-1])
        return b"".join(parts)

    def _follow(self, name: bytes, number: int) -> Dialogue[Frame]:
        if number > FRAMES_MAX:
            raise RemoteProtocolError("follow-up", f"more than {FRAMES_MAX} follow-up frames")
        if self.old:
            matches = self.answers_to(FOLLOW_1997, name)
            try:
                return (yield from self.ask(FOLLOW_1997, name, matches, repeats=0))
            except MeterSilent as silent:
                raise _FollowUpLost(str(silent)) from None
        # An old answer that comes late would be taken for the next one: its number must fit.
        sequence = bytes((number,))
        matches = self.answers_to(FOLLOW, name, sequence)
        return (yield from self.ask(FOLLOW, name + sequence, matches))

    def answers_to(self, control: int, name: bytes, sequence: bytes = b"") -> Matches:
        """Return what tells the answer to a question about ``name`` from all else."""

        def matches(frame: Frame) -> bool:
            if frame.control & ~(REFUSED | MORE) != control | ANSWER or not self._is_ours(frame):
                return False
            if frame.control & REFUSED:
                return True
            room = len(name) + len(sequence)
            named = len(frame.data) >= room and frame.data.startswith(name)
            return named and frame.data.endswith(sequence)

        return matches

    def _is_ours(self, frame: Frame) -> bool:
        if is_wildcard(self.address):
            return address_matches(frame.address, self.address)
        return frame.address == self.address.rjust(12, "0")

    # -- everything else

    def command(self, control: int, data: bytes = b"") -> Dialogue[bytes | Refusal]:
        """Send something that changes the meter, once; return the data of its answer.

        Raises:
            LocalProtocolError: the address does not name one meter; nothing was sent.
            MeterSilent: no answer; whether the meter did it is not known.

        """
        if is_wildcard(self.address):
            raise LocalProtocolError("address", "a command needs the address of one meter")

        def matches(frame: Frame) -> bool:
            return frame.control & ~REFUSED == control | ANSWER and self._is_ours(frame)

        frame = yield from self.ask(control, data, matches, repeats=0)
        return _refusal(frame) if frame.control & REFUSED else frame.data

    def ask_address(self) -> Dialogue[str]:
        """Return the address of the only meter on the line, whatever its own standard.

        Raises:
            MeterSilent: none answered, or the line has several and their answers collide.

        """
        if self.old:
            name = self.identifier_bytes(METER_NUMBER_1997)
            anybody = Line(BROADCAST, self._timers, self._options, old=True)
            matches = anybody.answers_to(READ_1997, name)
            answer = yield from anybody.ask(READ_1997, name, matches)
            return answer.address

        def tells(frame: Frame) -> bool:
            return frame.control == READ_ADDRESS | ANSWER and len(frame.data) == 6

        anybody = Line(ANY, self._timers, self._options, old=False)
        frame = yield from anybody.ask(READ_ADDRESS, b"", tells)
        return frame.data[::-1].hex()

    def broadcast(self, control: int, data: bytes) -> Dialogue[None]:
        """Tell something to every meter on the line; nobody answers."""
        request = encode_frame(BROADCAST, control, data, wake_up=self._options.wake_up)
        wait_s = self._timers.broadcast_s + line_s(len(request), self._options.baud)
        got: bytes | None = yield Exchange(request, wait_s)
        heard = 0
        while got is not None and heard < NOISE_MAX:
            heard += len(got)
            got = yield Exchange(b"", self._timers.broadcast_s)

    # -- one request

    def ask(
        self, control: int, data: bytes, matches: Matches, *, repeats: int | None = None
    ) -> Dialogue[Frame]:
        """Send a request until a frame matches; ``repeats``: None, the usual ones.

        Raises:
            MeterSilent: none did.
            RemoteProtocolError: more noise than any answer explains.

        """
        request = encode_frame(self.address, control, data, wake_up=self._options.wake_up)
        tries = 1 + (self._timers.repeats if repeats is None else repeats)
        older = self._owed if repeats is None else 0
        refused: Frame | None = None
        for number in range(tries):
            self._owed += 1
            frame = yield from self._once(request, matches)
            if frame is None:
                continue
            self.heard = True
            if older and frame.control & REFUSED:
                older, refused = older - 1, frame
                continue
            self._owed = number  # answers come in order: only repeats of this may come yet
            if frame.control & REFUSED:
                yield from self._settle()
            return frame
        if refused is not None:
            return refused
        raise MeterSilent(f"meter {self.address} did not answer, asked {tries} time(s)")

    def _settle(self) -> Dialogue[None]:
        """Let a second copy of a refusal pass: the next question would take it for its answer."""
        heard, got = 0, (yield Exchange(b"", SETTLE_S))
        while got is not None and heard < NOISE_MAX:
            heard += len(got)
            got = yield Exchange(b"", SETTLE_S)

    def _once(self, request: bytes, matches: Matches) -> Dialogue[Frame | None]:
        """Send once and wait; frames of others, echoes and late answers are passed over."""
        reader = FrameReader()
        answer_s = self._timers.answer_s + line_s(len(request) + FRAME_SIZE_MAX, self._options.baud)
        heard = pieces = 0
        got: bytes | None = yield Exchange(request, answer_s)
        while True:
            given_up = got is None and (reader.broken or not reader.left_over)
            frames = reader.idle() if got is None else reader.feed(got)
            frame = next((frame for frame in frames if matches(frame)), None)
            if frame is not None or given_up:
                return frame
            heard += len(got or b"")
            pieces += 1
            if heard > NOISE_MAX or pieces > PIECES_MAX:
                raise RemoteProtocolError("noise", f"{heard} bytes and no answer among them")
            # What came broken does not come again; but a start that was none must not cost the
            # answer: after it, the whole time is left.
            soon = reader.left_over or reader.broken
            got = yield Exchange(b"", self._timers.gap_s if soon else answer_s)


class _FollowUpLost(MeterSilent):
    """A part of an answer of the 1997 standard did not come."""


def _refusal(frame: Frame) -> Refusal:
    return Refusal(frame.data[0] if frame.data else 0, reason(frame.data))


def insist(answer: bytes | Refusal, what: str) -> bytes:
    """Return the data of an answer.

    Raises:
        MeterRefused: it was a refusal.

    """
    if isinstance(answer, Refusal):
        raise MeterRefused(f"the meter refused {what}: {answer.reason}")
    return answer

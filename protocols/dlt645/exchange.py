"""One question and its answer on the line: repeats, foreign frames, follow-up frames."""

from collections.abc import Callable
from typing import Final

import msgspec

from protocols.dialogue import Dialogue, Exchange
from protocols.dlt645.errors import reason
from protocols.dlt645.frame import ANY, BROADCAST, Frame, FrameReader, address_matches, encode_frame
from protocols.errors import MeterRefused, MeterSilent, RemoteProtocolError

READ: Final = 0x11
FOLLOW: Final = 0x12
WRITE: Final = 0x14
READ_ADDRESS: Final = 0x13
BROADCAST_TIME: Final = 0x08
FREEZE: Final = 0x16
READ_1997: Final = 0x01
FOLLOW_1997: Final = 0x02
WRITE_1997: Final = 0x04
ANSWER: Final = 0x80
REFUSED: Final = 0x40
MORE: Final = 0x20
FRAMES_MAX: Final = 255
"""Follow-up frames have a number of one byte."""
NOISE_MAX: Final = 16 * 1024
"""Bytes that may arrive in place of one answer before the line counts as out of order."""


class Dlt645Timers(msgspec.Struct, frozen=True, kw_only=True):
    """Starting values; a modem's profile may change them."""

    answer_s: float = 10.0
    """Over the radio network and a slow line."""
    gap_s: float = 3.0
    """Between two pieces of one frame."""
    broadcast_s: float = 1.0
    """After a broadcast, which nobody answers."""
    repeats: int = 2
    """How often a read is sent again; a write never is."""


class Refusal(msgspec.Struct, frozen=True):
    """The meter will not answer this; a result."""

    code: int
    reason: str


class Line:
    """Asks one meter, in one of the two standards."""

    def __init__(self, address: str, timers: Dlt645Timers, *, old: bool, wake_up: int = 4) -> None:
        self.address = address
        self.old = old
        self._timers = timers
        self._wake_up = wake_up

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
        name = self.identifier_bytes(di)
        control = READ_1997 if self.old else READ
        frame = yield from self._ask(control, name + data, self._is_answer(control, name))
        if frame.control & REFUSED:
            return _refusal(frame)
        parts = [frame.data[len(name) :]]
        while frame.control & MORE:
            frame = yield from self._follow(name, len(parts))
            if frame.control & REFUSED:
                return _refusal(frame)
            parts.append(self._part(frame, name, len(parts)))
        return b"".join(parts)

    def _follow(self, name: bytes, number: int) -> Dialogue[Frame]:
        if number > FRAMES_MAX:
            raise RemoteProtocolError("follow-up", f"more than {FRAMES_MAX} follow-up frames")
        control = FOLLOW_1997 if self.old else FOLLOW
        sequence = b"" if self.old else bytes((number,))
        # An old answer that comes late would be taken for the next one: its number must fit.
        matches = self._is_answer(control, name, sequence)
        return (yield from self._ask(control, name + sequence, matches))

    def _part(self, frame: Frame, name: bytes, number: int) -> bytes:
        data = frame.data[len(name) :]
        return data if self.old else data[:-1]

    def _is_answer(
        self, control: int, name: bytes, sequence: bytes = b""
    ) -> Callable[[Frame], bool]:
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
        if self.address.lower() in {ANY, BROADCAST} or "a" in self.address.lower():
            return address_matches(frame.address, self.address)
        return frame.address == self.address.rjust(12, "0")

    # -- everything else

    def command(self, control: int, data: bytes = b"") -> Dialogue[bytes | Refusal]:
        """Send something that changes the meter, once; return the data of its answer.

        Raises:
            MeterSilent: no answer; whether the meter did it is not known.

        """

        def matches(frame: Frame) -> bool:
            return frame.control & ~REFUSED == control | ANSWER and self._is_ours(frame)

        frame = yield from self._ask(control, data, matches, repeats=0)
        return _refusal(frame) if frame.control & REFUSED else frame.data

    def ask_address(self) -> Dialogue[str]:
        """Return the address of the only meter on the line."""

        def matches(frame: Frame) -> bool:
            return frame.control == READ_ADDRESS | ANSWER and len(frame.data) == 6

        line = Line(ANY, self._timers, old=self.old, wake_up=self._wake_up)
        frame = yield from line._ask(READ_ADDRESS, b"", matches)
        return frame.data[::-1].hex()

    def broadcast(self, control: int, data: bytes) -> Dialogue[None]:
        """Tell something to every meter on the line; nobody answers."""
        request = encode_frame(BROADCAST, control, data, wake_up=self._wake_up)
        got: bytes | None = yield Exchange(request, self._timers.broadcast_s)
        heard = 0
        while got is not None and heard < NOISE_MAX:
            heard += len(got)
            got = yield Exchange(b"", self._timers.broadcast_s)

    def _ask(
        self,
        control: int,
        data: bytes,
        matches: Callable[[Frame], bool],
        *,
        repeats: int | None = None,
    ) -> Dialogue[Frame]:
        request = encode_frame(self.address, control, data, wake_up=self._wake_up)
        tries = 1 + (self._timers.repeats if repeats is None else repeats)
        for _ in range(tries):
            frame = yield from self._once(request, matches)
            if frame is not None:
                return frame
        raise MeterSilent(f"meter {self.address} did not answer, asked {tries} time(s)")

    def _once(self, request: bytes, matches: Callable[[Frame], bool]) -> Dialogue[Frame | None]:
        """Send once and wait; frames of others, echoes and late answers are passed over."""
        reader = FrameReader()
        heard = 0
        got: bytes | None = yield Exchange(request, self._timers.answer_s)
        while got is not None:
            heard += len(got)
            if heard > NOISE_MAX:
                raise RemoteProtocolError("noise", f"{heard} bytes and no answer among them")
            for frame in reader.feed(got):
                if matches(frame):
                    return frame
            wait_s = self._timers.gap_s if reader.left_over else self._timers.answer_s
            got = yield Exchange(b"", wait_s)
        return next((frame for frame in reader.idle() if matches(frame)), None)


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

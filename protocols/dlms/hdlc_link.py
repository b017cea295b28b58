"""The HDLC link of a client: connection, numbered frames, segments (IEC 62056-46).

The window is 1: every frame waits for its answer. A frame that gets none is sent again with the
same number, so the meter answers once more without doing anything twice. Frames of other meters on
the line, our own echo and late answers are passed over.
"""

from collections.abc import Generator, Sequence
from typing import Final

import msgspec

from protocols.dialogue import Exchange
from protocols.dlms import hdlc
from protocols.dlms.carrier import Answer, Step
from protocols.dlms.hdlc import HdlcFrame, HdlcReader, Kind
from protocols.dlms.hdlc_limits import HdlcLimits, decode_limits, encode_limits
from protocols.dlms.llc import COMMAND, strip_llc
from protocols.dlms.timers import DlmsTimers
from protocols.errors import MeterRefused, MeterSilent, ProtocolError, RemoteProtocolError

INFORMATION_WANTED: Final = 1024
"""Proposed bytes of information in a frame: on cellular links round trips cost more than bytes."""
LINK_DROPPED: Final = "link-dropped"
"""Category of the error when the meter says that there is no connection any more."""
CALLS: Final = 3
"""How often a meter is called; twice at each address when its size is not known."""
APDU_SIZE_MAX: Final = 128 * 1024
"""Segments that join to more than this are no answer."""


FrameAnswer = Generator[Exchange, bytes | None, HdlcFrame]


class HdlcAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Who talks to whom."""

    client: int
    logical: int
    """Upper part: the logical device."""
    physical: int | None = None
    """Lower part: the meter on the line; None: there is but one."""

    def sizes(self) -> list[int]:
        """Return the address sizes to try, the likeliest first."""
        if self.physical is None:
            return [1, 4]
        if self.logical < 0x80 and self.physical < 0x80:
            return [2, 4]
        return [4]


class _Line:
    """Numbers and limits of one connection."""

    def __init__(self, client: bytes) -> None:
        self.client = client
        self.server = b""
        self.called: set[bytes] = set()
        """Addresses that may answer: while opening, a late answer to an earlier call counts too."""
        self.limits = HdlcLimits()
        self.send_number = 0
        self.receive_number = 0


class HdlcLink:
    """Carries APDUs to one meter on a serial line."""

    numbered = True

    def __init__(
        self,
        address: HdlcAddress,
        timers: DlmsTimers,
        *,
        size: int | None = None,
        information: int = INFORMATION_WANTED,
    ) -> None:
        self._address = address
        self._information = information
        self._timers = timers
        self._reader = HdlcReader()
        self._line: _Line | None = None
        self.address_size = size
        """Bytes of the server's address that the meter answered to; None: not known yet."""

    # -- opening and closing

    def connect(self) -> Step:
        """See ``Carrier.connect``: SNRM, with the address sizes that are plausible, by turns.

        A dead meter must not hold the line for long, nor one of unknown address size wait for all
        repeats of the wrong one.

        Raises:
            MeterSilent: no answer to any of them.
            MeterRefused: the meter does not want to connect now.

        """
        sizes = [self.address_size] if self.address_size else self._address.sizes()
        line = _Line(hdlc.encode_address(self._address.client, None, 1))
        turns = sizes * (CALLS if len(sizes) == 1 else CALLS - 1)
        for number, size in enumerate(turns, start=1):  # pragma: no branch -- the last one leaves
            try:
                answer = yield from self._call(line, size)
            except MeterSilent:
                if number == len(turns):
                    raise MeterSilent(f"no answer from the meter to {number} calls") from None
            else:
                self.address_size = len(answer.source)
                self._opened(line, answer)
                return

    def _call(self, line: _Line, size: int) -> FrameAnswer:
        line.server = hdlc.encode_address(self._address.logical, self._address.physical, size)
        line.called.add(line.server)
        wanted = HdlcLimits(self._information, self._information)
        frame = hdlc.encode_frame(line.server, line.client, hdlc.SNRM, encode_limits(wanted))
        opened = {Kind.UA, Kind.DM, Kind.FRMR}
        return (yield from self._exchange(line, frame, opened, 0, wait_s=self._timers.connect_s))

    def _opened(self, line: _Line, answer: HdlcFrame) -> None:
        if answer.kind is not Kind.UA:
            raise MeterRefused(f"the meter refused the link ({answer.kind.value})")
        agreed = _limits_of(answer)
        # What the meter receives is what we may send, and the other way round.
        line.limits = HdlcLimits(
            min(agreed.information_receive, self._information), agreed.information_send
        )
        line.server, line.called = answer.source, {answer.source}
        self._line = line

    def disconnect(self) -> Step:
        """See ``Carrier.disconnect``: DISC; a meter that is gone is disconnected too."""
        line, self._line = self._line, None
        if line is None:
            return
        frame = hdlc.encode_frame(line.server, line.client, hdlc.DISC)
        try:
            yield from self._exchange(line, frame, {Kind.UA, Kind.DM}, repeats=0)
        except ProtocolError:
            return

    # -- APDUs

    def ask(self, apdu: bytes, *, wait_s: float | None = None) -> Answer:
        """See ``Carrier.ask``.

        Raises:
            MeterSilent: no answer, however often it was asked.
            RemoteProtocolError: the link is broken; connect again.

        """
        line = self._line
        if line is None:
            raise MeterRefused("the link to the meter is closed")
        frame = yield from self._send(line, COMMAND + apdu, wait_s)
        joined = b""
        while True:
            joined += frame.information
            if len(joined) > APDU_SIZE_MAX:
                raise RemoteProtocolError("size", f"an answer of more than {APDU_SIZE_MAX} bytes")
            if not frame.segmented:
                return strip_llc(joined)
            if not frame.information:
                raise RemoteProtocolError("hdlc", "a segment with nothing in it, and more to come")
            frame = yield from self._more(line)

    def stream(self, apdus: Sequence[bytes], *, wait_s: float | None = None) -> Answer:
        """See ``Carrier.stream``: one APDU, whose answer is waited for."""
        (apdu,) = apdus
        return (yield from self.ask(apdu, wait_s=wait_s))

    def hear(self, *, wait_s: float | None = None) -> Answer:
        """See ``Carrier.hear``: here every answer belongs to its question.

        Raises:
            RemoteProtocolError: always.

        """
        yield from ()
        raise RemoteProtocolError("answer", f"what came is no answer (asked within {wait_s} s)")

    def _send(self, line: _Line, message: bytes, wait_s: float | None) -> FrameAnswer:
        """Send a message in as many frames as it needs; return the first frame of the answer."""
        size = line.limits.information_send
        pieces = [message[at : at + size] for at in range(0, len(message), size)]
        for piece in pieces[:-1]:
            answer = yield from self._numbered(line, piece, segmented=True, wait_s=wait_s)
            answer = yield from self._until_ready(line, answer, {Kind.RR})
            if answer.kind is not Kind.RR:
                raise RemoteProtocolError("hdlc", f"{answer.kind.value} in answer to a segment")
        answer = yield from self._numbered(line, pieces[-1], segmented=False, wait_s=wait_s)
        return (yield from self._until_ready(line, answer, {Kind.I}))

    def _until_ready(self, line: _Line, answer: HdlcFrame, wanted: set[Kind]) -> FrameAnswer:
        """Poll a meter that took our frame and is busy (RNR), or still makes its answer (RR)."""
        timers = self._timers
        for poll in range(int(timers.busy_s_max / timers.busy_s)):
            if answer.kind in wanted or answer.kind not in {Kind.RR, Kind.RNR}:
                return answer
            if poll or answer.kind is Kind.RNR:
                self._reader.receive_data((yield Exchange(b"", timers.busy_s)) or b"")
            ready = hdlc.receive_ready(line.receive_number)
            frame = hdlc.encode_frame(line.server, line.client, ready)
            answer = yield from self._exchange(line, frame, _ANSWERS)
        raise MeterSilent(f"the meter was busy for {timers.busy_s_max:g} s")

    def _numbered(
        self, line: _Line, piece: bytes, *, segmented: bool, wait_s: float | None
    ) -> FrameAnswer:
        control = hdlc.information_control(line.send_number, line.receive_number)
        frame = hdlc.encode_frame(line.server, line.client, control, piece, segmented=segmented)
        line.send_number = (line.send_number + 1) & 7
        return (yield from self._exchange(line, frame, _ANSWERS, wait_s=wait_s))

    def _more(self, line: _Line) -> FrameAnswer:
        """Ask for the next segment."""
        frame = hdlc.encode_frame(line.server, line.client, hdlc.receive_ready(line.receive_number))
        return (yield from self._exchange(line, frame, {Kind.I, Kind.FRMR, Kind.DM}))

    # -- frames

    def _exchange(
        self,
        line: _Line,
        frame: bytes,
        wanted: set[Kind],
        repeats: int | None = None,
        *,
        wait_s: float | None = None,
    ) -> FrameAnswer:
        """Send a frame until one of the wanted kinds answers it."""
        timers = self._timers
        repeats = timers.repeats if repeats is None else repeats
        base_s = timers.frame_s if wait_s is None else wait_s
        first_s = base_s + timers.line_s(len(frame) + line.limits.information_receive)
        for _ in range(repeats + 1):
            send, wait = frame, first_s
            while (data := (yield Exchange(send, wait))) is not None:
                send = b""
                self._reader.receive_data(data)
                answer = self._next_answer(line, wanted)
                if answer is not None:
                    return answer
                # A piece of a frame has come: the rest follows soon, or it is lost.
                wait = timers.gap_s if self._reader.pending > 1 else first_s
            self._reader = HdlcReader()  # what hangs in it will never be complete
        times = f"{repeats + 1} times" if repeats else "once"
        raise MeterSilent(f"no answer from the meter, asked {times}")

    def _next_answer(self, line: _Line, wanted: set[Kind]) -> HdlcFrame | None:
        while (frame := self._reader.next_frame()) is not None:
            if frame.destination != line.client or frame.source not in line.called:
                continue  # another meter's, or our own echo
            if frame.kind in {Kind.FRMR, Kind.DM} and Kind.UA not in wanted:
                self._line = None
                raise RemoteProtocolError(
                    LINK_DROPPED, f"the meter dropped the link ({frame.kind.value})"
                )
            if frame.kind in wanted and self._is_due(line, frame):
                return frame
        return None

    @staticmethod
    def _is_due(line: _Line, frame: HdlcFrame) -> bool:
        """Whether a frame is the next one, not a late or repeated answer."""
        if frame.kind in {Kind.RR, Kind.RNR}:
            return frame.receive_number == line.send_number
        if frame.kind is not Kind.I:
            return True
        if frame.send_number != line.receive_number or frame.receive_number != line.send_number:
            return False
        line.receive_number = (line.receive_number + 1) & 7
        return True


def _limits_of(answer: HdlcFrame) -> HdlcLimits:
    """Return what the meter agrees to; the defaults, which hold for all, when it is unreadable."""
    try:
        return decode_limits(answer.information)
    except RemoteProtocolError:
        return HdlcLimits()


_ANSWERS: Final = {Kind.I, Kind.RR, Kind.RNR, Kind.FRMR, Kind.DM}

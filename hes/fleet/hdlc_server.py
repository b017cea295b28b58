"""The HDLC link of a simulated meter: answers frames that are addressed to it."""

from collections.abc import Callable

from protocols.dlms import hdlc
from protocols.dlms.hdlc import HdlcFrame, HdlcReader, Kind
from protocols.dlms.hdlc_limits import HdlcLimits, decode_limits, encode_limits
from protocols.dlms.llc import RESPONSE, strip_llc

Answer = Callable[[bytes, int], bytes | None]


class HdlcServer:
    """One meter on a serial line."""

    def __init__(
        self, logical: int, physical: int | None, answer: Answer, reset: Callable[[], None]
    ) -> None:
        self.information_max = 512
        """Bytes of information in a frame, either way."""
        self._address = (logical, physical)
        self._answer = answer
        self._reset = reset
        self._reader = HdlcReader()
        self._connected = False
        self._limits = HdlcLimits()
        self._expected = 0
        self._next = 0
        self._request = b""
        self._pieces: list[bytes] = []
        self._last = b""
        """The last frame sent: a repeated request gets it again."""

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the line; return the bytes to answer with."""
        self._reader.receive_data(data)
        out = b""
        while (frame := self._reader.next_frame()) is not None:
            if self._is_ours(frame):
                out += self._frame(frame)
        return out

    def _is_ours(self, frame: HdlcFrame) -> bool:
        if len(frame.source) != 1:
            return False
        upper, lower = hdlc.decode_address(frame.destination)
        logical, physical = self._address
        return upper == logical and (physical is None or lower is None or lower == physical)

    def _frame(self, frame: HdlcFrame) -> bytes:
        match frame.kind:
            case Kind.SNRM:
                return self._connect(frame)
            case Kind.DISC:
                control = hdlc.UA if self._connected else hdlc.DM
                self._connected = False
                self._reset()
                return self._reply(frame, control)
            case Kind.I | Kind.RR if not self._connected:
                return self._reply(frame, hdlc.DM)
            case Kind.I:
                return self._information(frame)
            case Kind.RR:
                return self._ready(frame)
            case Kind.UI:
                # What needs no connection needs no answer either: the confirmation of a push.
                self._answer(strip_llc(frame.information), frame.source[0] >> 1)
            case _:
                pass
        return b""

    def _connect(self, frame: HdlcFrame) -> bytes:
        wanted = decode_limits(frame.information)
        self._limits = HdlcLimits(
            min(wanted.information_receive, self.information_max),
            min(wanted.information_send, self.information_max),
        )
        self._connected = True
        self._expected = self._next = 0
        self._request, self._pieces = b"", []
        self._reset()
        return self._reply(frame, hdlc.UA, encode_limits(self._limits))

    def _information(self, frame: HdlcFrame) -> bytes:
        if frame.send_number != self._expected:
            return self._last
        self._expected = (self._expected + 1) & 7
        self._request += frame.information
        if frame.segmented:
            return self._reply(frame, hdlc.receive_ready(self._expected))
        request, self._request = strip_llc(self._request), b""
        answer = self._answer(request, frame.source[0] >> 1)
        if answer is None:
            return self._reply(frame, hdlc.receive_ready(self._expected))
        message = RESPONSE + answer
        size = self._limits.information_send
        self._pieces = [message[at : at + size] for at in range(0, len(message), size)]
        return self._piece(frame)

    def _ready(self, frame: HdlcFrame) -> bytes:
        if frame.receive_number != self._next or not self._pieces:
            return self._last
        return self._piece(frame)

    def _piece(self, frame: HdlcFrame) -> bytes:
        piece = self._pieces.pop(0)
        control = hdlc.information_control(self._next, self._expected)
        self._next = (self._next + 1) & 7
        return self._reply(frame, control, piece, segmented=bool(self._pieces))

    def _reply(
        self, frame: HdlcFrame, control: int, information: bytes = b"", *, segmented: bool = False
    ) -> bytes:
        self._last = hdlc.encode_frame(
            frame.source, frame.destination, control, information, segmented=segmented
        )
        return self._last

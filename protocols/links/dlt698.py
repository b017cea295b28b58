"""DL/T 698.45: a terminal logs in, stays connected by heartbeats, and forwards to its meters."""

from typing import Final

from protocols.dlt698 import forward, link_layer as layer
from protocols.dlt698.frame import (
    FUNCTION_DATA,
    PRIMARY,
    START,
    Frame,
    FrameReader,
    encode_frame,
    whole_size,
)
from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.links.base import (
    Heartbeat,
    Held,
    Identified,
    LinkEvent,
    LinkKind,
    LinkSettings,
    MeterBytes,
    Reply,
    Verdict,
)
from protocols.links.notices import ForeignFrame, SaidGoodbye

CLIENT: Final = 0x10
"""Our address; 0 is for those who do not care."""
SIGN_SIZE: Final = 10
"""Bytes of head within which a wrong start of a frame is most often seen."""


class Dlt698Link:
    """One connection of a terminal. The times in its answers come from ``settings.world.now``."""

    __slots__ = ("_flags", "_number", "_reader", "_terminal", "_world", "name", "port")

    pipe = True

    def __init__(self, settings: LinkSettings) -> None:
        self.name = "dlt698"
        self.port = forward.SerialPort()
        self._world = settings.world
        self._reader = FrameReader()
        self._terminal = ""
        self._flags = 0x05
        self._number = 0

    def receive(self, data: bytes) -> list[LinkEvent]:
        """See ``Link.receive``."""
        events = [event for frame in self._reader.feed(data) for event in self._take(frame)]
        return [*events, Held()] if self._reader.left_over else events

    def idle(self) -> list[LinkEvent]:
        """See ``Link.idle``: a frame that never ends is given up."""
        return [event for frame in self._reader.idle() for event in self._take(frame)]

    def wrap(self, data: bytes) -> bytes:
        """See ``Link.wrap``: the terminal sends the bytes out of ``port``."""
        if not self._terminal:
            raise LocalProtocolError("state", "nobody has logged in on this connection")
        wrapped = b""
        for at in range(0, len(data), forward.FORWARD_SIZE_MAX):
            piece = data[at : at + forward.FORWARD_SIZE_MAX]
            self._number = (self._number + 1) & 0x3F
            wrapped += encode_frame(
                Frame(
                    control=PRIMARY | FUNCTION_DATA,
                    address=self._terminal,
                    apdu=forward.encode_request(self.port, piece, self._number),
                    client=CLIENT,
                    address_flags=self._flags,
                )
            )
        return wrapped

    def _take(self, frame: Frame) -> list[LinkEvent]:
        if not frame.from_terminal:
            return []  # an echo of ours
        return [*self._identity(frame), *self._meaning(frame)]

    def _identity(self, frame: Frame) -> list[LinkEvent]:
        """Every frame tells the address: a terminal that skips its login is known all the same."""
        if self._terminal == frame.address:
            return []
        if self._terminal:
            told = f"terminal {frame.address} on the connection of {self._terminal}"
            raise RemoteProtocolError("identity", told)
        self._terminal, self._flags = frame.address, frame.address_flags
        return [Identified(frame.address, "registration")]

    def _meaning(self, frame: Frame) -> list[LinkEvent]:
        if layer.is_request(frame):
            return self._link_request(frame)
        if frame.apdu[:2] == forward.RESPONSE:
            data = forward.decode_answer(frame.apdu)
            return [MeterBytes(data)] if data else []
        return [ForeignFrame("dlt698.45", encode_frame(frame))]

    def _link_request(self, frame: Frame) -> list[LinkEvent]:
        now = self._world.now
        answer = layer.answer(frame, None if now is None else now())
        out = layer.decode_request(frame.apdu).kind == layer.LOGOUT
        said: LinkEvent = SaidGoodbye("the terminal logged out") if out else Heartbeat()
        return [said, Reply(encode_frame(answer))]


def sniff(first: bytes, _settings: LinkSettings) -> Verdict:
    """Judge the first bytes: the check of the head decides."""
    start = first.lstrip(b"\xfe")
    if not start:
        return Verdict.MORE if first else Verdict.NO
    if start[0] != START:
        return Verdict.NO
    size = whole_size(start)
    if size is None:
        return Verdict.MORE
    return Verdict.YES if size else Verdict.NO


LINK: Final = LinkKind(name="dlt698", order=16, sniff=sniff, make=Dlt698Link, patience_s=3.0)

"""Q/GDW 376.1: a terminal logs in, stays connected by heartbeats, and forwards to its meters."""

from typing import Final

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.gdw376 import link_layer as layer
from protocols.gdw376.frame import (
    END,
    HEAD_SIZE,
    PRIMARY,
    TAIL_SIZE,
    Frame,
    FrameReader,
    encode_frame,
    user_size,
)
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

MASTER: Final = 0x02
"""Our station address in requests; answers of the terminal carry it back."""


class Gdw376Link:
    """One connection of a terminal."""

    __slots__ = ("_number", "_reader", "_terminal", "_version", "name", "port")

    pipe = True

    def __init__(self, _settings: LinkSettings) -> None:
        self.name = "gdw376"
        self.port = layer.SerialPort()
        self._reader = FrameReader()
        self._terminal = ""
        self._version = 2
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
        address = layer.address_of(self._terminal, MASTER)
        wrapped = b""
        for at in range(0, len(data), layer.FORWARD_SIZE_MAX):
            piece = data[at : at + layer.FORWARD_SIZE_MAX]
            self._number = (self._number + 1) & 0x0F
            wrapped += encode_frame(
                layer.forward_request(
                    address, self.port, piece, self._number, version=self._version
                )
            )
        return wrapped

    def _take(self, frame: Frame) -> list[LinkEvent]:
        if not frame.up:
            return []  # an echo of ours
        events = self._identity(frame)
        events += self._meaning(frame)
        if frame.control & PRIMARY and frame.wants_confirm:
            events.append(Reply(encode_frame(layer.confirmation(frame))))
        return events

    def _identity(self, frame: Frame) -> list[LinkEvent]:
        """Every frame tells the address: a terminal that skips its login is known all the same."""
        if self._terminal == frame.terminal:
            return []
        if self._terminal:
            told = f"terminal {frame.terminal} on the connection of {self._terminal}"
            raise RemoteProtocolError("identity", told)
        self._terminal, self._version = frame.terminal, frame.version
        return [Identified(frame.terminal, "registration")]

    def _meaning(self, frame: Frame) -> list[LinkEvent]:
        if frame.afn == layer.AFN_LINK:
            out = layer.LOGOUT in layer.functions(frame.data)
            return [SaidGoodbye("the terminal logged out")] if out else [Heartbeat()]
        if frame.afn == layer.AFN_CONFIRM:
            return []
        if frame.afn == layer.AFN_FORWARD:
            return [MeterBytes(layer.forwarded_answer(frame))]
        return [ForeignFrame("q/gdw-376.1", encode_frame(frame))]


def sniff(first: bytes, _settings: LinkSettings) -> Verdict:
    """Judge the first bytes: the checksum of the first frame decides, or its head if it is long."""
    start = first.lstrip(b"\xfe")
    if not start:
        return Verdict.MORE if first else Verdict.NO
    size = user_size(start[:HEAD_SIZE])
    if not size:
        return Verdict.MORE if size is None else Verdict.NO
    end = HEAD_SIZE + size
    if len(start) < end + TAIL_SIZE:
        # Six bytes of head that fit are one in four million; a long first frame need not end.
        return Verdict.YES if len(first) >= SURE_SIZE else Verdict.MORE
    good = sum(start[HEAD_SIZE:end]) & 0xFF == start[end] and start[end + 1] == END
    return Verdict.YES if good else Verdict.NO


SURE_SIZE: Final = 64

LINK: Final = LinkKind(name="gdw376", order=15, sniff=sniff, make=Gdw376Link, patience_s=3.0)

"""A terminal of Q/GDW 376.1: logs in until it is confirmed, and forwards to its meters."""

from functools import partial
from typing import Final

from hes.fleet.links.side import Incoming, SideKind, SideWorld
from hes.fleet.planned import ModemPlan
from protocols.errors import RemoteProtocolError
from protocols.gdw376 import link_layer as layer
from protocols.gdw376.frame import Frame, FrameReader, encode_frame


class Gdw376Side:
    """See ``ModemSide``; the name is area and terminal, 8 digits."""

    name = "gdw376"

    def __init__(self, terminal: str, *, version: int = 2) -> None:
        self._address = layer.address_of(terminal)
        self._version = version
        self._reader = FrameReader()
        self._number = 0
        self._request: Frame | None = None
        self.confirmed = False
        """Whether the login was confirmed; meter bytes wait for that."""

    def connected(self, _now_s: float) -> bytes:
        """See ``ModemSide``."""
        self._reader, self.confirmed, self._request = FrameReader(), False, None
        return self._say(layer.LOGIN)

    def receive(self, data: bytes, _now_s: float) -> Incoming:
        """See ``ModemSide``."""
        to_line = b""
        for frame in self._reader.feed(data):
            if frame.afn == layer.AFN_CONFIRM and frame.seq & 0x0F == self._number:
                self.confirmed = True
            elif frame.afn == layer.AFN_FORWARD and not frame.up:
                to_line += self._forward(frame)
        return Incoming(to_line)

    def _forward(self, frame: Frame) -> bytes:
        try:
            data = layer.forwarded_request(frame)
        except RemoteProtocolError:
            return b""
        self._request = frame
        return data

    def wrap(self, data: bytes) -> bytes:
        """See ``ModemSide``: an answer to the last request; a terminal never forwards unasked."""
        request = self._request
        if request is None:
            return b""
        size = layer.FORWARD_SIZE_MAX
        pieces = (data[at : at + size] for at in range(0, len(data), size))
        return b"".join(encode_frame(layer.forward_answer(request, piece)) for piece in pieces)

    def heartbeat(self, _now_s: float) -> bytes:
        """See ``ModemSide``: the login again as long as nobody confirmed it."""
        return self._say(layer.HEARTBEAT if self.confirmed else layer.LOGIN)

    def _say(self, function: int) -> bytes:
        self._number = (self._number + 1) & 0x0F
        return encode_frame(
            layer.link_request(self._address, function, self._number, version=self._version)
        )


def _make(plan: ModemPlan, _world: SideWorld, *, version: int) -> Gdw376Side:
    return Gdw376Side(plan.modem_id, version=version)


def _kind(version: int) -> SideKind:
    return SideKind(
        link="gdw376",
        make=partial(_make, version=version),
        name=lambda serial: serial,
        speaks=False,
        checked=True,
    )


SIDES: Final = {"gdw376": _kind(2), "gdw376-2005": _kind(1)}

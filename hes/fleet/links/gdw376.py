"""A terminal of Q/GDW 376.1: logs in until it is confirmed, and forwards to its meters."""

from hes.fleet.links.side import Incoming
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
        if self._request is None:
            return b""
        return encode_frame(layer.forward_answer(self._request, data))

    def heartbeat(self, _now_s: float) -> bytes:
        """See ``ModemSide``: the login again as long as nobody confirmed it."""
        return self._say(layer.HEARTBEAT if self.confirmed else layer.LOGIN)

    def _say(self, function: int) -> bytes:
        self._number = (self._number + 1) & 0x0F
        return encode_frame(
            layer.link_request(self._address, function, self._number, version=self._version)
        )

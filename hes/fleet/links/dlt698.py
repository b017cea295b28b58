"""A terminal of DL/T 698.45: logs in, and forwards to its meters."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from hes.fleet.links.side import Incoming, SideKind, SideWorld
from hes.fleet.planned import ModemPlan
from protocols.dlt698 import forward, link_layer as layer
from protocols.dlt698.frame import FROM_TERMINAL, PRIMARY, Frame, FrameReader, encode_frame
from protocols.errors import RemoteProtocolError

ANSWER = FROM_TERMINAL | PRIMARY | 0x03


class Dlt698Side:
    """See ``ModemSide``; the name is the terminal's address, 12 digits."""

    name = "dlt698"

    def __init__(self, address: str, *, now: Callable[[], datetime], heartbeat_s: int = 60) -> None:
        self._address = address
        self._now = now
        self._heartbeat_s = heartbeat_s
        self._reader = FrameReader()
        self._piid = 0
        self._request: Frame | None = None
        self.responses: list[layer.LinkResponse] = []
        """The head-end's answers of this connection, newest last; at most one is kept."""

    def connected(self, _now_s: float) -> bytes:
        """See ``ModemSide``."""
        self._reader, self._request = FrameReader(), None
        self.responses.clear()
        return self._say(layer.LOGIN)

    def receive(self, data: bytes, _now_s: float) -> Incoming:
        """See ``ModemSide``."""
        to_line = b""
        for frame in self._reader.feed(data):
            try:
                to_line += self._take(frame)
            except RemoteProtocolError:
                continue
        return Incoming(to_line)

    def _take(self, frame: Frame) -> bytes:
        if frame.from_terminal or frame.address != self._address:
            return b""
        if frame.apdu[:2] == forward.REQUEST:
            data = forward.decode_request(frame.apdu)
            self._request = frame
            return data
        self.responses[:] = [layer.decode_response(frame.apdu)]
        return b""

    def wrap(self, data: bytes) -> bytes:
        """See ``ModemSide``: an answer to the last request; a terminal never forwards unasked."""
        request = self._request
        if request is None:
            return b""
        size = forward.FORWARD_SIZE_MAX
        apdus = (
            forward.encode_answer(request.apdu, data[at : at + size])
            for at in range(0, len(data), size)
        )
        return b"".join(
            encode_frame(Frame(ANSWER, self._address, apdu, request.client)) for apdu in apdus
        )

    def heartbeat(self, _now_s: float) -> bytes:
        """See ``ModemSide``: the login again as long as nobody answered it."""
        return self._say(layer.HEARTBEAT if self.responses else layer.LOGIN)

    def _say(self, kind: int) -> bytes:
        self._piid = (self._piid + 1) & 0x3F
        raw_time = layer.encode_time(self._now())
        request = layer.LinkRequest(self._piid, kind, self._heartbeat_s, raw_time)
        return encode_frame(layer.link_frame(self._address, request))


def _make(plan: ModemPlan, world: SideWorld) -> Dlt698Side:
    heartbeat_s = int(world.options.heartbeat_s) or 60
    return Dlt698Side(plan.modem_id, now=world.now, heartbeat_s=heartbeat_s)


SIDES: Final = {
    "dlt698": SideKind(
        link="dlt698",
        make=_make,
        name=lambda serial: f"{serial:0>12}",
        speaks=False,
        checked=True,
    )
}

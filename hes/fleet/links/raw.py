"""A transparent modem: it says who it is, and otherwise carries bytes as they are."""

from functools import partial
from typing import Final

from hes.fleet.links.side import Greeting, Incoming, SideKind, SideWorld
from hes.fleet.options import spelled
from hes.fleet.planned import ModemPlan


class RawSide:
    """See ``ModemSide``; ``mode`` is when the text is said, as in the listener's settings."""

    name = "raw"

    def __init__(self, text: bytes, *, heartbeat: bytes = b"", mode: str = "link") -> None:
        self._text = text
        self._heartbeat = heartbeat or text
        self._mode = mode

    def connected(self, _now_s: float) -> bytes:
        """See ``ModemSide``."""
        return b"" if self._mode == "data" else self._text

    def receive(self, data: bytes, _now_s: float) -> Incoming:
        """See ``ModemSide``."""
        return Incoming(data)

    def wrap(self, data: bytes) -> bytes:
        """See ``ModemSide``."""
        return data if self._mode == "link" else self._text + data

    def heartbeat(self, _now_s: float) -> bytes:
        """See ``ModemSide``: the text again, unless there is another one for it."""
        return self._heartbeat


def _make(plan: ModemPlan, world: SideWorld, *, mode: str | None = None) -> RawSide:
    options = world.options
    return RawSide(
        spelled(options.registration, modem_id=plan.modem_id),
        heartbeat=spelled(options.heartbeat, modem_id=plan.modem_id),
        mode=mode or options.registration_mode,
    )


def _imei(serial: str) -> str:
    return f"8612345{serial}"


SIDES: Final = {
    "raw": SideKind(link="raw", make=_make, name=_imei),
    "raw-split": SideKind(link="raw", make=_make, name=_imei, greeting=Greeting.SPLIT),
    "raw-glued": SideKind(link="raw", make=_make, name=_imei, greeting=Greeting.GLUED),
    "raw-data": SideKind(link="raw", make=partial(_make, mode="data"), name=_imei),
    "raw-both": SideKind(link="raw", make=partial(_make, mode="both"), name=_imei),
}

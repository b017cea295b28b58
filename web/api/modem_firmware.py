"""How far the firmware is that a modem was offered last."""

from typing import Any

import msgspec

from hes.control import ImageAnswer
from hes.ids import ModemId, modem_stream
from web.endpoint import Call, get
from web.images import last_image


class ModemFirmwareState(msgspec.Struct):
    """The firmware that a modem was offered last; None: none that is remembered."""

    modem_id: str
    last: ImageAnswer | None


async def modem_firmware_state(call: Call) -> Any:
    """Tell how far it is; nothing for a modem that was never offered any."""
    modem = ModemId(call.path("modem_id"))
    found = await call.read(last_image, call.web, modem_stream(modem))
    return ModemFirmwareState(modem_id=modem, last=found)


routes = (
    get(
        "/api/v1/modems/{modem_id}/firmware",
        modem_firmware_state,
        "How far the firmware is that the modem was offered last",
        ModemFirmwareState,
    ),
)

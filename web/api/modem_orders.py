"""The modem list, and orders to modems: settings, firmware."""

from typing import Annotated, Any, Final

import msgspec

from hes.commands import ConfigAnswer, FirmwareAnswer, OfferFirmware, ReadConfig, SetConfig
from hes.ids import ModemId
from web import shapes
from web.api.commands import REASON_MAX, Wait
from web.endpoint import Call, post
from web.errors import ApiError
from web.query import text

LIST_SIZE_MAX: Final = 16 * 1024 * 1024
LIST_S: Final = 300.0
IMAGE_SIZE_MAX: Final = 64 * 1024 * 1024
IMAGE_S: Final = 900.0
"""An image over a slow line."""


class ConfigBody(msgspec.Struct, forbid_unknown_fields=True):
    """With ``set``, settings to change, by name; without, all are read."""

    set: dict[str, str] | None = None
    reason: Annotated[str, msgspec.Meta(max_length=REASON_MAX)] = ""
    """Why the settings are changed, for the record."""
    timeout_s: Wait | None = None


async def import_modems(call: Call) -> Any:
    """Take a modem list, all of it or nothing."""
    written = await call.text(LIST_SIZE_MAX, LIST_S)
    result = await call.web.node.import_modems(written, call.actor, call.query["reason"])
    return {"imported": result.imported, "unchanged": result.unchanged}


async def modem_config(call: Call) -> Any:
    """Read a modem's settings, or change them."""
    body = await call.body(ConfigBody)
    modem = ModemId(call.path("modem_id"))
    command: ReadConfig | SetConfig = ReadConfig(modem=modem, actor=call.actor)
    if body.set is not None:
        command = SetConfig(
            modem=modem, settings=body.set, actor=call.actor, reason=body.reason.strip()
        )
    timeout_s = body.timeout_s or call.web.options.command_s
    answer = await call.web.node.commander.order(command, timeout_s=timeout_s)
    if not isinstance(answer, ConfigAnswer):
        raise TypeError(f"the answer to {command} is {answer}")
    return {"modem_id": modem, **msgspec.structs.asdict(answer)}


async def modem_firmware(call: Call) -> Any:
    """Offer a firmware; the body is its image."""
    modem = ModemId(call.path("modem_id"))
    try:
        signature = bytes.fromhex(call.query["signature"])
    except ValueError:
        raise ApiError(422, "signature must be hex digits") from None
    command = OfferFirmware(
        modem=modem,
        version=call.query["version"],
        image=await call.data(IMAGE_SIZE_MAX, IMAGE_S),
        signature=signature,
        actor=call.actor,
        reason=call.query["reason"],
    )
    timeout_s = call.web.options.command_s
    answer = await call.web.node.commander.order(command, timeout_s=timeout_s)
    if not isinstance(answer, FirmwareAnswer):
        raise TypeError(f"the answer to an offer of firmware is {answer}")
    return {"modem_id": modem, **msgspec.structs.asdict(answer)}


routes = (
    post(
        "/api/v1/modems",
        import_modems,
        "Import a modem list (text/csv with a header): secrets, modems that we call",
        shapes.ImportAnswer,
        body="text/csv",
        query=(text("reason", "why, for the record"),),
        errors=(413, 422),
    ),
    post(
        "/api/v1/modems/{modem_id}/config",
        modem_config,
        "Read a modem's settings, or change them",
        shapes.ModemConfig,
        body=ConfigBody,
        errors=(404, 409, 422, 502, 504),
    ),
    post(
        "/api/v1/modems/{modem_id}/firmware",
        modem_firmware,
        "Offer a firmware to a modem; it pulls the image by itself, and goes on where it was",
        shapes.ModemFirmware,
        body="application/octet-stream",
        query=(
            text("version", "what the modem is to say that it runs"),
            text("signature", "the maker's Ed25519 signature, hex"),
            text("reason", "why, for the record"),
        ),
        errors=(404, 409, 413, 422, 502, 504),
    ),
)

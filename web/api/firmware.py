"""Load new firmware into a meter, and see how far it is."""

import re
from typing import Any, Final

import msgspec

from hes.control import IMAGE_SIZE_MAX, ImageAnswer, LoadImage
from hes.ids import MeterId, meter_stream
from web.api.commands import execute, reason_of
from web.endpoint import Call, get, post
from web.errors import ApiError, unknown_meter
from web.images import last_image
from web.query import flag, text

IMAGE_S: Final = 300.0
"""An image may take so long to arrive here."""
_NAME: Final = re.compile(r"[!-~]{1,64}")


class MeterFirmware(msgspec.Struct):
    """The image that a meter was offered last; None: none that is remembered."""

    meter_id: str
    last: ImageAnswer | None


async def load_meter_firmware(call: Call) -> Any:
    """Take an image, and let the meter have it."""
    name = call.query["name"]
    if _NAME.fullmatch(name) is None:
        raise ApiError(422, "name the image: 1 to 64 printable characters, as the meter knows it")
    why = reason_of(call.query["reason"])
    image = await call.data(IMAGE_SIZE_MAX, IMAGE_S)
    if not image:
        raise ApiError(422, "the body is the image, and there is none")
    command = LoadImage(
        meter=MeterId(call.path("meter_id")), actor=call.actor, reason=why, name=name, image=image,
        resume=call.query["resume"],
    )  # fmt: skip
    return await execute(call, command, None)


async def meter_firmware(call: Call) -> Any:
    """Tell how far the last image is."""
    meter = call.path("meter_id")
    found = await call.read(last_image, call.web, meter_stream(MeterId(meter)))
    if found is None and await call.read(call.web.node.read_model.meter, meter) is None:
        raise unknown_meter(meter)
    return MeterFirmware(meter_id=meter, last=found)


routes = (
    post(
        "/api/v1/meters/{meter_id}/firmware",
        load_meter_firmware,
        "Load new firmware into the meter; the body is the image",
        ImageAnswer,
        query=(
            text("name", "By which the meter knows the image."),
            text("reason", "Why."),
            flag("resume", "Go on with what the meter has of this very image."),
        ),
        body="application/octet-stream",
        errors=(404, 413, 422, 502),
    ),
    get(
        "/api/v1/meters/{meter_id}/firmware",
        meter_firmware,
        "How far the last image is on its way into the meter",
        MeterFirmware,
        errors=(404,),
    ),
)

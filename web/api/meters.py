"""The meter list, and everything about one meter."""

from typing import Any

from web.endpoint import Call, get
from web.errors import unknown_meter
from web.query import integer, text
from web.shapes import MeterPage, MeterPageOfOne


async def list_meters(call: Call) -> Any:
    """Answer a page of the list."""
    return await call.read(call.web.node.read_model.meters, **call.query)


async def one_meter(call: Call) -> Any:
    """Answer one meter."""
    meter_id = call.path("meter_id")
    row = await call.read(call.web.node.read_model.meter, meter_id)
    if row is None:
        raise unknown_meter(meter_id)
    return row


routes = (
    get(
        "/api/v1/meters",
        list_meters,
        "Meters by id",
        MeterPage,
        query=(
            text("q", "part of a meter's or modem's name"),
            text("area", "only this area"),
            text("modem", "only behind this modem"),
            text("after", "the `next` of the page before"),
            integer("limit", "rows of a page", 100, 1, 1_000),
        ),
    ),
    get(
        "/api/v1/meters/{meter_id}",
        one_meter,
        "One meter, with its latest values, alarms, events and failures",
        MeterPageOfOne,
        errors=(404,),
    ),
)

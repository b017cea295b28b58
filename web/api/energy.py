"""Energy of days, made of the rows of load profiles."""

from typing import Any

from web.endpoint import Call, get
from web.errors import unknown_meter
from web.query import instant, integer, obis_codes, span
from web.shapes import EnergyDayRow

LIMIT = integer("limit", "rows; with more of them, the newest", 1_000, 1, 100_000)
FROM = instant("from", "a time of the first day")
TO = instant("to", "a time of the last day")


async def energy(call: Call) -> Any:
    """Answer the energy of local days, by day; a day is the one that the offset of a time says."""
    meter_id, (start, end) = call.path("meter_id"), span(call.query)
    rows = await call.read(
        call.web.node.read_model.energy_days,
        meter_id,
        obis=call.query["obis"],
        first=start and start.date(),
        last=end and end.date(),
        limit=call.query["limit"],
    )
    if not rows and await call.read(call.web.node.read_model.meter, meter_id) is None:
        raise unknown_meter(meter_id)
    return rows


routes = (
    get(
        "/api/v1/meters/{meter_id}/energy",
        energy,
        "Energy of a meter by the day",
        list[EnergyDayRow],
        query=(obis_codes("obis", "codes, repeated or with commas; none: all"), FROM, TO, LIMIT),
        errors=(404,),
    ),
)

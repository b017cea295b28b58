"""Register values and load profiles as they were collected."""

from collections.abc import Sequence
from typing import Any

from hes.obis import parse
from web.endpoint import Call, get
from web.errors import ApiError, unknown_meter
from web.query import instant, integer, obis_codes, span, text
from web.shapes import ProfileRow, ReadingRow

LIMIT = integer("limit", "rows; with more of them, the newest", 10_000, 1, 100_000)
FROM = instant("from", "the first time, included")
TO = instant("to", "the last time, included")
KIND = text("kind", "load, billing, events or an OBIS code; none: the load profile alone")
PROFILE_NAMES = frozenset({"load", "billing", "events"})


async def readings(call: Call) -> Any:
    """Answer register values by time."""
    start, end = span(call.query)
    rows = await call.read(
        call.web.node.read_model.readings,
        call.path("meter_id"),
        obis=call.query["obis"],
        start=start,
        end=end,
        limit=call.query["limit"],
    )
    return await _of_a_meter(call, rows)


async def profile(call: Call) -> Any:
    """Answer intervals by time."""
    start, end = span(call.query)
    rows = await call.read(
        call.web.node.read_model.profile,
        call.path("meter_id"),
        start=start,
        end=end,
        profile=profile_name(call.query["kind"] or call.query["profile"]) or None,
        limit=call.query["limit"],
    )
    return await _of_a_meter(call, rows)


async def _of_a_meter(call: Call, rows: Sequence[Any]) -> Any:
    """Tell a meter without data from one that does not exist."""
    meter_id = call.path("meter_id")
    if not rows and await call.read(call.web.node.read_model.meter, meter_id) is None:
        raise unknown_meter(meter_id)
    return rows


def profile_name(written: str, status: int = 400) -> str:
    """Return the name of a profile, an OBIS code in full form; empty stays empty.

    Raises:
        ApiError: with ``status``, it is neither.

    """
    if not written or written in PROFILE_NAMES:
        return written
    try:
        return parse(written[:40])
    except ValueError:
        raise ApiError(
            status, f"no profile {written[:40]!r}; load, billing, events or an OBIS code"
        ) from None


routes = (
    get(
        "/api/v1/meters/{meter_id}/readings",
        readings,
        "Register values of a meter, by time",
        list[ReadingRow],
        query=(obis_codes("obis", "codes, repeated or with commas; none: all"), FROM, TO, LIMIT),
        errors=(404,),
    ),
    get(
        "/api/v1/meters/{meter_id}/profile",
        profile,
        "Load profile of a meter, or another profile, by time",
        list[ProfileRow],
        query=(FROM, TO, KIND, text("profile", "the older name of kind"), LIMIT),
        errors=(404,),
    ),
)

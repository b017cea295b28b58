"""What came and could not be read: messages kept as they are, and callers nobody knows."""

from typing import Any

from web.endpoint import Call, get
from web.query import flag, integer
from web.shapes import Callers, Kept


async def kept(call: Call) -> Any:
    """Answer kept messages in the order they came, or the newest first."""
    rows = await call.read(call.web.node.read_model.kept, **call.query)
    more = rows[-1].position if len(rows) == call.query["limit"] else None
    return {"kept": rows, "next": more}


async def unknown(call: Call) -> Any:
    """Answer unknown callers, the newest first."""
    return {"callers": await call.read(call.web.node.read_model.unknown, **call.query)}


routes = (
    get(
        "/api/v1/kept",
        kept,
        "Messages kept as they came",
        Kept,
        query=(
            flag("newest", "the newest first; go on with before, else with after"),
            integer("after", "only above this position", 0, 0, 2**62),
            integer("before", "only below this position", 0, 0, 2**62),
            integer("limit", "messages", 100, 1, 1_000),
        ),
    ),
    get(
        "/api/v1/unknown",
        unknown,
        "Callers that never said who they are",
        Callers,
        query=(integer("limit", "callers", 100, 1, 1_000),),
    ),
)

"""What came and could not be read: messages kept as they are, and callers nobody knows."""

from typing import Any

from web.endpoint import Call, get
from web.query import integer
from web.shapes import Callers, Kept


async def kept(call: Call) -> Any:
    """Answer kept messages in the order they came."""
    return {"kept": await call.read(call.web.node.read_model.kept, **call.query)}


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
            integer("after", "only above this position", 0, 0, 2**62),
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

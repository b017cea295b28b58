"""Events that a read model put aside because they make no sense to it, with the reason."""

from typing import Any

import msgspec

from web.endpoint import Call, get
from web.query import integer


class PoisonRow(msgspec.Struct, kw_only=True):
    """One such event; it stands whole in the log, at this position."""

    projection: str
    position: int
    topic: str
    reason: str


class Poison(msgspec.Struct, kw_only=True):
    """Events that were put aside, the newest first."""

    poison: list[PoisonRow]


async def poison(call: Call) -> Any:
    """Answer what was put aside; nothing for a read model that put nothing aside."""
    rows = await call.read(
        call.web.node.read_model.poison, call.path("name"), limit=call.query["limit"]
    )
    return {"poison": rows}


routes = (
    get(
        "/api/v1/projections/{name}/poison",
        poison,
        "Events that a read model put aside, with the reason",
        Poison,
        query=(integer("limit", "events", 100, 1, 1_000),),
    ),
)

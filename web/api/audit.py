"""Who wanted what of the system, why, and what came of it."""

from typing import Any

from web.endpoint import Call, get
from web.query import instant, integer, span, text
from web.shapes import AuditLog

POSITION_MAX = 2**63 - 1


async def audit(call: Call) -> Any:
    """Answer entries, the newest first."""
    query = call.query
    rows = await call.read(
        call.web.node.read_model.audit,
        stream=query["stream"],
        actor=query["actor"],
        kind=query["kind"],
        between=span(query),
        before=query["before"],
        limit=query["limit"],
    )
    more = rows[-1].position if len(rows) == query["limit"] else None
    return {"entries": rows, "next": more}


routes = (
    get(
        "/api/v1/audit",
        audit,
        "Commands, imports, settings and firmware: who, what, why, result; the newest first",
        AuditLog,
        query=(
            text("stream", "of one stream, as meter:18097634"),
            text("actor", "of one person or program"),
            text("kind", "of one kind of event, as CommandFinished"),
            instant("from", "the first time, included"),
            instant("to", "the last time, included"),
            integer("before", "below this position in the log", 0, 0, POSITION_MAX),
            integer("limit", "entries", 200, 1, 5_000),
        ),
    ),
)

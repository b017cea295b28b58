"""Modems as the node sees them now, and their sessions."""

from typing import Any

from web.endpoint import Call, get
from web.query import integer
from web.shapes import Modems, Sessions


async def modems(call: Call) -> Any:
    """Answer all modems, by id."""
    views = call.web.node.commander.modems()
    return {"modems": sorted(views, key=lambda view: view.modem_id)}


async def sessions(call: Call) -> Any:
    """Answer the sessions of a modem; none for one that never called."""
    rows = await call.read(
        call.web.node.read_model.sessions, call.path("modem_id"), limit=call.query["limit"]
    )
    return {"sessions": rows}


routes = (
    get("/api/v1/modems", modems, "Modems as the node sees them now", Modems),
    get(
        "/api/v1/modems/{modem_id}/sessions",
        sessions,
        "Connections of a modem, the newest first",
        Sessions,
        query=(integer("limit", "sessions", 100, 1, 1_000),),
    ),
)

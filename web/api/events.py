"""The history: every event there is, by position."""

from typing import Any

from web.endpoint import Call, get
from web.errors import ApiError
from web.query import integer, text
from web.shapes import EventPage

POSITION_MAX = 2**62


async def events(call: Call) -> Any:
    """Answer a page of events."""
    query = call.query
    newest = query["order"] == "desc"
    if query["order"] not in {"", "asc", "desc"}:
        raise ApiError(400, "order is either asc or desc")
    if query["before"] is not None and not newest:
        raise ApiError(400, "before goes with order=desc; use after to go forwards")
    if query["after"] and newest:
        raise ApiError(400, "after goes forwards; use before with order=desc")
    return await call.read(
        call.web.history.page,
        stream=query["stream"],
        kind=query["type"],
        after=query["after"],
        before=query["before"],
        limit=query["limit"],
        newest=newest,
    )


routes = (
    get(
        "/api/v1/events",
        events,
        "Events by position, from the oldest or from the newest",
        EventPage,
        query=(
            integer("after", "only above this position", 0, 0, POSITION_MAX),
            integer("before", "only below this position, with order=desc", None, 0, POSITION_MAX),
            integer("limit", "events of a page", 100, 1, 1_000),
            text("stream", "only this stream: meter:ID, modem:ID or node:NAME"),
            text("type", "only this kind: Reading, or Reading/1"),
            text("order", "asc, or desc for the newest first"),
        ),
    ),
)

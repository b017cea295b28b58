"""The numbers of the first page."""

from typing import Any

from web.endpoint import Call, get
from web.overview import overview_body
from web.shapes import Overview


async def overview(call: Call) -> Any:
    """Answer the numbers as they are now."""
    return await overview_body(call.web)


routes = (get("/api/v1/overview", overview, "The numbers of the first page", Overview),)

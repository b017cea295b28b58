"""The supervision tree."""

from typing import Any

from hes.tree import ActorStatus
from web.endpoint import Call, get
from web.errors import ApiError
from web.query import integer, text


async def tree(call: Call) -> Any:
    """Answer an actor and what is below it."""
    query = call.query
    try:
        return call.web.node.tree(query["path"], query["depth"], query["offset"], query["limit"])
    except LookupError:
        raise ApiError(404, f"no actor {query['path']!r} in the tree") from None


routes = (
    get(
        "/api/v1/tree",
        tree,
        "An actor of the supervision tree, with its children",
        ActorStatus,
        query=(
            text("path", "where to begin; none: the root"),
            integer("depth", "levels below it", 2, 0, 5),
            integer("offset", "children to leave out, of the actor itself", 0, 0, 10_000_000),
            integer("limit", "children to show", 200, 1, 1_000),
        ),
        errors=(404,),
    ),
)

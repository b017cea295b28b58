"""The supervision tree."""

from typing import Any

import msgspec

from hes.tree import ActorStatus
from web.endpoint import Call, get, post
from web.errors import ApiError
from web.query import integer, text


async def tree(call: Call) -> Any:
    """Answer an actor and what is below it."""
    query = call.query
    try:
        return call.web.node.tree(query["path"], query["depth"], query["offset"], query["limit"])
    except LookupError:
        raise ApiError(404, f"no actor {query['path']!r} in the tree") from None


class RestartBody(msgspec.Struct, forbid_unknown_fields=True):
    """Which actor."""

    path: str


async def restart(call: Call) -> Any:
    """Restart an actor; answer it as it is in that moment."""
    body = await call.body(RestartBody)
    try:
        return call.web.node.restart(body.path, call.actor)
    except LookupError:
        raise ApiError(
            404, f"no actor {body.path!r} that could be restarted", code="unknown-actor"
        ) from None


routes = (
    post(
        "/api/v1/tree/restart",
        restart,
        "Let an actor die and start anew, or try a parked one again",
        ActorStatus,
        body=RestartBody,
        errors=(404, 422),
    ),
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

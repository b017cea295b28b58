"""The read models: how far they are, and building one anew."""

from typing import Any

import msgspec

from web.endpoint import Call, get, post
from web.errors import ApiError
from web.shapes import Projections


class RebuildBody(msgspec.Struct, forbid_unknown_fields=True):
    """With ``verify``, only build beside and compare."""

    verify: bool = False


async def projections(call: Call) -> Any:
    """Answer where each read model stands."""
    return {"projections": list(call.web.node.projection_status())}


async def rebuild(call: Call) -> Any:
    """Fold a read model from the first event."""
    name = call.path("name")
    body = await call.body(RebuildBody)
    rows = msgspec.to_builtins(list(call.web.node.projection_status()))
    names = [row["name"] for row in rows]
    if name not in names:
        known = ", ".join(names)
        raise ApiError(404, f"no projection {name[:40]!r}; known: {known}")
    return await call.web.node.rebuild(name, verify=body.verify, actor=call.actor)


routes = (
    get("/api/v1/projections", projections, "Where each read model stands", Projections),
    post(
        "/api/v1/projections/{name}/rebuild",
        rebuild,
        "Build a read model anew, or only compare",
        dict[str, Any],
        body=RebuildBody,
        errors=(404, 422),
    ),
)

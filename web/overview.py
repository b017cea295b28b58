"""The numbers of the first page: what read models count, with the log and the node."""

from typing import Any

import msgspec

from web.context import Web
from web.reading import read


async def overview_body(web: Web) -> dict[str, Any]:
    """Return the body of ``/api/v1/overview``, which the live topic begins with too."""
    node = web.node
    counted = await read(web, node.read_model.overview, node.clock.now())
    body: dict[str, Any] = msgspec.to_builtins(counted)
    return body | {
        "events_total": await read(web, web.history.head),
        "events_per_s": web.rate.per_second(),
        "readings_last_minute": web.readings.count(),
        "projections": msgspec.to_builtins(list(node.projection_status())),
        "node": {"started_at": node.started_at.isoformat(), "version": node.version},
    }

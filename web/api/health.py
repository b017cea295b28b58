"""Whether the node works, and its numbers for monitoring."""

from typing import Final

import trio
from starlette.responses import Response

from hes.store.errors import StoreError
from web.endpoint import Call, get
from web.json_answer import json_answer
from web.metrics import CONTENT_TYPE
from web.shapes import Health

LOG_S: Final = 2.0
"""A store that does not tell its head within this is as good as away."""


async def healthz(call: Call) -> Response:
    """Answer 200 while the event log can be read, else 503 with what is wrong."""
    node = call.web.node
    position, problem = 0, None
    try:
        with trio.fail_after(LOG_S):
            position = await call.read(call.web.history.head)
    except trio.TooSlowError:
        problem = f"the store did not answer within {LOG_S:g} s"
    except StoreError as away:
        problem = str(away)
    health = Health(
        status="ok" if problem is None else "unavailable",
        version=node.version,
        position=position,
        uptime_s=round((node.clock.now() - node.started_at).total_seconds(), 1),
        problem=problem,
    )
    return json_answer(health, 200 if problem is None else 503)


async def metrics(call: Call) -> Response:
    """Answer in Prometheus' text format."""
    return Response(call.web.metrics.exposition(), headers={"Content-Type": CONTENT_TYPE})


routes = (
    get("/healthz", healthz, "Whether the node works", Health, errors=(503,)),
    get("/metrics", metrics, "Numbers for Prometheus", "text/plain"),
)

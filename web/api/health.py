"""Whether the node works, and its numbers for monitoring."""

from typing import Final

import trio
from starlette.responses import Response

from hes.store.errors import StoreError
from web.endpoint import Call, get
from web.errors import RETRY_AFTER_S
from web.json_answer import json_answer
from web.metrics import CONTENT_TYPE
from web.shapes import Health

LOG_S: Final = 2.0
"""A store that does not tell its head within this is as good as away."""


async def healthz(call: Call) -> Response:
    """Answer 200 while the event log can be read and written and is ours, else 503 with why not."""
    node = call.web.node
    position, problem = 0, None
    try:
        with trio.fail_after(LOG_S):
            position = await trio.to_thread.run_sync(
                call.web.history.check, abandon_on_cancel=True, limiter=call.web.probes
            )
    except trio.TooSlowError:
        problem = f"the store did not answer within {LOG_S:g} s"
    except StoreError as away:
        problem = str(away)
    # A log that can be read may be full: what the journal waits for counts as well.
    problem = problem or node.system().store.problem
    health = Health(
        status="ok" if problem is None else "unavailable",
        version=node.version,
        position=position,
        uptime_s=round((node.clock.now() - node.started_at).total_seconds(), 1),
        problem=problem,
    )
    if problem is None:
        return json_answer(health)
    return json_answer(health, 503, {"Retry-After": str(RETRY_AFTER_S)})


async def metrics(call: Call) -> Response:
    """Answer in Prometheus' text format."""
    return Response(call.web.metrics.exposition(), headers={"Content-Type": CONTENT_TYPE})


routes = (
    get("/healthz", healthz, "Whether the node works", Health, errors=(503,)),
    get("/metrics", metrics, "Numbers for Prometheus", "text/plain"),
)

"""What keeps the node going: its stores, its doors, its memory, and what auditors hold on to."""

from datetime import datetime
from typing import Any, Final

import msgspec
import trio

from hes.events.audit import Anchored
from hes.store.errors import StoreError
from hes.system import SystemFacts
from web.context import Web
from web.endpoint import Call, get
from web.shapes import ProjectionRow

ANCHORS: Final = "audit:anchors"
LOG_S: Final = 2.0
"""A store that does not answer within this is as good as away."""


class Anchor(msgspec.Struct, kw_only=True):
    """The newest digest over the log; kept elsewhere, it shows later that nobody wrote it anew."""

    first: int
    last: int
    """Positions in the log, both included."""
    digest: str
    at: datetime


class WebFacts(msgspec.Struct, kw_only=True):
    """Who looks at the node."""

    live: int
    """Clients of the live feed."""
    resyncs: int
    """Slow ones that got a fresh snapshot."""


class SystemPage(msgspec.Struct, kw_only=True):
    """All of it; what the log tells is None while the log is away."""

    system: SystemFacts
    position: int | None
    problem: str | None
    """Why the log cannot be read, or written by this node, in a sentence."""
    anchor: Anchor | None
    projections: list[ProjectionRow]
    web: WebFacts


async def system(call: Call) -> Any:
    """Answer how the node is, whatever is away."""
    web = call.web
    position, anchor, problem = None, None, None
    try:
        with trio.fail_after(LOG_S):
            position, anchor = await trio.to_thread.run_sync(
                _log, web, abandon_on_cancel=True, limiter=web.probes
            )
    except trio.TooSlowError:
        problem = f"the store did not answer within {LOG_S:g} s"
    except StoreError as away:
        problem = str(away)
    rows = msgspec.convert(msgspec.to_builtins(list(web.node.projection_status())),
                           list[ProjectionRow])  # fmt: skip
    told = web.feed.statistics()
    return SystemPage(
        system=web.node.system(),
        position=position,
        problem=problem,
        anchor=anchor,
        projections=rows,
        web=WebFacts(live=told.clients, resyncs=told.resyncs),
    )


def _log(web: Web) -> tuple[int, Anchor | None]:
    """Return the position of the last event, and the newest anchor."""
    log = web.node.event_log
    position = log.check()
    rows = log.read_stream_back(ANCHORS, position + 1, 1)
    event = web.node.decoder.recorded(rows[0]).event if rows else None
    if not isinstance(event, Anchored):
        return position, None
    return position, Anchor(
        first=event.first, last=event.last, digest=event.digest.hex(), at=event.received_at
    )


routes = (
    get("/api/v1/system", system, "The node itself: stores, queue, ports, memory", SystemPage),
)

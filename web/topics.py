"""What the live topics begin with; names as in ``subscribe``."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec

from hes.store.errors import StoreError
from hes.tree import ActorStatus
from web.context import Web
from web.live import NoSnapshot, Snapshot
from web.overview import overview_body
from web.reading import read

ALARMS_MAX: Final = 1_000
TREE_DEPTH: Final = 2
TREE_CHILDREN_MAX: Final = 200
"""Of the root; the children of larger supervisors are paged over HTTP."""


def offer_topics(web: Web) -> None:
    """Let the feed know every topic."""
    for kind, source in SOURCES.items():
        web.feed.offer(kind, _guarded(web, source))


def _guarded(web: Web, source: Callable[[Web, str], Awaitable[Any]]) -> Snapshot:
    away: tuple[type[Exception], ...] = (StoreError, *web.options.unavailable)

    async def snapshot(key: str) -> Any:
        try:
            return await source(web, key)
        except away as problem:
            sentence = f"the data cannot be had for now: {problem}"
            raise NoSnapshot(sentence, lasting=False) from problem

    return snapshot


async def _overview(web: Web, _: str) -> Any:
    return await overview_body(web)


async def _meters(web: Web, _: str) -> Any:
    page = await read(web, web.node.read_model.meters, q="", area="", modem="", after="", limit=1)
    return {"total": msgspec.to_builtins(page)["total"]}


async def _meter(web: Web, meter_id: str) -> Any:
    row = await read(web, web.node.read_model.meter, meter_id)
    if row is None:
        raise NoSnapshot(f"no meter {meter_id} in the device list", lasting=True)
    return row


async def _alarms(web: Web, _: str) -> Any:
    rows = await read(web, web.node.read_model.alarms, open_only=True, limit=ALARMS_MAX)
    return {"alarms": rows}


async def _modems(web: Web, _: str) -> Any:
    return {"modems": web.node.commander.modems()}


async def _events(web: Web, _: str) -> Any:
    return {"head": await read(web, web.history.head)}


async def _tree(web: Web, _: str) -> ActorStatus:
    return tree_of(web)


def tree_of(web: Web) -> ActorStatus:
    """Return the top of the supervision tree, as far as the topic tells it."""
    return web.node.tree("", TREE_DEPTH, 0, TREE_CHILDREN_MAX)


SOURCES: Final[dict[str, Callable[[Web, str], Awaitable[Any]]]] = {
    "overview": _overview,
    "meters": _meters,
    "meter": _meter,
    "alarms": _alarms,
    "modems": _modems,
    "events": _events,
    "tree": _tree,
}

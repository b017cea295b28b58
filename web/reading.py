"""Blocking reads in worker threads, few at a time."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

import trio

from web.context import Web

T = TypeVar("T")


async def read(web: Web, method: Callable[..., T], *args: Any, **kwargs: Any) -> T:
    """Return what ``method`` returns. Cancelled, the thread finishes by itself, unheard."""
    return await trio.to_thread.run_sync(
        functools.partial(method, *args, **kwargs), abandon_on_cancel=True, limiter=web.limiter
    )

"""What tests of the node's parts share."""

from collections.abc import Callable
from typing import Any

import pytest
import trio


@pytest.fixture
def threads_inline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads know no virtual clock: what runs in them runs here at once."""

    async def at_once(call: Callable[..., Any], *args: Any, abandon_on_cancel: bool) -> Any:
        assert abandon_on_cancel
        await trio.lowlevel.checkpoint()
        return call(*args)

    monkeypatch.setattr(trio.to_thread, "run_sync", at_once)

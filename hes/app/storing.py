"""Stores facts for somebody who does not wait for ever, and may call it off."""

from collections.abc import Sequence
from functools import partial

from actors.errors import JournalFailed
from actors.journal_queue import BATCH_EVENTS_MAX, JournalQueue
from actors.patience import Patience
from hes.events.base import DomainEvent
from hes.store.errors import StoreError


async def store(
    queue: JournalQueue, items: Sequence[tuple[str, Sequence[DomainEvent]]], patience: Patience
) -> None:
    """Store events of many streams; all of them are durable when this returns.

    It can be called off while the journal has not begun with the first of them.

    Raises:
        StoreError: some of them are not stored; those before them are.

    """
    patience.store()
    for start in range(0, len(items), BATCH_EVENTS_MAX):
        await queue.wait_room()
        some = [queue.put(*item) for item in items[start : start + BATCH_EVENTS_MAX]]
        if not start:
            patience.call_off = partial(queue.withdraw, some)
        try:
            for entry in some:
                await entry.wait()
        except JournalFailed as problem:
            raise StoreError(f"not, or not all of it, is written down: {problem}") from problem
        patience.accept()
        patience.store()

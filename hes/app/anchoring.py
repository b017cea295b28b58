"""Anchors the event log once a day: who keeps the digests elsewhere can prove the log later."""

import random
from datetime import tzinfo
from typing import Final

import structlog
import trio

from actors.errors import JournalFailed
from actors.journal_queue import JournalQueue
from hes.audit.anchor_times import JITTER_S_MAX, due_at
from hes.clock import Clock
from hes.store.anchor import STREAM, last_anchor, next_anchor
from hes.store.codec import EventCodec
from hes.store.errors import StoreError
from hes.store.port import EventLog

LOGGER: Final = structlog.stdlib.get_logger("hes")
START_S: Final = 60.0
"""A node that starts has more urgent things to read."""
LOOK_S: Final = 3600.0
"""A clock that is set, or a machine that slept, is noticed within this."""
RETRY_S: Final = 300.0


class Anchoring:
    """Appends ``Anchored`` events through the journal, which is the one writer."""

    def __init__(
        self,
        log: EventLog,
        codec: EventCodec,
        journal: JournalQueue,
        *,
        clock: Clock,
        zone: tzinfo,
        rng: random.Random,
    ) -> None:
        self._log = log
        self._codec = codec
        self._journal = journal
        self._clock = clock
        self._zone = zone
        self._rng = rng
        self._told = "not looked yet"

    def detail(self) -> str:
        """Return the newest anchor, or what stands in the way of one, for the tree."""
        return self._told

    async def run(self) -> None:
        """Anchor for ever."""
        jitter_s = self._rng.uniform(0.0, JITTER_S_MAX)
        await trio.sleep(START_S)
        while True:
            try:
                wait_s = await self._look(jitter_s)
            except (StoreError, JournalFailed) as problem:
                # Whether it is stored nobody may know: the next look reads what is there.
                self._told = f"no anchor: {problem}"
                LOGGER.warning("the event log could not be anchored", problem=str(problem))
                wait_s = RETRY_S
            await trio.sleep(wait_s)

    async def _look(self, jitter_s: float) -> float:
        """Anchor if it is time; return the seconds until the next look."""
        # Threads are abandoned at the end of the node: they only read, maybe for long.
        last = await trio.to_thread.run_sync(
            last_anchor, self._log, self._codec, abandon_on_cancel=True
        )
        now = self._clock.now()
        made_at = None if last is None else last.received_at
        due = due_at(made_at, now, self._zone, jitter_s)
        if last is not None:
            self._told = f"events up to {last.last} are anchored"
        if now < due:
            return min((due - now).total_seconds(), LOOK_S)
        anchor = await trio.to_thread.run_sync(
            next_anchor, self._log, self._codec, now, abandon_on_cancel=True
        )
        if anchor is not None:
            await self._journal.append(STREAM, [anchor])
            self._told = f"events up to {anchor.last} are anchored"
            LOGGER.info(
                "the event log is anchored", first=anchor.first, last=anchor.last,
                digest=anchor.digest.hex(), root=(anchor.root or b"").hex(),
            )  # fmt: skip
        return 1.0

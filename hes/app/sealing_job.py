"""Seals old days of the event log, a little at a time, while the node does its work.

What there is to seal the log itself tells, so nothing has to be remembered: after a restart it goes
on. Steps are short and have pauses between them, longer ones while the journal is pressed.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, time, timedelta, tzinfo
from functools import partial
from typing import Final

import msgspec
import structlog
import trio

from hes.app.stores import Stores
from hes.clock import Clock
from hes.config import Config
from hes.store.block_worker import BlockWorker
from hes.store.errors import StoreError
from hes.store.life import sealed_note
from hes.store.sealing import Sealer, Sealing
from hes.store.snapshots import refresh
from hes.system import SealingFacts

LOGGER: Final = structlog.stdlib.get_logger("hes")
START_S: Final = 300.0
"""A node that starts has more urgent things to do."""
LOOK_S: Final = 3600.0
RETRY_S: Final = 900.0
QUIET_H: Final = 2
"""A new day is sealed from this hour on: at midnight everybody wants the database."""
REST_RATIO: Final = 3.0
"""It rests so many times as long as a step took: three quarters of the time are the node's."""
REST_S_MIN: Final = 0.02
STEP_S_MAX: Final = 300.0
"""Far above what a step takes."""
PRESSED_S: Final = 1.0
"""Until the journal is looked at again."""


def sealed_before(now: datetime, zone: tzinfo, days: int) -> datetime:
    """Return the local midnight before which events are sealed: ``days`` whole days stay."""
    day = (now.astimezone(zone) - timedelta(hours=QUIET_H)).date() - timedelta(days=days)
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


class SealingJob:
    """See the module."""

    def __init__(
        self,
        make: Callable[[datetime], AbstractContextManager[Sealer]],
        *,
        clock: Clock,
        zone: tzinfo,
        days: int,
        is_pressed: Callable[[], bool],
    ) -> None:
        """Take what makes a sealer for a run that begins at a time."""
        self._make = make
        self._clock = clock
        self._zone = zone
        self._days = days
        self._is_pressed = is_pressed
        self._facts = SealingFacts(after_days=days)

    def facts(self) -> SealingFacts:
        """Return what is going on, and what came of the last run."""
        return self._facts

    def detail(self) -> str:
        """Return the same in a sentence, for the tree."""
        facts = self._facts
        if facts.problem is not None:
            return f"not sealed: {facts.problem}"
        if facts.is_running:
            return f"sealing, at position {facts.at}"
        if facts.looked_at is None:
            return "not looked yet"
        return f"events up to {facts.position} are sealed"

    async def run(self) -> None:
        """Seal for ever."""
        await trio.sleep(START_S)
        while True:
            wait_s = LOOK_S
            try:
                await self._seal()
            except (StoreError, trio.TooSlowError) as problem:
                # Nothing is half done: the next run takes away what is left of this one.
                why = str(problem) or f"a step took longer than {STEP_S_MAX:g} s"
                self._note(problem=why)
                LOGGER.warning("old events could not be sealed", problem=why)
                wait_s = RETRY_S
            finally:
                self._note(is_running=False)
            await trio.sleep(wait_s)

    async def _seal(self) -> None:
        """Seal what is old enough."""
        now, began = self._clock.now(), trio.current_time()
        with self._make(now) as sealer:
            steps = sealer.steps(sealed_before(now, self._zone, self._days), now=now)
            self._note(is_running=True)
            while (at := await self._step(steps)) is not None:
                self._note(at=at, position=sealer.done.position)
        self._note(looked_at=now, position=sealer.done.position, problem=None)
        if sealer.done.events:
            self._sealed(sealer.done, now, trio.current_time() - began)

    async def _step(self, steps: Iterator[int]) -> int | None:
        """Do one step, then rest; None: there are no more."""
        while self._is_pressed():  # noqa: ASYNC110 -- nobody tells when it is over
            await trio.sleep(PRESSED_S)
        began = trio.current_time()
        # A step that is abandoned at the end of the node is as good as one that is killed.
        with trio.fail_after(STEP_S_MAX):
            at = await trio.to_thread.run_sync(next, steps, None, abandon_on_cancel=True)
        if at is not None:
            await trio.sleep(max(REST_S_MIN, REST_RATIO * (trio.current_time() - began)))
        return at

    def _sealed(self, done: Sealing, now: datetime, lasted_s: float) -> None:
        facts = self._facts
        self._note(
            events=done.events, octets=done.octets, sealed_at=now, lasted_s=round(lasted_s, 3),
            events_total=facts.events_total + done.events,
            octets_total=facts.octets_total + done.octets,
        )  # fmt: skip
        LOGGER.info("old events are sealed", **done._asdict())

    def _note(self, **changes: object) -> None:
        self._facts = msgspec.structs.replace(self._facts, **changes)


def sealer_of(
    stores: Stores, config: Config
) -> Callable[[datetime], AbstractContextManager[Sealer]]:
    """Return what makes a sealer of the node's log, which notes in the log what it does."""
    refreshed = partial(refresh, stores.log, stores.codec)
    actor = f"node:{config.node.name}"

    @contextmanager
    def made(now: datetime) -> Iterator[Sealer]:
        told = sealed_note(stores.codec, now, actor)
        with BlockWorker() as worker:
            yield Sealer(
                stores.database, config.node.timezone, before_segment=refreshed, told=told,
                block=worker.block,
            )  # fmt: skip

    return made

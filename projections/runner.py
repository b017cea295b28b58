"""Keeps the projections up with the log: pages what they missed, then follows the journal.

What the journal has made durable is handed over in memory; when that would grow too large, or a
piece is missing, the log itself is read again, so nothing is ever skipped.
"""

import math
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, tzinfo
from typing import Final, Protocol, TypeVar

import msgspec
import trio

from hes.events.base import Recorded
from hes.store.errors import StoreError, StoreUnavailable
from hes.store.port import StoredRow
from projections.base import EPOCH, Change, Projection, find_projections
from projections.errors import BatchTooLate, ReadModelError, ReadModelUnavailable
from projections.folding import Tables, Unreadable
from projections.retention import LOOK_S, Retention
from projections.sql.places import Place

BATCH: Final = 2000
WAITING_MAX: Final = 4_000
"""Events handed over and not folded yet; more are read from the log instead."""
RETRY_S: Final = 2.0
SETTLE_S: Final = 2.0
"""A quiet moment for what projections leave undone, this long after the last: what arrives in the
meantime is then done together."""
GIVE_WAY: Final = 19.0
"""While many devices wait for their confirmations, a pause so many times as long as the last batch
took: the log comes first, screens may lag behind it in a storm."""
GIVE_WAY_S_MAX: Final = 2.0
BATCH_BUSY: Final = 200
"""Smaller then, so that the pauses are short."""

T = TypeVar("T")
OnCommit = Callable[[Sequence[Change], int], None]


class Log(Protocol):
    """What the runner reads of the event log."""

    def head(self) -> int:
        """Return the position of the last event."""
        ...

    def read(self, after: int, limit: int) -> list[StoredRow]:
        """Return events after a position."""
        ...


class Decoder(Protocol):
    """Turns stored rows into events."""

    def recorded(self, row: StoredRow) -> Recorded:
        """Return a stored row with its event decoded."""
        ...

    def recorded_all(self, rows: Sequence[StoredRow]) -> list[Recorded]:
        """Return stored rows with their events decoded: the fast way for many."""
        ...


class ProjectionStatus(msgspec.Struct, frozen=True, kw_only=True):
    """How far a projection is."""

    name: str
    position: int
    lag: int
    """Events behind the log."""
    age_s: float
    """Seconds since it was last up with the log; 0 when it is."""
    poisoned: int
    """Events that it has put aside."""


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """What a rebuild did."""

    name: str
    position: int
    """Up to which event."""
    action: str
    """``replaced``: the rows are the new ones now; ``compared``: nothing was changed."""
    differences: int | None
    """Rows that are in one of the two and not in the other; None: it did not compare."""
    ok: bool
    """Whether all is well: replaced, or compared and no difference found."""


class Runner:
    """Owns the read models' writer."""

    def __init__(
        self,
        place: Place,
        log: Log,
        decoder: Decoder,
        *,
        on_commit: OnCommit = lambda _changes, _position: None,
        projections: Sequence[Projection] | None = None,
        zone: tzinfo = UTC,
    ) -> None:
        self._log = log
        self._decoder = decoder
        self.on_commit = on_commit
        self.is_pressed: Callable[[], bool] = lambda: False
        """Whether many devices wait for the journal."""
        self._projections = list(projections or find_projections())
        self._tables = Tables(place, self._projections, zone)
        self._waiting: deque[Recorded] = deque()
        self._news = trio.Event()
        self._thread = trio.CapacityLimiter(1)
        self._one = trio.Lock()
        self._one_rebuild = trio.Lock()
        self._head = 0
        """Position of the last event that we know of; 0 until the log was asked."""
        self._level_at = 0.0
        self._settle_at = -math.inf
        self.retention: Retention | None = None
        """How long intervals are kept; None: for ever."""
        self.trouble = ""
        """Why it stands still, if it does."""

    # -- from the node

    def publish(self, recorded: Sequence[Recorded]) -> None:
        """Take events that are durable now; called in the trio thread after each commit."""
        if recorded:
            self._head = recorded[-1].position
            if len(self._waiting) < WAITING_MAX:
                self._waiting.extend(recorded)
            self._news.set()

    def status(self) -> list[ProjectionStatus]:
        """Return how far each projection is."""
        head = max(self._head, self._tables.lowest())
        now = trio.current_time()
        found: list[ProjectionStatus] = []
        for name, position in sorted(self._tables.positions.items()):
            lag = max(0, head - position)
            age_s = round(now - self._level_at, 3) if lag else 0.0
            found.append(
                ProjectionStatus(
                    name=name, position=position, lag=lag, age_s=age_s,
                    poisoned=self._tables.poisons.get(name, 0),
                )
            )  # fmt: skip
        return found

    def close(self) -> None:
        """Close the database."""
        self._tables.close()

    # -- its life

    async def run(self) -> None:
        """Follow the log for ever."""
        while True:
            try:
                await self._forget()
                async with self._one:
                    idle = not await self._step()
                if idle:
                    self._level_at = trio.current_time()
                    await self._rest()
            except (ReadModelUnavailable, StoreUnavailable) as problem:
                self.trouble = str(problem)
                await trio.sleep(RETRY_S)
                continue
            self.trouble = ""

    async def _rest(self) -> None:
        """Use a quiet moment for what projections left undone, or wait for news."""
        if not self._tables.is_unsettled:
            wait_s = math.inf if self.retention is None else LOOK_S
        elif (wait_s := self._settle_at - trio.current_time()) <= 0:
            async with self._one:
                if not await self._in_thread(self._tables.settle):
                    self._settle_at = trio.current_time() + SETTLE_S
            return
        with trio.move_on_after(wait_s):
            await self._news.wait()
            self._news = trio.Event()

    async def _forget(self) -> None:
        """Remove days that are too old; does something once a day."""
        day = None if self.retention is None else self.retention.due()
        if day is not None and self.retention is not None:
            async with self._one:
                await self._in_thread(self._tables.forget, day)
            self.retention.done(day)

    async def settle(self) -> None:
        """Do all that projections left undone."""
        while self._tables.is_unsettled:
            async with self._one:
                await self._in_thread(self._tables.settle)

    async def catch_up(self) -> None:
        """Fold everything that is in the log now."""
        async with self._one:
            self._head = max(self._head, await self._in_thread(self._log.head))
            while await self._step():
                pass

    async def _step(self) -> bool:
        """Take one batch; False when there was none."""
        size = BATCH_BUSY if self.is_pressed() else BATCH
        batch = self._next_waiting(size)
        if batch is None:
            head, batch = await self._in_thread(self._page, size)
            self._head = max(self._head, head)
        if not batch:
            return False
        began = trio.current_time()
        try:
            changes = await self._in_thread(self._tables.take, batch)
        except BatchTooLate:
            return True
        self._head = max(self._head, batch[-1].position)
        self.on_commit(changes, batch[-1].position)
        if self.is_pressed():
            took_s = trio.current_time() - began
            await trio.sleep(min(GIVE_WAY * took_s, GIVE_WAY_S_MAX))
        return True

    async def _in_thread(self, work: Callable[..., T], *values: object) -> T:
        return await trio.to_thread.run_sync(work, *values, limiter=self._thread)

    def _next_waiting(self, size: int) -> list[Recorded] | None:
        """Return the next handed-over events; None when the log must be read."""
        waiting, expected = self._waiting, self._tables.lowest() + 1
        while waiting and waiting[0].position < expected:
            waiting.popleft()
        if not waiting:
            return [] if self._head and self._head < expected else None
        if waiting[0].position != expected:
            return None
        batch: list[Recorded] = []
        while waiting and len(batch) < size and waiting[0].position == expected:
            batch.append(waiting.popleft())
            expected += 1
        return batch

    def _page(self, size: int) -> tuple[int, list[Recorded]]:
        """Return the head of the log, and what is next in it."""
        head = self._log.head()
        return head, self._decoded(self._log.read(self._tables.lowest(), size))

    def _decoded(self, rows: Sequence[StoredRow]) -> list[Recorded]:
        try:
            return self._decoder.recorded_all(rows)
        except StoreUnavailable:
            raise
        except StoreError:  # of one of them
            return list(map(self._recorded, rows))

    def _recorded(self, row: StoredRow) -> Recorded:
        """Decode a row; one that cannot be read is put aside, and holds up nothing behind it."""
        try:
            return self._decoder.recorded(row)
        except StoreUnavailable:
            raise
        except StoreError as fault:
            event = Unreadable(received_at=EPOCH, kind=row.topic, reason=str(fault))
            return Recorded(row.position, row.stream, row.version, event)

    # -- rebuilding

    async def rebuild(self, name: str, *, verify: bool) -> Rebuilt:
        """Fold a projection from the first event beside the living one; swap it in, or compare.

        Raises:
            ReadModelError: there is no such projection.

        """
        found = [projection for projection in self._projections if projection.name == name]
        if not found:
            known = ", ".join(projection.name for projection in self._projections)
            raise ReadModelError(f"there is no projection {name!r}; there are {known}")
        async with self._one_rebuild:
            with self._tables.place.shadow() as place:
                shadow = await trio.to_thread.run_sync(self._shadow, place, found[0])
                try:
                    return await self._rebuild(found[0], shadow, verify=verify)
                finally:
                    with trio.CancelScope(shield=True):  # a thread, with deadlines of its own
                        await trio.to_thread.run_sync(_discard, shadow)

    def _shadow(self, place: Place, projection: Projection) -> Tables:
        shadow = Tables(place, [projection], self._tables.zone, anew=True)
        kept_from = self._tables.kept_from()
        if kept_from is not None:
            shadow.forget(kept_from)
        return shadow

    async def _rebuild(self, projection: Projection, shadow: Tables, *, verify: bool) -> Rebuilt:
        name = projection.name
        while await trio.to_thread.run_sync(
            self._shadow_step, shadow, self._tables.positions[name]
        ):
            pass
        async with self._one:  # the living one stands still for the last few events
            live = self._tables.positions[name]
            while await trio.to_thread.run_sync(self._shadow_step, shadow, live):
                pass
            await self._in_thread(self._make_equal, shadow)
            differences = None
            if verify:
                differences = await self._in_thread(self._tables.differences, projection, shadow)
            else:
                await self._in_thread(self._tables.replace, projection, shadow)
        action = "compared" if verify else "replaced"
        return Rebuilt(
            name=name, position=live, action=action, differences=differences, ok=not differences
        )

    def _shadow_step(self, shadow: Tables, until: int) -> bool:
        """Fold one page into the shadow, not beyond ``until``; False when there is no more."""
        rows = self._log.read(shadow.lowest(), BATCH)
        rows = [row for row in rows if row.position <= until]
        shadow.take(self._decoded(rows))
        return bool(rows) or (shadow.is_unsettled and shadow.settle())

    def _make_equal(self, shadow: Tables) -> None:
        """Let both have all rows that they will have, and none of days that were removed."""
        kept_from = self._tables.kept_from()
        if kept_from is not None and kept_from != shadow.kept_from():
            shadow.forget(kept_from)
        for tables in (self._tables, shadow):
            while tables.is_unsettled:
                tables.settle()


def _discard(shadow: Tables) -> None:
    """Close a shadow and remove its tables; what is left of them goes before the next."""
    shadow.close()
    with suppress(ReadModelError):
        shadow.discard()

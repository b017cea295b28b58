"""How well collection works: deliveries and failures by time, each failure with its one cause."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import repeat
from typing import Any

from hes.events.base import DomainEvent, Recorded
from hes.events.reading import LoadProfileRead, ReadFailed, Reading, Source
from projections.base import MILLISECOND, Change, Database, meter_in, utc_ms
from projections.said import Said, said
from projections.sql.schema import NAME, TEXT, Table, Upsert, text, whole

SLOT = timedelta(minutes=5)
SLOT_MS = SLOT // MILLISECOND
"""Counted by five minutes, so that the last hour is a sum of a dozen numbers."""
PUSH = Source.PUSH
PUSHED = "pushed"
READ = "read"
PROFILE = "profile"
SUCCESS = Table(
    "success",
    (whole("slot"), text("outcome"), whole("counted")),
    key=("slot", "outcome"),
    is_rewritten=True,
)
COUNT = Upsert(SUCCESS, sets={"counted": "t.counted + s.counted"})
FAILURE = Table(
    "failure",
    (
        whole("position"), text("meter_id", NAME), whole("received_at"), text("what", NAME),
        text("reason"), text("detail", TEXT),
    ),
    key=("position",),
    indexes=(("meter_id", "position"),),
)  # fmt: skip


class Success:
    """``pushed``, ``read`` and ``profile`` count what came; every other outcome is a cause."""

    name = "success"
    version = 2
    tables = (SUCCESS, FAILURE)
    events = (Reading, LoadProfileRead, ReadFailed)

    def apply(self, batch: Sequence[Recorded], db: Database) -> Iterable[Change]:
        """See ``Projection``."""
        readings = said(batch, db)
        rest = [r for r in batch if type(r.event) is not Reading]
        if len(rest) + sum(len(some.meters) for some in readings) < len(batch):
            readings, rest = [], list(batch)  # some are of no meter
        counts = Counter((utc_ms(r.event.received_at) // SLOT_MS, _outcome(r.event)) for r in rest)
        for some in readings:
            counts += _counted(some)
        db.insert(FAILURE, [_failure(r, r.event) for r in rest if isinstance(r.event, ReadFailed)])
        db.upsert(COUNT, [(n * SLOT_MS, outcome, count) for (n, outcome), count in counts.items()])
        return [("overview", "")]


def _counted(some: Said) -> Counter[tuple[int, str]]:
    """Return how many readings have which slot and outcome; most often there is one slot."""
    first, last = min(some.received) // SLOT_MS, max(some.received) // SLOT_MS
    slots = repeat(first) if first == last else [at // SLOT_MS for at in some.received]
    found: Counter[tuple[int, str]] = Counter()
    for (slot, source), count in Counter(zip(slots, some.sources, strict=False)).items():
        found[slot, PUSHED if source == PUSH else READ] += count
    return found


def _outcome(event: DomainEvent) -> str:
    if type(event) is Reading:
        return PUSHED if event.source is PUSH else READ
    return event.reason.value if isinstance(event, ReadFailed) else PROFILE


def _failure(recorded: Recorded, event: ReadFailed) -> tuple[Any, ...]:
    meter, at = meter_in(recorded.stream), utc_ms(event.received_at)
    return (recorded.position, meter, at, event.what, event.reason.value, event.detail)


PROJECTION = Success()

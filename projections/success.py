"""How well collection works: deliveries and failures by time, each failure with its one cause."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any

from hes.events.base import DomainEvent, Recorded
from hes.events.reading import LoadProfileRead, ReadFailed, Reading, Source
from projections.base import EPOCH, MILLISECOND, Change, Database, meter_in, utc_ms
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
        told = [((r.event.received_at - EPOCH) // SLOT, _outcome(r.event)) for r in batch]
        db.insert(FAILURE, [_failure(r, r.event) for r in batch if isinstance(r.event, ReadFailed)])
        db.upsert(
            COUNT, [(n * SLOT_MS, outcome, count) for (n, outcome), count in Counter(told).items()]
        )
        return [("overview", "")]


def _outcome(event: DomainEvent) -> str:
    if type(event) is Reading:
        return PUSHED if event.source is PUSH else READ
    return event.reason.value if isinstance(event, ReadFailed) else PROFILE


def _failure(recorded: Recorded, event: ReadFailed) -> tuple[Any, ...]:
    meter, at = meter_in(recorded.stream), utc_ms(event.received_at)
    return (recorded.position, meter, at, event.what, event.reason.value, event.detail)


PROJECTION = Success()

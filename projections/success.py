"""How well collection works: deliveries and failures by time, each failure with its one cause."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from hes.events.base import Recorded
from hes.events.reading import LoadProfileRead, ReadFailed, Reading, Source
from projections.base import Change, Database, meter_in, utc_ms
from projections.sql.schema import NAME, TEXT, Table, Upsert, text, whole

SLOT_MS = 300_000
"""Counted by five minutes, so that the last hour is a sum of a dozen numbers."""
PUSHED = "pushed"
READ = "read"
PROFILE = "profile"
SUCCESS = Table(
    "success", (whole("slot"), text("outcome"), whole("counted")), key=("slot", "outcome")
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
        counts: Counter[tuple[int, str]] = Counter()
        failed: list[tuple[Any, ...]] = []
        for recorded in batch:
            event = recorded.event
            at = utc_ms(event.received_at)
            outcome = READ
            if isinstance(event, LoadProfileRead):
                outcome = PROFILE
            elif isinstance(event, Reading) and event.source is Source.PUSH:
                outcome = PUSHED
            elif isinstance(event, ReadFailed):
                outcome = event.reason.value
                meter = meter_in(recorded.stream)
                failed.append((recorded.position, meter, at, event.what, outcome, event.detail))
            counts[at // SLOT_MS * SLOT_MS, outcome] += 1
        db.insert(FAILURE, failed)
        db.upsert(COUNT, [(slot, outcome, n) for (slot, outcome), n in counts.items()])
        return [Change("overview", "")]


PROJECTION = Success()

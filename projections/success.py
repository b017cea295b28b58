"""How well collection works: deliveries and failures by time, each failure with its one cause."""

from collections import Counter
from collections.abc import Iterable, Sequence

from hes.events.base import Recorded
from hes.events.reading import LoadProfileRead, ReadFailed, Reading, Source
from hes.ids import meter_of
from projections.base import Change, Database, utc_ms

SLOT_MS = 300_000
"""Counted by five minutes, so that the last hour is a sum of a dozen numbers."""
PUSHED = "pushed"
READ = "read"
PROFILE = "profile"
COUNT = (
    "INSERT INTO success (slot, outcome, number) VALUES (?, ?, ?)"
    " ON CONFLICT (slot, outcome) DO UPDATE SET number = number + excluded.number"
)
FAILED = (
    "INSERT INTO failure (position, meter_id, received_at, what, reason, detail)"
    " VALUES (?, ?, ?, ?, ?, ?)"
)


class Success:
    """``pushed``, ``read`` and ``profile`` count what came; every other outcome is a cause."""

    name = "success"
    version = 1
    tables = ("success", "failure")
    ddl = (
        "CREATE TABLE success (slot INTEGER NOT NULL, outcome TEXT NOT NULL,"
        " number INTEGER NOT NULL, PRIMARY KEY (slot, outcome)) WITHOUT ROWID",
        "CREATE TABLE failure (position INTEGER PRIMARY KEY, meter_id TEXT NOT NULL,"
        " received_at INTEGER NOT NULL, what TEXT NOT NULL, reason TEXT NOT NULL,"
        " detail TEXT NOT NULL)",
        "CREATE INDEX failure_meter ON failure (meter_id, position)",
    )
    events = (Reading, LoadProfileRead, ReadFailed)

    def apply(self, batch: Sequence[Recorded], db: Database) -> Iterable[Change]:
        """See ``Projection``."""
        counts: Counter[tuple[int, str]] = Counter()
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
                meter = meter_of(recorded.stream)
                row = (recorded.position, meter, at, event.what, outcome, event.detail)
                db.execute(FAILED, row)
            counts[at // SLOT_MS * SLOT_MS, outcome] += 1
        db.executemany(COUNT, [(slot, outcome, n) for (slot, outcome), n in counts.items()])
        return [Change("overview", "")]


PROJECTION = Success()

"""Every register value that was ever delivered."""

from collections.abc import Iterable, Sequence

from hes.events.base import Recorded
from hes.events.reading import Reading
from hes.ids import meter_of
from projections.base import Change, Database
from projections.latest import VALUE, reading_rows
from projections.sql.schema import Table, whole

READING = Table(
    "reading", (*VALUE, whole("position")), key=("meter_id", "obis", "time", "position")
)


class Readings:
    """One row a value; the position in the log keeps two of the same moment apart."""

    name = "readings"
    version = 3
    tables = (READING,)
    events = (Reading,)

    def apply(self, batch: Sequence[Recorded], db: Database) -> Iterable[Change]:
        """See ``Projection``."""
        db.insert(
            READING,
            [(*row, recorded.position) for recorded in batch for row in reading_rows(recorded, db)],
        )
        return {Change(f"meter:{meter_of(r.stream)}", "reading") for r in batch}


PROJECTION = Readings()

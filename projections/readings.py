"""Every register value that was ever delivered."""

from collections.abc import Iterable, Sequence

from hes.events.base import Recorded
from hes.events.reading import Reading
from projections.base import Change, Database
from projections.said import VALUE, said
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
        rows = [row for some in said(batch, db) for row in some.rows(some.positions)]
        db.insert(READING, rows)
        return ()


PROJECTION = Readings()

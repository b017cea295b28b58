"""Every register value that was ever delivered."""

from collections.abc import Iterable, Sequence

from hes.events.base import Recorded
from hes.events.reading import Reading
from projections.base import Change, Database
from projections.said import VALUE, said
from projections.sql.flat_rows import joined
from projections.sql.schema import Table, whole

READING = Table(
    "reading", (*VALUE, whole("position")), key=("meter_id", "time", "position", "obis")
)
"""In this order the values of one reading stand on one page, and those of a meter by time, as they
are asked for; by register each would have a page of its own. Tables from older programs have the
same rows by register."""


class Readings:
    """One row a value; the position in the log keeps two of the same moment apart."""

    name = "readings"
    version = 3
    tables = (READING,)
    events = (Reading,)

    def apply(self, batch: Sequence[Recorded], db: Database) -> Iterable[Change]:
        """See ``Projection``."""
        db.insert(READING, joined([some.rows(some.positions) for some in said(batch, db)]))
        return ()


PROJECTION = Readings()

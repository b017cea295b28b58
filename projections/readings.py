"""Every register value that was ever delivered."""

from collections.abc import Iterable, Sequence

from hes.events.base import Recorded
from hes.events.reading import Reading
from hes.ids import meter_of
from projections.base import Change, Database
from projections.latest import reading_rows
from projections.sql.rows import insert_rows

INSERT = (
    "INSERT INTO reading (meter_id, obis, time, received_at, value, unit, source, quality,"
    " position)"
)


class Readings:
    """One row a value; the position in the log keeps two of the same moment apart."""

    name = "readings"
    version = 2
    tables = ("reading",)
    ddl = (
        "CREATE TABLE reading (meter_id TEXT NOT NULL, obis TEXT NOT NULL, time INTEGER NOT NULL,"
        " received_at INTEGER NOT NULL, value TEXT, unit TEXT, source TEXT NOT NULL,"
        " quality TEXT NOT NULL, position INTEGER NOT NULL,"
        " PRIMARY KEY (meter_id, obis, time, position)) WITHOUT ROWID",
    )
    events = (Reading,)

    def apply(self, batch: Sequence[Recorded], db: Database) -> Iterable[Change]:
        """See ``Projection``."""
        rows = [(*row, recorded.position) for recorded in batch for row in reading_rows(recorded)]
        insert_rows(db, INSERT, rows)
        return {Change(f"meter:{meter_of(r.stream)}", "reading") for r in batch}


PROJECTION = Readings()

"""Read models of a test: fold events, look at every row there is."""

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import oracledb
from databases import Oracle

from hes.events.base import DomainEvent, Recorded
from hes.events.device import DeviceRegistered
from hes.events.layout import Channel, Layout
from hes.events.reading import Reading, Source
from projections.base import find_projections
from projections.folding import Tables
from projections.queries import ReadModel
from projections.sql.places import Place, open_place
from projections.sql.schema import KEPT_FROM, POISON, POSITIONS
from projections.sql.sqlite import SqlitePlace

NOON: Final = datetime(2026, 5, 1, 12, tzinfo=UTC)
ENERGY: Final = Channel("1.0.1.8.0.255", 0, 30, 3, 2)


def at(minutes: float) -> datetime:
    """Return a moment after noon."""
    return NOON + timedelta(minutes=minutes)


def reading(
    *values: Any,
    channels: Sequence[Channel] = (ENERGY,),
    received_at: datetime = NOON,
    device_time: datetime | None = None,
    source: Source = Source.PUSH,
) -> Reading:
    """Return a reading of ``values``, one for each channel."""
    return Reading(
        received_at=received_at, device_time=device_time, source=source,
        layout=Layout(tuple(channels)), values=values,
    )  # fmt: skip


def device(modem_id: str = "861", area: str = "Huế") -> DeviceRegistered:
    """Return a line of the device list."""
    return DeviceRegistered(
        received_at=NOON, modem_id=modem_id, link="raw", protocol="dlms", framing="hdlc",
        meter_type="", address="17", client_sap=1, server_sap=1, auth="none", system_title="",
        area=area, ct_ratio="", vt_ratio="", has_keys=False, actor="an",
    )  # fmt: skip


def recorded(*told: tuple[str, DomainEvent], after: int = 0) -> list[Recorded]:
    """Return pairs of stream and event with positions behind ``after``."""
    return [Recorded(n, stream, n, event) for n, (stream, event) in enumerate(told, after + 1)]


class Models:
    """All projections over one file, and the queries."""

    def __init__(self, where: Path | Place, *, anew: bool = False) -> None:
        """Take a folder for a file in it, or another place; ``anew``: remove what is there."""
        self.place = SqlitePlace(str(where / "read.db")) if isinstance(where, Path) else where
        self.tables = Tables(self.place, find_projections(), anew=anew)
        self.query = ReadModel(self.place)
        self._position = 0

    def tell(self, *told: tuple[str, DomainEvent]) -> None:
        """Fold events, one batch."""
        batch = recorded(*told, after=self._position)
        self.tables.take(batch)
        self._position += len(batch)

    def settle(self) -> None:
        """Do what was left for a quiet moment."""
        while self.tables.settle():
            pass

    def close(self) -> None:
        """Close everything."""
        self.query.close()
        self.tables.close()


TABLES: Final = (
    POSITIONS, POISON, KEPT_FROM, *(table for one in find_projections() for table in one.tables),
)  # fmt: skip


def rows_of(where: str | Path | Place) -> dict[str, list[tuple[Any, ...]]]:
    """Return all rows of all tables that are there, sorted."""
    place = SqlitePlace(str(where)) if isinstance(where, str | Path) else where
    with closing(place.connect(read_only=True)) as db:
        return {
            table.name: sorted((tuple(row) for row in rows), key=repr)
            for table in TABLES
            if db.has(table.name)
            for rows in [db.query(f"SELECT {', '.join(table.names)} FROM {table.name}")]
        }


def oracle_place(oracle: Oracle) -> Place:
    """Return the place of a schema."""
    if oracle.is_double:
        # It does not understand a query that comes again by its number.
        oracledb.defaults.stmtcachesize = 0
    return open_place(f"oracle://{oracle.user}:{oracle.password}@{oracle.dsn}")

"""Tables of one day each, for what grows for ever: old days go by dropping their tables.

A catalogue says which table has which day. A table is made outside of the transaction that first
needs it, for in Oracle making one ends the transaction: ``DaysMissing`` asks for that. A view of
all of them has the name of the whole, for people and reports; our own queries name the days.
"""

from abc import abstractmethod
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Final

from projections.errors import DaysMissing
from projections.sql.database import DAY_MS, Database
from projections.sql.schema import DAYS, Table

TABLES_MAX: Final = 1500
"""Four years of days. A meter whose clock is nowhere must not make a table for each of its dates:
further days share one table."""
REST: Final = "_rest"


class DayDatabase(Database):
    """A database that keeps ``by_day`` tables by the day."""

    keeps_days: ClassVar[bool] = True

    def __init__(self, suffix: str = "") -> None:
        super().__init__(suffix)
        self._days: dict[str, dict[int, str]] = {}

    def days(self, table: Table) -> dict[int, str]:
        """Return the table of each day that is kept, as the catalogue has it."""
        found = self.query("SELECT utc_day FROM {kept_from} WHERE base = ?", [table.name])
        days = self._all_days(table)
        return {day: days[day] for day in days if not found or day >= found[0][0]}

    def _all_days(self, table: Table) -> dict[int, str]:
        """Return the table of each day, also of days that are being removed."""
        found = self.query(
            f"SELECT utc_day, place FROM {{{DAYS.name}}} WHERE base = ?", [table.name]
        )
        return {int(row[0]): row[1] for row in found}

    def _known(self, table: Table) -> dict[int, str]:
        """Return ``days``, read once: the only writer is this connection."""
        if table.name not in self._days:
            self._days[table.name] = self.days(table)
        return self._days[table.name]

    def placed(
        self, table: Table, rows: Sequence[Sequence[Any]]
    ) -> Iterable[tuple[str, Sequence[Sequence[Any]]]]:
        """See ``Database``."""
        if not (table.by_day and self.keeps_days):
            return super().placed(table, rows)
        known, at = self._known(table), table.names.index(table.by_day)
        by_day: defaultdict[int, list[Sequence[Any]]] = defaultdict(list)
        for row in rows:
            by_day[row[at] // DAY_MS].append(row)
        missing = by_day.keys() - known.keys()
        if missing:
            raise DaysMissing(table.name, missing)
        by_place: defaultdict[str, list[Sequence[Any]]] = defaultdict(list)
        for day, some in by_day.items():
            by_place[known[day]] += some
        return list(by_place.items())

    def parts(self, table: Table, start_ms: int, end_ms: int) -> list[str]:
        """See ``Database``."""
        if not (table.by_day and self.keeps_days):
            return super().parts(table, start_ms, end_ms)
        known = self._known(table)
        days = range(start_ms // DAY_MS, end_ms // DAY_MS + 1)
        return sorted({known[day] for day in days if day in known})

    # -- making and removing them

    def add_days(self, table: Table, days: Iterable[int]) -> None:
        """See ``Database``."""
        known = self.days(table)
        new: dict[int, str] = {}
        for day in sorted(set(days) - known.keys()):
            place = self._place(table, day, len(known) + len(new))
            if place not in new.values() and not self.has(place):
                self._create_as(table, place)
            new[day] = place
        self._show(table, {*known.values(), *new.values()})
        self.begin(careful=False)
        for day, place in new.items():
            self.insert(DAYS, [(table.name, day, place)])
        self.commit()
        self._days[table.name] = known | new

    def _place(self, table: Table, day: int, count: int) -> str:
        base = self.physical(table.name)
        try:
            date = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=day)
        except OverflowError:
            return base + REST
        return f"{base}_d{date:%Y%m%d}" if count < TABLES_MAX else base + REST

    def _create_as(self, table: Table, place: str) -> None:
        for statement in self.ddl(table, place):
            self.execute(statement)

    def _show(self, table: Table, places: Iterable[str]) -> None:
        """Make the view of the whole anew."""
        every = sorted({self.physical(table.name) + REST, *places})
        parts = " UNION ALL ".join(f"SELECT {', '.join(table.names)} FROM {one}" for one in every)
        self.execute(f"CREATE OR REPLACE VIEW {self.physical(table.name)} AS {parts}")

    def create(self, table: Table) -> None:
        """See ``Database``: of a ``by_day`` table the rest, and the view."""
        if not (table.by_day and self.keeps_days):
            super().create(table)
            return
        self._create_as(table, self.physical(table.name) + REST)
        self._show(table, ())

    def drop(self, table: Table) -> None:
        """See ``Database``."""
        if not (table.by_day and self.keeps_days):
            super().drop(table)
            return
        base = self.physical(table.name)
        self.drop_view(base)
        for name in sorted({base + REST, *self._all_days(table).values()}):
            if self.has(name):
                self.execute(f"DROP TABLE {name}")
        self.begin(careful=False)
        self.execute(f"DELETE FROM {{{DAYS.name}}} WHERE base = ?", [table.name])
        self.commit()
        self._days.pop(table.name, None)

    @abstractmethod
    def drop_view(self, name: str) -> None:
        """Remove a view that may be there."""

    def forget_days(self, table: Table, before_day: int) -> None:
        """See ``Database``; what was begun and not ended is ended by the next call."""
        if not (table.by_day and self.keeps_days):
            super().forget_days(table, before_day)
            return
        places = self._all_days(table)
        kept = {place for day, place in places.items() if day >= before_day}
        rest = self.physical(table.name) + REST
        self._show(table, kept)
        for place in sorted(set(places.values()) - kept - {rest}):
            if self.has(place):
                self.execute(f"DROP TABLE {place}")
        self.begin(careful=False)
        self.execute(f"DELETE FROM {rest} WHERE {table.by_day} < ?", [before_day * DAY_MS])
        self.execute(
            f"DELETE FROM {{{DAYS.name}}} WHERE base = ? AND utc_day < ?", [table.name, before_day]
        )
        self.commit()
        self.refresh()

    def refresh(self) -> None:
        """See ``Database``."""
        self._days.clear()

    # -- rebuilding

    def empty(self, table: Table) -> None:
        """See ``Database``."""
        if not (table.by_day and self.keeps_days):
            super().empty(table)
            return
        for name in self._places(table):
            self.execute(f"DELETE FROM {name}")

    def _places(self, table: Table) -> list[str]:
        return sorted({self.physical(table.name) + REST, *self._known(table).values()})

    def prepare_days(self, table: Table, shadow: Database) -> None:
        """See ``Database``."""
        if table.by_day and isinstance(shadow, DayDatabase) and self.keeps_days:
            self.add_days(table, shadow.days(table))

    def copies(self, table: Table, shadow: Database) -> list[tuple[str, str]]:
        """See ``Database``."""
        if not (table.by_day and self.keeps_days and isinstance(shadow, DayDatabase)):
            return super().copies(table, shadow)
        mine, rest = self._known(table), (self.physical(table.name), shadow.physical(table.name))
        pairs = {(mine[day], place) for day, place in shadow.days(table).items()}
        return sorted({(rest[0] + REST, rest[1] + REST), *pairs})

"""The intervals of load profiles, each once, whenever and however often they are delivered.

And what follows from them: the energy of each day, made anew of the rows of the day whenever one
of them comes, so that it never depends on the order of arrival.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Any

from hes.events.base import Recorded
from hes.events.reading import LoadProfileRead
from hes.ids import meter_of
from projections.base import Change, Database, utc_ms
from projections.cells import cells
from projections.daily import Day, days_of, energy_of, is_load_profile, kind_of
from projections.sql.database import IN_MAX
from projections.sql.schema import NAME, TEXT, Table, Upsert, text, whole

INTERVAL = Table(
    "interval_value",
    (
        text("meter_id", NAME), text("profile"), whole("ends_at"), text("obis"),
        text("value_text", TEXT, optional=True), text("unit", optional=True),
        whole("status", optional=True), text("quality"), whole("received_at"),
    ),
    key=("meter_id", "profile", "ends_at", "obis"),
    by_day="ends_at",
)  # fmt: skip
AGAIN = Upsert(INTERVAL, when="s.value_text IS NOT NULL OR t.value_text IS NULL")
"""The last delivery counts, but nothing does not replace a value."""
ENERGY_DAY = Table(
    "energy_day",
    (
        text("meter_id", NAME), text("profile"), text("obis"), whole("local_day"),
        text("energy", optional=True), text("unit", optional=True), whole("intervals"),
        whole("first_at"), whole("last_at"), text("quality"),
    ),
    key=("meter_id", "profile", "obis", "local_day"),
    indexes=(("local_day", "obis"),),
)  # fmt: skip
DAILY = Upsert(ENERGY_DAY)
OF_A_DAY = (
    "SELECT meter_id, obis, ends_at, value_text, unit FROM {part}"
    " WHERE meter_id IN (??) AND profile = ? AND ends_at >= ? AND ends_at <= ?"
    " AND obis IN ({codes})"
)


class Intervals:
    """Keyed by meter, profile, end of the interval and channel."""

    name = "intervals"
    version = 3
    tables = (INTERVAL, ENERGY_DAY)
    events = (LoadProfileRead,)

    def apply(self, batch: Sequence[Recorded], db: Database) -> Iterable[Change]:
        """See ``Projection``."""
        rows = list(chain.from_iterable(map(_rows, batch)))
        db.upsert(AGAIN, rows)
        db.upsert(DAILY, [row for part in _touched(rows, db) for row in _daily(part, db)])
        return {Change(f"meter:{meter_of(r.stream)}", "interval") for r in batch}


def _rows(recorded: Recorded) -> Iterator[tuple[Any, ...]]:
    event, meter = recorded.event, meter_of(recorded.stream)
    if meter is None or not isinstance(event, LoadProfileRead):
        return
    received_at = utc_ms(event.received_at)
    for row in event.rows:
        ends_at = utc_ms(row.ends_at)
        for obis, shown, unit, quality in cells(event.layout, row.values):
            yield (
                meter, event.profile, ends_at, obis, shown, unit, row.status, quality, received_at,
            )  # fmt: skip


# -- energy of days

Part = tuple[str, Day, list[str], list[str]]
"""A profile and a day, and the meters and codes whose rows of it are new."""


def _touched(rows: Sequence[tuple[Any, ...]], db: Database) -> list[Part]:
    """Return the days whose energy may be another now."""
    days: dict[int, list[Day]] = {}
    meters: defaultdict[tuple[str, Day], set[str]] = defaultdict(set)
    codes: defaultdict[tuple[str, Day], set[str]] = defaultdict(set)
    profiles = {name for name in {row[1] for row in rows} if is_load_profile(name)}
    registers = {code for code in {row[3] for row in rows} if kind_of(code)}
    for meter, profile, ends_at, obis, *_ in rows:
        if profile not in profiles or obis not in registers:
            continue
        if ends_at not in days:
            days[ends_at] = days_of(ends_at, db.zone)
        for day in days[ends_at]:
            meters[profile, day].add(meter)
            codes[profile, day].add(obis)
    return [
        (profile, day, sorted(found)[at : at + IN_MAX], sorted(codes[profile, day]))
        for (profile, day), found in sorted(meters.items())
        for at in range(0, len(found), IN_MAX)
    ]


def _daily(part: Part, db: Database) -> list[tuple[Any, ...]]:
    """Return the energy of a day, a row a register."""
    profile, day, meters, codes = part
    registers: defaultdict[tuple[str, str], list[Any]] = defaultdict(list)
    marks = ", ".join("?" * len(codes))
    for place in db.parts(INTERVAL, day.start, day.end):
        sql = OF_A_DAY.replace("{part}", place).replace("{codes}", marks)
        for row in db.query_in(sql, meters, [profile, day.start, day.end, *codes]):
            registers[row[0], row[1]].append(row[2:])
    return [
        (meter, profile, obis, day.number, *energy)
        for (meter, obis), values in registers.items()
        if (energy := energy_of(obis, values, day)) is not None
    ]


PROJECTION = Intervals()

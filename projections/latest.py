"""The latest value of each register of each meter."""

from collections.abc import Iterable, Sequence
from operator import sub

from hes.events.base import Recorded
from hes.events.reading import Reading
from projections.base import Change, Database
from projections.said import VALUE, Said, repeated, said
from projections.sql.flat_rows import FlatRows, Row, flat, joined
from projections.sql.schema import Table, Upsert

AHEAD_MS = 86_400_000
"""A meter's clock that is a day ahead of ours is wrong; once set right it must not be too late."""
MOMENT = "CASE WHEN {0}.time > {0}.received_at + 86400000 THEN {0}.received_at ELSE {0}.time END"
"""What ``moment`` says, in SQL."""
LATEST = Table("latest", VALUE, key=("meter_id", "obis"), is_rewritten=True)
NEWER = Upsert(LATEST, when=f"{MOMENT.format('s')} >= {MOMENT.format('t')}")


class Latest:
    """Late data changes nothing: the newest time of the meter wins, not the last arrival."""

    name = "latest"
    version = 3
    tables = (LATEST,)
    events = (Reading,)

    def apply(self, batch: Sequence[Recorded], db: Database) -> Iterable[Change]:
        """See ``Projection``: fold in memory first, then write each register once."""
        db.upsert(NEWER, _newest(said(batch, db)))
        return ()


def _newest(readings: Sequence[Said]) -> Sequence[Row]:
    """Return the newest row of each register; most meters spoke once, and have no other."""
    several = _in_several(readings)
    parts: list[FlatRows] = []
    newest: dict[tuple[str, str], tuple[tuple[int, int], Row]] = {}
    for some in readings:
        again = repeated(some.meters)
        by_row = several | again if some.has_own_times else several
        if by_row or again:
            _fold(newest, some.only([meter in by_row for meter in some.meters]))
            parts.append(_last_said(some, again, by_row).rows())
        else:
            parts.append(some.rows())
    rows = [row for _, row in newest.values()]
    return joined([*parts, flat(rows)] if rows else parts)


def _in_several(readings: Sequence[Said]) -> set[str]:
    """Return the meters that have some registers in readings of several layouts."""
    codes = [one.obis for some in readings for one in some.registers]
    if not repeated(codes):
        return set()
    return repeated([meter for some in readings for meter in set(some.meters)])


def _last_said(some: Said, again: set[str], without: set[str]) -> Said:
    """Return the reading of the newest moment of each meter; of several, the last one."""
    last: dict[str, tuple[int, int]] = {}
    for place, meter in enumerate(some.meters):
        if meter in again:
            age = moment(some.times[place], some.received[place]), place
            last[meter] = max(last.get(meter, age), age)
    return some.only([
        meter not in without and (meter not in again or last[meter][1] == place)
        for place, meter in enumerate(some.meters)
    ])  # fmt: skip


def _fold(newest: dict[tuple[str, str], tuple[tuple[int, int], Row]], some: Said) -> None:
    for *cells, position in some.rows(some.positions):
        row = tuple(cells)
        age = moment(row[2], row[3]), position
        key = row[0], row[1]
        if key not in newest or newest[key][0] < age:
            newest[key] = age, row


def moment(time: int, received_at: int) -> int:
    """Return when a value was so, by the meter's clock unless that is a day ahead; all in ms."""
    return received_at if time > received_at + AHEAD_MS else time


def moments(some: Said) -> Sequence[int]:
    """Return the ``moment`` of each reading."""
    if max(map(sub, some.times, some.received), default=0) <= AHEAD_MS:
        return some.times
    return list(map(moment, some.times, some.received))


PROJECTION = Latest()

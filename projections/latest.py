"""The latest value of each register of each meter."""

from collections import Counter
from collections.abc import Iterable, Sequence

from hes.events.base import Recorded
from hes.events.reading import Reading
from projections.base import Change, Database
from projections.said import VALUE, Row, Said, meters_of, said
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


def _newest(readings: Sequence[Said]) -> list[Row]:
    """Return the newest row of each register; most meters spoke once, and have no other."""
    again = {meter for meter, count in Counter(meters_of(readings)).items() if count > 1}
    if not again:
        return [row for some in readings for row in some.rows()]
    rows: list[Row] = []
    newest: dict[tuple[str, str], tuple[tuple[int, int], Row]] = {}
    for some in readings:
        for *cells, position in some.rows(some.positions):
            row = tuple(cells)
            if row[0] not in again:
                rows.append(row)
                continue
            age = moment(row[2], row[3]), position
            key = row[0], row[1]
            if key not in newest or newest[key][0] < age:
                newest[key] = age, row
    return [*rows, *(row for _, row in newest.values())]


def moment(time: int, received_at: int) -> int:
    """Return when a value was so, by the meter's clock unless that is a day ahead; all in ms."""
    return received_at if time > received_at + AHEAD_MS else time


PROJECTION = Latest()

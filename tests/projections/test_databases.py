"""Every database holds what a straight fold in memory gives, however the log was cut."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta, timezone
from itertools import pairwise, zip_longest
from typing import Any

import pytest
from event_pool import logs, logs_of
from hypothesis import HealthCheck, Phase, given, settings, strategies as st
from memory_fold import Memory, shown
from read_models import rows_of

from hes.events.base import Recorded
from hes.events.reading import LoadProfileRead
from projections.alarms import PROJECTION as ALARMS
from projections.base import find_projections
from projections.folding import Tables
from projections.sql.places import Place
from projections.sql.schema import POISON

HANOI = timezone(timedelta(hours=7))
HANOI_MS = 7 * 3_600_000
ALARMING = ALARMS.events
QUIET = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
EXAMPLES = {"sqlite": 25, "postgresql": 8, "oracle": 4}
"""A double, and its Java machine, are slow."""


class Emptied:
    """The tables of one place, empty at the begin of each example."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.tables = Tables(place, find_projections(), HANOI, anew=True)

    def fold(
        self, batches: Iterable[Sequence[Recorded]], settled: Sequence[bool] = ()
    ) -> dict[str, list[Any]]:
        """Fold batches into empty tables, settled now and then; return all rows."""
        db = self.tables._open()
        db.begin(careful=True)
        for table in (POISON, *(t for p in self.tables.projections for t in p.tables)):
            db.empty(table)
        db.execute("UPDATE {projection} SET position = 0")
        db.commit()
        self.tables.positions = dict.fromkeys(self.tables.positions, 0)
        for batch, pause in zip_longest(batches, settled):
            self.tables.take(batch or ())
            if pause:
                self.tables.settle()
        while self.tables.settle():
            pass
        return rows_of(self.place)


@pytest.fixture
def emptied(place: Place) -> Iterator[Emptied]:
    opened = Emptied(place)
    yield opened
    opened.tables.close()


@pytest.mark.timeout(300)
def test_however_it_is_cut_it_equals_a_straight_fold_in_memory(
    emptied: Emptied, request: pytest.FixtureRequest
) -> None:
    kind = request.node.callspec.params["place"]

    @settings(
        max_examples=EXAMPLES[kind], deadline=None, suppress_health_check=QUIET,
        phases=[Phase.reuse, Phase.generate],
    )  # fmt: skip
    @given(log=logs() | logs_of(LoadProfileRead) | logs_of(*ALARMING), data=st.data())
    def check(log: list[Recorded], data: st.DataObject) -> None:
        cuts = sorted(data.draw(st.sets(st.integers(0, len(log)), max_size=4)) | {0, len(log)})
        again = data.draw(st.integers(0, 5))
        settled = data.draw(st.lists(st.booleans(), max_size=4))
        found = emptied.fold((log[max(0, a - again) : b] for a, b in pairwise(cuts)), settled)
        assert shown(found) == Memory().fold(log).rows(HANOI_MS)

    check()

"""A writer that is killed at any moment loses nothing and counts nothing twice, on any database.

Who is killed, and when, stands in ``kill_folds.py``.
"""

import pytest
from kill_folds import killed_fold
from read_models import rows_of

from projections.base import find_projections
from projections.folding import Tables
from projections.sql.places import Place


def check(place: Place, url: str, rounds: int) -> None:
    Tables(place, find_projections(), anew=True).close()
    events = killed_fold(url, rounds)
    assert events > rounds * 100
    found = rows_of(place)
    assert sum(row[2] for row in found["success"]) == len(found["reading"]) == events
    assert {row[2] for row in found["projection"]} == {events}
    assert len(found["latest"]) == len(found["meter_state"]) == 7


@pytest.mark.timeout(240)
def test_a_few_kills(place: Place, place_url: str) -> None:
    check(place, place_url, rounds=3)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_hundred_kills(place: Place, place_url: str) -> None:
    check(place, place_url, rounds=100)

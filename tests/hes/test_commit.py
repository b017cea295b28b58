"""The events of one commit, made when somebody looks."""

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from hes.events.base import DomainEvent, Recorded
from hes.events.commit import Commit, Part
from hes.events.meter_clock import ClockDriftCleared
from hes.events.power import PowerFailure, PowerSign

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
FAILED = PowerFailure(received_at=NOON, sign=PowerSign.LAST_GASP)
CLEARED = ClockDriftCleared(received_at=NOON, drift_s=0.0, uncertainty_s=1.0)


def commit_of(batches: Sequence[Sequence[DomainEvent]]) -> tuple[Commit, list[Recorded]]:
    """Return a commit from position 7 on, a stream a part, and its events one by one."""
    parts: list[Part] = []
    flat: list[Recorded] = []
    for number, events in enumerate(batches):
        parts.append(Part(7 + len(flat), f"meter:{number}", 3, events))
        flat += [
            Recorded(7 + len(flat) + n, f"meter:{number}", 3 + n, event)
            for n, event in enumerate(events)
        ]
    return Commit(parts), flat


@given(st.lists(st.lists(st.sampled_from([FAILED, CLEARED]), max_size=4), max_size=5))
def test_a_commit_is_the_sequence_of_its_events(batches: list[list[DomainEvent]]) -> None:
    commit, flat = commit_of(batches)
    assert list(commit) == flat
    assert len(commit) == len(flat)
    assert bool(commit) == bool(flat)
    for index in range(-len(flat), len(flat)):
        assert commit[index] == flat[index]
    for index in (-2, 0, 1, 3):
        assert commit[index:] == flat[index:]
        assert commit[:index] == flat[:index]
    for kind in (PowerFailure, ClockDriftCleared, DomainEvent):
        assert commit.number_of(kind) == [type(r.event) for r in flat].count(kind)


@pytest.mark.parametrize("index", [2, -3])
def test_beyond_the_ends_is_nothing(index: int) -> None:
    commit, _ = commit_of([[FAILED], [], [CLEARED]])
    with pytest.raises(IndexError, match=f"event {index} of a commit of 2"):
        commit[index]

"""The queue of a serial line: urgent first, nobody starves, nobody is forgotten."""

from collections.abc import Generator
from itertools import pairwise
from typing import Any

from hypothesis import given, strategies as st

from actors.bus import AGEING_S, QUEUE_MAX, Bus, Priority, Transaction
from actors.errors import ConnectionLost
from protocols.dialogue import Exchange


def nothing() -> Generator[Exchange, bytes | None, None]:
    yield from ()


class Asked:
    """A transaction and what became of it."""

    def __init__(self, label: str, priority: Priority = Priority.DEMAND) -> None:
        self.ends: list[tuple[Any, Exception | None]] = []
        self.transaction = Transaction(
            label, priority, nothing, deadline=1e9, done=lambda *end: self.ends.append(end)
        )


def labels(bus: Bus) -> list[str]:
    taken = []
    while (transaction := bus.take()) is not None:
        taken.append(transaction.label)
    return taken


def test_the_urgent_go_first_and_equals_in_the_order_in_which_they_came() -> None:
    bus = Bus()
    for name in ("BACKFILL", "SCHEDULED", "CLOCK", "DEMAND"):
        for number in (1, 2):
            assert bus.put(Asked(f"{name} {number}", Priority[name]).transaction, now=50.0)
    assert labels(bus) == [
        f"{name} {number}"
        for name in ("DEMAND", "CLOCK", "SCHEDULED", "BACKFILL")
        for number in (1, 2)
    ]


def test_who_waited_long_overtakes_the_urgent() -> None:
    bus = Bus()
    bus.put(Asked("old", Priority.BACKFILL).transaction, now=0.0)
    bus.put(Asked("just before", Priority.DEMAND).transaction, now=3 * AGEING_S - 1)
    bus.put(Asked("just after", Priority.DEMAND).transaction, now=3 * AGEING_S + 1)
    assert labels(bus) == ["just before", "old", "just after"]


@given(st.lists(st.tuples(st.sampled_from(Priority), st.floats(0, 1e5)), max_size=50))
def test_nobody_waits_behind_more_than_fifteen_minutes_of_later_ones(
    come: list[tuple[Priority, float]],
) -> None:
    bus = Bus()
    came: dict[str, tuple[Priority, float]] = {}
    for number, (priority, now) in enumerate(sorted(come, key=lambda one: one[1])):
        came[str(number)] = (priority, now)
        bus.put(Asked(str(number), priority).transaction, now)
    order = [came[label] for label in labels(bus)]
    assert len(order) == len(come)
    for (earlier, came_first), (later, came_then) in pairwise(order):
        assert came_first <= came_then + (later - earlier) * AGEING_S + 1e-6


def test_a_full_queue_takes_nothing_more() -> None:
    bus = Bus()
    assert all(bus.put(Asked("x").transaction, now=0.0) for _ in range(QUEUE_MAX))
    assert not bus.put(Asked("one too many").transaction, now=0.0)
    assert len(bus) == QUEUE_MAX


def test_when_the_line_is_lost_everybody_is_told_once() -> None:
    bus = Bus()
    asked = [Asked(str(number)) for number in range(5)]
    for one in asked:
        bus.put(one.transaction, now=0.0)
    lost = ConnectionLost("gone")
    bus.fail_all(lost)
    bus.fail_all(ConnectionLost("again"))
    for one in asked:
        one.transaction.settle("too late")
        assert one.ends == [(None, lost)]
    assert bus.take() is None

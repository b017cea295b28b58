"""Commits whose end nobody heard: the batch is stored once, and its maker learns where."""

from collections.abc import Callable

import pytest
from unheard import Network

from hes.store.errors import CommitUnknown, StoreFenced, StoreUnavailable
from hes.store.port import Append, Appended, EventLog

BATCH = [
    Append("meter:1", 0, [("A/1", b"a"), ("A/1", b"b")]),
    Append("meter:2", None, [("A/1", b"c")]),
]
RESULTS = [Appended(1, 1), Appended(3, 1)]


def states(log: EventLog) -> list[bytes]:
    return [row.state for row in log.read(0, 100)]


def test_stored_but_not_heard(log: EventLog) -> None:
    Network(log, "unheard")
    assert log.append(BATCH) == RESULTS
    assert states(log) == [b"a", b"b", b"c"]
    assert log.append([Append("meter:1", 2, [("A/1", b"d")])]) == [Appended(4, 3)]


def test_neither_stored_nor_heard(log: EventLog) -> None:
    Network(log, "lost")
    assert log.append(BATCH) == RESULTS
    assert states(log) == [b"a", b"b", b"c"]


@pytest.mark.parametrize("end", ["unheard", "lost"])
def test_the_server_stays_away_and_the_batch_is_tried_again(log: EventLog, end: str) -> None:
    Network(log, end, "away", "away")
    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            log.append(BATCH)
    assert log.append(BATCH) == RESULTS
    assert states(log) == [b"a", b"b", b"c"]


@pytest.mark.parametrize(("end", "before"), [("unheard", [b"a", b"b", b"c"]), ("lost", [])])
def test_another_batch_comes_instead(log: EventLog, end: str, before: list[bytes]) -> None:
    Network(log, end, "away")
    with pytest.raises(StoreUnavailable):
        log.append(BATCH)
    assert log.append([Append("meter:1", None, [("A/1", b"z")])]) == [
        Appended(len(before) + 1, 3 if before else 1)
    ]
    assert states(log) == [*before, b"z"]


def test_the_second_try_is_not_heard_either(log: EventLog) -> None:
    Network(log, "lost", "unheard")
    with pytest.raises(CommitUnknown):
        log.append(BATCH)
    assert log.append(BATCH) == RESULTS
    assert states(log) == [b"a", b"b", b"c"]


def test_another_node_takes_over_meanwhile(opener: Callable[[], EventLog], log: EventLog) -> None:
    """What was stored is told as stored, even by a node that may write no more."""
    Network(log, "unheard", "away")
    with pytest.raises(StoreUnavailable):
        log.append(BATCH)
    other = opener()
    other.fence()
    other.append([Append("meter:1", 2, [("A/1", b"theirs")])])
    assert log.append(BATCH) == RESULTS
    with pytest.raises(StoreFenced):
        log.append(BATCH)
    assert states(log) == [b"a", b"b", b"c", b"theirs"]


def test_a_node_that_lost_its_log_learns_it_without_writing(
    opener: Callable[[], EventLog], log: EventLog
) -> None:
    log.append(BATCH)
    assert log.check() == 3
    opener().fence()
    with pytest.raises(StoreFenced, match="another node writes"):
        log.check()

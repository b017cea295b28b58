"""Batches that follow each other: placed without asking the database, which must agree."""

from collections.abc import Callable

import pytest
from unheard import Network

from hes.store.chain import Verifier
from hes.store.errors import StoreFenced
from hes.store.port import Append, Appended, Conflict, EventLog
from hes.store.sql_log import SqlEventLog

SIZES = (1, 2, 3, 31, 32, 33, 511, 512, 513, 1100)
"""Around those that the adapters write at once."""


def batch(*states: bytes, stream: str = "meter:1") -> list[Append]:
    return [Append(stream, None, [("A/1", state)]) for state in states]


def states(log: EventLog) -> list[bytes]:
    return [row.state for row in log.read(0, 10_000)]


def test_batches_of_all_sizes_stand_one_behind_the_other(log: EventLog) -> None:
    names = [f"meter:{n}" for n in range(7)]
    log.append([Append(name, 0, [("A/1", b"first")]) for name in names])
    wanted = [b"first"] * 7
    for size in SIZES:
        some = [b"%d" % (len(wanted) + n) * 40 for n in range(size)]
        found = log.append(
            [Append(names[n % 7], None, [("A/1", state)]) for n, state in enumerate(some)]
        )
        assert [place.position for place in found if isinstance(place, Appended)] == list(
            range(len(wanted) + 1, len(wanted) + size + 1)
        )
        wanted += some
    assert states(log) == wanted
    assert log.head() == len(wanted)
    assert list(Verifier().take(log.read_chained(0, len(wanted)))) == []


def test_an_empty_state_a_long_one_and_a_new_stream_follow(log: EventLog) -> None:
    log.append(batch(b"a"))
    log.append(batch(b"", b"x" * 70_000))
    assert log.append(batch(b"b", stream="meter:2")) == [Appended(4, 1)]
    assert log.append([Append("meter:2", 1, [("B/1", b"c")])]) == [Appended(5, 2)]
    assert states(log) == [b"a", b"", b"x" * 70_000, b"b", b"c"]
    assert [row.topic for row in log.read(3, 9)] == ["A/1", "B/1"]


def test_a_conflict_hurts_nobody_else(log: EventLog) -> None:
    log.append(batch(b"a"))
    found = log.append([Append("meter:1", 7, [("A/1", b"no")]), *batch(b"b")])
    assert found == [Conflict("meter:1", 7, 1), Appended(2, 2)]
    assert log.append([Append("meter:1", 1, [("A/1", b"no")])]) == [Conflict("meter:1", 1, 2)]
    assert states(log) == [b"a", b"b"]


@pytest.mark.parametrize("more", [0, 100])
def test_whoever_wrote_meanwhile_is_not_written_over(
    opener: Callable[[], EventLog], log: EventLog, more: int
) -> None:
    log.append(batch(b"a"))
    other = opener()
    assert isinstance(other, SqlEventLog)
    assert isinstance(log, SqlEventLog)
    other._epoch = log._epoch
    other.append(batch(b"theirs"))
    assert log.append(batch(b"b", *[b"x"] * more))[0] == Appended(3, 3)
    assert log.append(batch(b"c")) == [Appended(4 + more, 4 + more)]
    assert states(log) == [b"a", b"theirs", b"b", *[b"x"] * more, b"c"]
    assert list(Verifier().take(log.read_chained(0, 999))) == []


@pytest.mark.parametrize("many", [1, 100])
def test_a_writer_that_was_fenced_changes_nothing(
    opener: Callable[[], EventLog], log: EventLog, many: int
) -> None:
    log.append(batch(b"a"))
    log.append(batch(b"b"))
    opener().fence()
    for _ in range(2):
        with pytest.raises(StoreFenced):
            log.append(batch(*[b"c"] * many))
    assert states(log) == [b"a", b"b"]
    assert log.head() == 2


@pytest.mark.parametrize("end", ["unheard", "lost"])
def test_a_commit_whose_end_nobody_heard_is_there_once(log: EventLog, end: str) -> None:
    log.append(batch(b"a"))
    Network(log, end)
    assert log.append(batch(b"b", b"c")) == [Appended(2, 2), Appended(3, 3)]
    assert log.append(batch(b"d")) == [Appended(4, 4)]
    assert states(log) == [b"a", b"b", b"c", b"d"]


def test_the_server_is_away_and_comes_back(log: EventLog) -> None:
    log.append(batch(b"a"))
    Network(log, "unheard", "away")
    with pytest.raises(Exception, match="away"):
        log.append(batch(b"b"))
    assert log.append(batch(b"z")) == [Appended(3, 3)]  # given up: another batch comes instead
    assert states(log) == [b"a", b"b", b"z"]

"""What was sealed reads as before, on every database."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from sealed_logs import (
    DAY,
    NOW,
    STREAMS,
    check,
    everything,
    fill,
    many,
    opened,
    state_of,
)
from stores import KINDS, Place, places

from hes.store.chain import Verifier
from hes.store.errors import StoreError, StoreUnavailable
from hes.store.port import Append, Appended, Conflict

EXAMPLES = {"sqlite": 20, "postgresql": 6, "oracle": 3}


states = (
    st.binary(max_size=6)
    | st.just(b"x" * 5000)
    | st.builds(state_of, st.integers(1, 400), st.text(max_size=8))
)
events = st.lists(
    st.tuples(st.sampled_from(STREAMS), st.sampled_from(["A/1", "B/1"]), states, st.integers(1, 3)),
    min_size=1,
    max_size=14,
)


@pytest.mark.parametrize("kind", KINDS)
def test_any_prefix_that_is_sealed_reads_as_before(
    kind: str, request: pytest.FixtureRequest
) -> None:
    new_place = places(kind, request)

    @settings(max_examples=EXAMPLES[kind])
    @given(events, st.lists(st.integers(1, 14), min_size=1, max_size=3), st.booleans())
    def reads_as_before(script: list[Any], steps: list[int], afresh: bool) -> None:
        place = new_place()
        fill(place, script)
        with opened(place) as found:
            before = everything(found, STREAMS)
            for step in steps:
                found.seal(step, before=NOW + timedelta(days=9000), segment_events=5)
                assert found.log.sealed_to() > 0
                if not afresh:
                    assert everything(found, STREAMS) == before
        with opened(place) as found:
            assert everything(found, STREAMS) == before
            assert found.log.purged() == []
            check(found.log)

    reads_as_before()


def test_appends_go_on_behind_what_is_sealed(place: Place) -> None:
    many(place, 6)
    with opened(place) as found:
        assert found.seal().position == 6
        found.log.fence()
        assert found.log.append(
            [
                Append("meter:2", 2, [("A/1", b"new")]),
                Append("meter:1", 7, [("A/1", b"-")]),
                Append("meter:9", 0, [("A/1", b"first")]),
            ]
        ) == [Appended(7, 3), Conflict("meter:1", 7, 2), Appended(8, 1)]
        assert [row.version for row in found.log.read_stream("meter:2", 0, 9)] == [1, 2, 3]
        check(found.log)
    with opened(place) as found:
        found.log.fence()
        assert found.log.append([Append("meter:1", 2, [("A/1", b"")])]) == [Appended(9, 3)]
        check(found.log)


def test_days_are_sealed_up_to_a_time_and_each_by_itself(place: Place) -> None:
    many(place, 90)  # the days end behind events 38 and 77
    with opened(place) as found:
        done = found.seal(before=DAY + timedelta(days=2))
        assert (done.events, done.position) == (77, 77)
        ids = found.database.rows("SELECT nid_from, nid_to, events FROM sealed ORDER BY id")
        assert [tuple(row) for row in ids] == [(1, 38, 38), (39, 77, 39)]
        assert found.database.rows("SELECT MIN(nid) FROM ev")[0][0] == 78
        assert found.seal(before=DAY + timedelta(days=2)).events == 0
        assert found.seal(most=5).position == 82
        check(found.log)


def test_an_event_of_a_wrong_clock_holds_up_nothing(place: Place) -> None:
    fill(place, [("node:main", "A/1", state_of(n), 1) for n in (1, 900_000, 2)])
    with opened(place) as found:
        assert found.seal().position == 3


def test_what_is_not_as_it_was_written_is_not_sealed(place: Place) -> None:
    many(place, 6)
    with opened(place) as found:
        with found.database.writing() as tx:
            tx.execute("UPDATE ev SET topic = 9 - topic WHERE nid = ?", (4,))
            tx.execute("INSERT INTO topic (id, name) VALUES (?, ?)", (8, "Other/1"))
        with pytest.raises(StoreError, match=r"position 4 \(meter:2, version 2\) is not as it was"):
            found.seal()
        assert found.log.sealed_to() == 0
        assert len(found.log.read(0, 100)) == 6


def test_a_missing_event_is_told_instead_of_sealed_over(place: Place) -> None:
    many(place, 6)
    with opened(place) as found:
        with found.database.writing() as tx:
            tx.execute("DELETE FROM ev WHERE nid = ?", (1,))
        with pytest.raises(StoreError, match="events are missing behind position 0"):
            found.seal()


def test_an_event_altered_in_its_block_is_found(place: Place) -> None:
    many(place, 6)
    with opened(place) as found:
        found.seal()
        with found.database.writing() as tx:
            ((oid,),) = tx.rows("SELECT oid FROM stream WHERE name = ?", ("meter:2",))
            tx.execute("UPDATE sealed_end SET chain = ? WHERE oid = ?", (bytes(32), oid))
        (fault,) = Verifier().take(found.log.read_chained(0, 100))
        assert (fault.position, fault.stream) == (4, "meter:2")


def test_two_who_seal_at_once_hurt_nobody(place: Place) -> None:
    many(place, 6)
    with opened(place) as one, opened(place) as two:
        before = everything(one, STREAMS)
        with pytest.raises(StoreUnavailable, match="another program seals"):
            one.seal(before_segment=lambda _ends: two.seal())
        assert everything(one, STREAMS) == before


def test_a_commit_whose_end_nobody_heard_is_found_among_the_sealed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hes.store.sql_log import is_stored

    many(place, 6)
    with opened(place) as found:
        ((chain,),) = found.database.rows("SELECT chain FROM ev WHERE nid = ?", (6,))
        found.seal()
        with found.database.writing() as tx:
            assert is_stored(tx, (6, 0, 0, 0, b"", chain))
            assert not is_stored(tx, (6, 0, 0, 0, b"", bytes(32)))


def test_readers_beside_a_sealer_never_miss_an_event(
    new_place: Callable[[], Place],
) -> None:
    import threading

    place = new_place()
    many(place, 120)
    with opened(place) as reader, opened(place) as sealer:
        wanted = [row.position for row in reader.log.read(0, 1000)]
        stop = threading.Event()
        wrong: list[Any] = []

        def look() -> None:
            while not stop.is_set():
                seen = [row.position for row in reader.log.read(0, 1000)]
                back = [row.position for row in reader.log.read_back(1000, 1000)]
                one = [row.version for row in reader.log.read_stream("meter:1", 0, 1000)]
                if seen != wanted or back != wanted[::-1] or one != list(range(1, 41)):
                    wrong.append((seen, back, one))

        thread = threading.Thread(target=look)
        thread.start()
        try:
            while sealer.seal(7).events:
                pass
        finally:
            stop.set()
            thread.join()
        assert wrong == []


def test_a_server_without_sealed_blocks_gets_their_tables(place: Place) -> None:
    if place.url.startswith("sqlite"):
        pytest.skip("files are brought up in tests/hes/store/test_older_files.py")
    many(place, 6)
    with opened(place) as found, found.database.writing() as tx:
        for statement in ("DROP TABLE sealed", "DROP TABLE sealed_end", "UPDATE head SET ddl = 2"):
            tx.execute(statement)
    for _ in range(2):
        with opened(place) as found:
            found.seal(most=3)
            check(found.log)
            assert [row.position for row in found.log.read(0, 10)] == [1, 2, 3, 4, 5, 6]

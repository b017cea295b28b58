"""Sealing goes in steps: whoever is killed between two, or meets another, hurts nobody."""

from collections.abc import Iterator
from itertools import islice

import pytest
from sealed_logs import NOW, STREAMS, Opened, check, everything, many, opened, state_of
from stores import Place

from hes.store.errors import StoreError, StoreUnavailable
from hes.store.port import Append, Appended
from hes.store.sealed_writing import Range, SealedWriter
from hes.store.sealing import Sealer

# -- killed in between


@pytest.mark.parametrize("steps", [1, 2, 4, 5, 6, 7, 9])
def test_a_sealer_that_is_killed_at_any_step_hurts_nobody(
    steps: int, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Blocks of one stream each and deletions of few rows, so that there are many steps."""
    monkeypatch.setattr("hes.store.sealing.BLOCK_STREAMS", 1)
    monkeypatch.setattr("hes.store.sealed_writing.DROP_ROWS", 7)
    many(place, 40)
    with opened(place) as found:
        before = everything(found, STREAMS)
        sealer = Sealer(found.database, segment_events=25)
        for _ in islice(sealer.steps(NOW, now=NOW), steps):
            pass
        assert everything(found, STREAMS) == before
        check(found.log)
    with opened(place) as found:
        assert everything(found, STREAMS) == before
        found.log.fence()
        assert found.log.append([Append("meter:2", None, [("A/1", b"new")])])[0] == Appended(41, 15)
        assert found.seal().position == 41
        assert found.database.rows("SELECT nid FROM ev") == []
        blocks = found.database.rows("SELECT id, nid_to, events FROM sealed")
        assert len(found.database.rows("SELECT oid FROM sealed_end")) == len(blocks)
        assert min(last for _, last, _ in blocks) > 0
        assert sum(events for _, _, events in blocks) == 41
        check(found.log)


def test_blocks_that_are_not_published_are_seen_by_nobody(place: Place) -> None:
    many(place, 6)
    with opened(place) as found:
        sealer = Sealer(found.database)
        steps = sealer.steps(NOW, now=NOW)
        while not found.database.rows("SELECT id FROM sealed"):
            next(steps)
        assert found.log.sealed_to() == 0
        assert found.database.rows("SELECT COUNT(*) FROM ev") == [(6,)]
        assert found.log.purged() == []
        assert sealer.done.position == 0


def test_what_was_changed_between_its_block_and_the_end_is_not_lost_to_another(
    place: Place,
) -> None:
    """Another program seals the first half meanwhile: nothing is sealed twice."""
    many(place, 6)
    with opened(place) as one, opened(place) as two:
        before = everything(one, STREAMS)
        steps = Sealer(one.database).steps(NOW, now=NOW)
        while not one.database.rows("SELECT id FROM sealed"):
            next(steps)
        two.seal(3)  # takes the unpublished block away
        with pytest.raises(StoreUnavailable, match="another program seals"):
            list(steps)
        assert one.log.sealed_to() == 3
        assert everything(one, STREAMS) == before
        assert one.seal().position == 6
        assert everything(one, STREAMS) == before
        check(one.log)


def test_what_comes_during_a_run_is_for_the_next_one(place: Place) -> None:
    many(place, 6)
    with opened(place) as found:
        found.log.fence()
        late = [Append("meter:1", None, [("A/1", state_of(3))])]
        assert found.seal(before_segment=lambda _ends: found.log.append(late)).position == 6
        assert found.log.sealed_to() == 6
        assert found.seal().events > 0
        check(found.log)


# -- beside another program that left blocks behind, or is about to publish them


@pytest.fixture
def _nobody_cleans(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hes.store.sealing.SealedWriter.clean", lambda _self: iter(()))


def unpublished(found: Opened) -> Iterator[int]:
    """Write blocks of everything, and stop before they are published."""
    steps = Sealer(found.database).steps(NOW, now=NOW)
    while not found.database.rows("SELECT id FROM sealed"):
        next(steps)
    return steps


@pytest.mark.usefixtures("_nobody_cleans")
def test_blocks_that_another_has_not_published_change_nothing_one_reads(place: Place) -> None:
    many(place, 6)
    with opened(place) as found:
        before = everything(found, STREAMS)
        steps = unpublished(found)
        assert found.seal(3).position == 3
        assert everything(found, STREAMS) == before
        with pytest.raises(StoreUnavailable, match="another program seals"):
            found.seal()  # its ends are taken
        with pytest.raises(StoreUnavailable, match="another program seals"):
            list(steps)  # whole, but of events that are sealed
        assert found.log.sealed_to() == 3
        assert everything(found, STREAMS) == before


def test_blocks_are_published_all_or_none(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hes.store.sealing.BLOCK_STREAMS", 1)
    many(place, 6)
    with opened(place) as found:
        unpublished(found)
        span = Range(1, 6, 0)
        with pytest.raises(StoreUnavailable, match="another program seals"):
            SealedWriter(found.database).publish(span)
        assert found.log.sealed_to() == 0
        assert found.seal().position == 6


def test_events_that_go_away_under_its_eyes_are_told(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hes.store.sealing.BLOCK_STREAMS", 1)
    many(place, 6)
    with opened(place) as found:

        def drop(_ends: object) -> None:
            with found.database.writing() as tx:
                tx.execute("DELETE FROM ev WHERE nid = ?", (5,))

        with pytest.raises(StoreError, match="went away, or came, while they were read"):
            found.seal(before_segment=drop)
        assert found.log.sealed_to() == 0

"""Old events go for good, what is on hold stays, and the rest can still be verified."""

from datetime import timedelta
from itertools import pairwise

import pytest
from sealed_logs import CODEC, DAY, NOW, Opened, at, opened
from stores import Place

from hes.events.audit import Anchored
from hes.events.device import CounterReserved
from hes.events.log_life import LogPurged
from hes.events.meter_event import MeterEvent
from hes.events.reading import FailureReason, ReadFailed, Source
from hes.store.anchor import STREAM as ANCHORS, next_anchor
from hes.store.chain import Verifier
from hes.store.errors import StoreError, StoreUnavailable
from hes.store.holds import STREAM, Holder, holds
from hes.store.port import Append
from hes.store.retention import PURGEABLE, Purged, Retention

A_DAY = 39
"""Events of a day at most; see ``at``."""
DAYS = 30
LATER = DAY + timedelta(days=32, hours=12)
"""The first two days are older than ``DAYS`` now, and a part of the third."""


def failed(number: int) -> tuple[str, bytes]:
    return CODEC.encode(
        ReadFailed(
            received_at=at(number), source=Source.SCHEDULED, what="registers",
            reason=FailureReason.NO_ANSWER, detail=f"try {number}",
        )
    )  # fmt: skip


def fill(found: Opened, *, anchored: bool = True) -> None:
    """Store four days: three meters in turn; the third one has a lasting event on the first day."""
    found.log.fence()
    for number in range(1, 4 * A_DAY):
        rows = [failed(number)]
        if number == 3:
            rows = [CODEC.encode(CounterReserved(received_at=at(number), below=7))]
        found.log.append([Append(f"meter:{(number - 1) % 3 + 1}", None, rows)])
    if anchored:
        anchor(found)
    found.seal(before=DAY + timedelta(days=4))


def anchor(found: Opened) -> None:
    event = next_anchor(found.log, CODEC, NOW)
    assert event is not None
    found.log.append([Append(ANCHORS, None, [CODEC.encode(event)])])


def purge(found: Opened) -> Purged:
    retention = Retention(found.database, found.log, CODEC)
    return retention.purge(DAYS, LATER, "os:ann", "our rule")


def check(found: Opened) -> None:
    log = found.log
    verifier = Verifier(log.purged(), log.purged_end)
    assert list(verifier.take(log.read_chained(0, 10_000))) == []
    assert verifier.end(log.head()) is None


def streams_up_to(found: Opened, last: int) -> set[str]:
    return {row.stream for row in found.log.read(0, 10_000) if row.position <= last}


def holder(found: Opened) -> Holder:
    return Holder(found.log, found.records, CODEC)


def test_old_measurements_go_and_the_rest_is_verified(place: Place) -> None:
    with opened(place) as found:
        fill(found)
        before = found.log.read(0, 1000)
        head = found.log.head()
        done = purge(found)
        assert done == Purged(events=65, kept=12, unanchored=0)
        after = found.log.read(0, 1000)
        told = CODEC.decode(after[-1].topic, after[-1].state)
        assert after[-1].position == head + 2  # an event for each of the two days
        assert isinstance(told, LogPurged)
        assert (told.first, told.last, told.events, told.kept) == (39, 77, 39, 0)
        assert (told.actor, told.reason, told.days) == ("os:ann", "our rule", DAYS)
        # The first day of meter:3 holds what must last: it stays as a whole.
        assert after[:-2] == [
            row for row in before if row.position > 77 or (row.stream, row.position < 39) ==
            ("meter:3", True)
        ]  # fmt: skip
        assert found.log.purged() == [(1, 38), (39, 77)]
        check(found)
        assert purge(found).events == 0
    with opened(place) as found:
        check(found)


def test_streams_go_on_behind_what_was_purged(place: Place) -> None:
    with opened(place) as found:
        fill(found)
        version = found.log.stream_head("meter:1")
        purge(found)
        assert found.log.stream_head("meter:1") == version
        rows = found.log.read_stream("meter:1", 0, 1000)
        assert rows[0].position == 79
        assert rows == found.log.read_stream_back("meter:1", 10_000, 1000)[::-1]
        found.log.append([Append("meter:1", version, [failed(900)])])
        assert found.log.read_back(40, 100)[0].position < 39
        assert found.log.chains(0, 10) == []
        check(found)


def test_a_stream_without_any_event_left_goes_on_too(place: Place) -> None:
    with opened(place) as found:
        found.log.fence()
        found.log.append([Append("meter:9", None, [failed(1)] * 3)])
        anchor(found)
        found.seal()
        assert purge(found).events == 3
        assert found.log.stream_head("meter:9") == 3
        found.log.append([Append("meter:9", 3, [failed(900)])])
        assert [row.version for row in found.log.read_stream("meter:9", 0, 9)] == [4]
        check(found)
    with opened(place) as found:
        found.log.fence()
        found.log.append([Append("meter:9", 4, [failed(901)])])
        check(found)


def test_what_is_on_hold_stays_until_it_is_released(place: Place) -> None:
    with opened(place) as found:
        fill(found)
        holder(found).place("meter:2", NOW, "os:ann", "case 7")
        held = holds(found.log, CODEC)["meter:2"]
        assert (held.actor, held.reason, held.received_at) == ("os:ann", "case 7", NOW)
        before = found.log.read_stream("meter:2", 0, 1000)
        assert purge(found).events == 39
        assert found.log.read_stream("meter:2", 0, 1000) == before
        assert streams_up_to(found, 77) == {"meter:2", "meter:3"}
        check(found)
        holder(found).release("meter:2", NOW, "os:bob", "closed")
        assert holds(found.log, CODEC) == {}
        assert purge(found).events == 26
        assert streams_up_to(found, 77) == {"meter:3"}
        check(found)


def test_holds_that_make_no_sense_are_refused(place: Place) -> None:
    with opened(place) as found:
        fill(found)
        with pytest.raises(StoreError, match="the log has no events of meter:8"):
            holder(found).place("meter:8", NOW, "os:ann", "")
        with pytest.raises(StoreError, match="meter:2 is not on hold"):
            holder(found).release("meter:2", NOW, "os:ann", "")
        holder(found).place("meter:2", NOW, "os:ann", "")
        with pytest.raises(StoreError, match="meter:2 is on hold since 2026-05-20, by os:ann"):
            holder(found).place("meter:2", NOW, "os:bob", "")


def test_a_hold_that_comes_in_the_middle_of_a_purge_is_not_passed_over(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(place) as found:
        fill(found)
        planned = Retention._planned

        def late(self: Retention, *values: object) -> object:
            plan = planned(self, *values)  # type: ignore[arg-type]
            if "meter:2" not in holds(found.log, CODEC):
                holder(found).place("meter:2", NOW, "os:ann", "")
            return plan

        monkeypatch.setattr(Retention, "_planned", late)
        with pytest.raises(StoreUnavailable, match="holds were changed meanwhile"):
            purge(found)
        assert found.log.purged() == []
        assert purge(found).events == 39


def test_days_that_no_anchor_covers_stay(place: Place) -> None:
    with opened(place) as found:
        fill(found, anchored=False)
        assert purge(found) == Purged(0, 0, 2)
        assert found.log.purged() == []


def test_an_event_that_was_cut_out_by_hand_is_no_purge(place: Place) -> None:
    """Who claims a purge must have kept the chain values before what stays."""
    with opened(place) as found:
        fill(found)
        purge(found)
        with found.database.writing() as tx:
            ((oid,),) = tx.rows("SELECT oid FROM stream WHERE name = ?", ("meter:1",))
            tx.execute("DELETE FROM sealed_end WHERE oid = ? AND block = 0", (oid,))
        log = found.log
        (fault, *_) = Verifier(log.purged(), log.purged_end).take(log.read_chained(0, 10_000))
        assert (fault.stream, fault.position) == ("meter:1", 79)


def test_only_measurements_and_sessions_go() -> None:
    assert not {"DeviceRegistered", "CounterReserved", "CommandRequested", "Anchored"} & PURGEABLE
    assert {ReadFailed.topic, MeterEvent.topic} <= {f"{name}/1" for name in PURGEABLE}
    assert Anchored.topic.partition("/")[0] not in PURGEABLE


def test_the_events_of_the_logs_own_life_are_one_stream_in_order(place: Place) -> None:
    with opened(place) as found:
        fill(found)
        holder(found).place("meter:2", NOW, "os:ann", "")
        purge(found)
        rows = found.log.read_stream(STREAM, 0, 100)
        assert [row.topic for row in rows] == ["LegalHoldPlaced/1", "LogPurged/1", "LogPurged/1"]
        assert all(a.version + 1 == b.version for a, b in pairwise(rows))

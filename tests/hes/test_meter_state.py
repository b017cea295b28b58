"""The memory of a meter's actor: the same by replay, by snapshot, and whatever comes late."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from event_pool import logs
from examples import many
from hypothesis import given, settings, strategies as st

from hes.events.base import DomainEvent, Recorded
from hes.events.device import CounterReserved
from hes.events.layout import Channel, Layout
from hes.events.meter_clock import ClockDrift, ClockSet
from hes.events.meter_keys import MeterKeysChanged, MeterKeysChanging
from hes.events.power import PowerFailure, PowerRestored, PowerSign
from hes.events.reading import LoadProfileRead, ProfileRow, PushKept, Reading, Source
from hes.events.voltage import OverVoltage, OverVoltageCleared
from hes.meter_state import MeterState
from hes.rules.over_voltage import PhaseWatch
from hes.rules.repeats import DIGESTS_KEPT, digest_of, is_repeat

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
LOAD = "1.0.99.1.0.255"
LAYOUT = Layout((Channel("1.0.1.29.0.255", 0, 30),))


def at(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def after(*events: DomainEvent) -> MeterState:
    state = MeterState()
    for event in events:
        state.apply(event)
    return state


def profile(
    *ends: datetime, source: Source = Source.SCHEDULED, received: int = 100
) -> LoadProfileRead:
    return LoadProfileRead(
        received_at=at(received), source=source, profile=LOAD, period_s=1800, layout=LAYOUT,
        rows=tuple(ProfileRow(ends_at=end, status=None, values=(1,)) for end in ends),
    )  # fmt: skip


@settings(max_examples=many(0.6), deadline=None)
@given(logs(), st.data())
def test_a_snapshot_anywhere_changes_nothing(log: Sequence[Recorded], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(log)))
    straight = after(*[recorded.event for recorded in log])
    state = MeterState.restore(after(*[recorded.event for recorded in log[:cut]]).snapshot())
    for recorded in log[cut:]:
        state.apply(recorded.event)
    assert state == straight
    assert MeterState.restore(straight.snapshot()) == straight


def test_a_snapshot_of_an_earlier_version_is_read() -> None:
    # As written before ``supply`` was, and before phases knew when they were sampled.
    earlier = msgspec.msgpack.encode(
        {
            "digests": b"12345678",
            "counters": [7, 1],
            "phases": {"L1": [True, 0]},
            "drifting": True,
        }
    )
    state = MeterState.restore(earlier)
    assert (state.digests, state.counters.highest, state.drifting) == (b"123456", 7, True)
    assert state.phases == {"L1": PhaseWatch(raised=True)}


# The last as one was before the digests were one string: the stream is folded instead.
@pytest.mark.parametrize(
    "damaged", [b"", b"\xc1", b"\x90", b"\x81\xa8drifting\x07", b"\x81\xa7digests\x91\xc4\x0112"]
)
def test_a_snapshot_that_cannot_be_read_is_refused(damaged: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        MeterState.restore(damaged)


# -- repeats


@given(st.lists(st.one_of(st.none(), st.binary(min_size=6, max_size=6)), max_size=100))
def test_the_last_digests_are_kept(digests: list[bytes | None]) -> None:
    told = [PushKept(received_at=NOON, reason="", detail="", data=b"", digest=d) for d in digests]
    assert after(*told).digests == b"".join([d for d in digests if d is not None][-DIGESTS_KEPT:])


def test_messages_of_an_earlier_version_are_known_again() -> None:
    """It kept eight octets of each, in its events and in its snapshots."""
    messages = [bytes([n]) for n in range(70)]
    whole = [hashlib.blake2b(message, digest_size=8).digest() for message in messages]
    told = [PushKept(received_at=NOON, reason="", detail="", data=b"", digest=d) for d in whole]
    state = MeterState.restore(msgspec.msgpack.encode({"digests": b"".join(whole[-56:])}))
    for one in (after(*told), state, MeterState.restore(state.snapshot())):
        known = [is_repeat(one.digests, digest_of(message)) for message in messages]
        assert known == [False] * 14 + [True] * 56


def test_counters_are_taken_from_what_was_stored() -> None:
    told = [
        Reading(received_at=NOON, source=Source.PUSH, layout=LAYOUT, values=(1,), counter=n)
        for n in (5, 7, None)
    ]
    window = after(*told).counters
    assert [window.accepts(n) for n in (4, 5, 6, 7, 8)] == [True, False, True, False, True]


def test_reserved_counters_only_rise() -> None:
    told = [CounterReserved(received_at=NOON, below=n) for n in (10, 30, 20)]
    assert after(*told).counter_reserved == 30


# -- what the schedule goes on from


def test_intervals_are_known_to_the_last_end_whatever_the_order() -> None:
    assert after(profile(at(30), at(60)), profile(at(0))).profile_until == {LOAD: at(60)}
    assert after(profile()).profile_until == {}


def test_what_a_person_read_does_not_hide_the_gap_before_it() -> None:
    state = after(profile(at(0)), profile(at(60), at(90), source=Source.DEMAND))
    assert state.profile_until == {LOAD: at(0)}


def test_a_clock_in_the_next_century_does_not_end_the_schedule() -> None:
    wrong = at(0).replace(year=2100)
    assert after(profile(at(30), wrong, received=60)).profile_until == {LOAD: at(60)}


def test_only_scheduled_readings_are_collections() -> None:
    def told(source: Source, minute: int) -> Reading:
        return Reading(received_at=at(minute), source=source, layout=LAYOUT, values=(1,))

    state = after(told(Source.SCHEDULED, 1), told(Source.PUSH, 2), told(Source.DEMAND, 3))
    assert state.collected_at == at(1)


# -- alarms that are on


def test_alarms_are_remembered_over_a_restart() -> None:
    high = OverVoltage(received_at=at(1), phase="L1", voltage_v=250, limit_v=241.5, reference="R")
    well = OverVoltageCleared(received_at=at(2), phase="L1", voltage_v=230, limit_v=241.5)
    drift = ClockDrift(received_at=at(1), drift_s=9, uncertainty_s=1, action="slew")
    assert after(high).phases == {"L1": PhaseWatch(raised=True, sampled_at=at(1))}
    assert after(high, well).phases == {"L1": PhaseWatch(sampled_at=at(2))}
    assert after(drift).drifting


def test_times_of_a_clock_that_was_set_do_not_count_any_more() -> None:
    lost = PowerFailure(received_at=at(9), device_time=at(8), sign=PowerSign.LAST_GASP)
    back = PowerRestored(received_at=at(10), device_time=at(10), sign=PowerSign.METER_EVENT)
    changed = ClockSet(
        received_at=at(11), before=at(10), after=at(0), drift_before_s=600, drift_after_s=0,
        method="set",
    )  # fmt: skip
    state = after(lost, back)
    assert (state.failed_at, state.supply.lost, state.supply.back) == (None, at(8), at(10))
    state.apply(changed)
    assert (state.supply.lost, state.supply.back) == (None, None)
    assert not state.drifting


def test_under_a_new_key_the_counters_of_a_meter_begin_anew() -> None:
    read = Reading(
        received_at=NOON, source=Source.PUSH, layout=LAYOUT, values=(1,), digest=b"12345",
        counter=5000,
    )  # fmt: skip
    intent = MeterKeysChanging(received_at=NOON, what="encryption", actor="a", reason="")
    state = after(read, intent)
    assert not state.counters.accepts(7), "nothing is changed yet"
    state.apply(
        MeterKeysChanged(
            received_at=NOON, what="encryption", shown_by="answer", actor="a", reason=""
        )
    )
    assert state.counters.accepts(7)
    assert MeterState.restore(state.snapshot()) == state

"""A kilowatt-hour walked back: to readings, intervals, sessions and frames, with exact sums."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from audit_log import (
    DAY,
    ENERGY,
    HALF_HOUR,
    METER,
    MODEM,
    Written,
    a_day,
    at,
    half_hours,
    index,
    registered,
)
from hypothesis import given, strategies as st

from hes.audit.energy import Delivered, Gathered, Point, by_index, by_intervals
from hes.audit.explaining import explain
from hes.events.layout import Channel, Layout
from hes.events.meter_clock import ClockDrift
from hes.events.modem import ModemDisconnected
from hes.events.reading import Reading, Source
from hes.ids import MeterId


@pytest.fixture
def written(tmp_path: Path) -> Iterator[Written]:
    with Written(f"sqlite:///{tmp_path}/e.db") as opened:
        yield opened


def told(w: Written, begin: datetime, end: datetime, obis: str = ENERGY) -> Any:
    return explain(w.log, w.codec, MeterId("M1"), begin, end, obis)


def test_two_readings_on_time_tell_the_energy_exactly(written: Written) -> None:
    positions = a_day(written)
    found = told(written, at(0), at(2))
    by_registers, by_profile = found["answers"]
    assert (by_registers["method"], by_registers["holds"]) == ("index", "exactly")
    assert by_registers["arithmetic"] == "10.40 - 10.00 = 0.40 kWh"
    assert by_registers["opening"]["event"] == positions["opening"]
    assert by_registers["closing"]["event"] == positions["closing"]
    assert (by_registers["opening"]["raw"], by_registers["opening"]["scaler"]) == (1000, 1)
    assert (by_profile["method"], by_profile["holds"]) == ("intervals", "exactly")
    assert by_profile["arithmetic"] == "sum of 4 intervals = 0.4000 kWh"
    assert found["missing"] == []


def test_each_event_is_told_with_chain_source_session_frame_and_rules(written: Written) -> None:
    positions = a_day(written)
    found = told(written, at(0), at(2))
    events = {event["position"]: event for event in found["events"]}
    assert set(events) == {positions[name] for name in ("opening", "morning", "closing", "late")}
    opening = events[positions["opening"]]
    chain = written.log.read_chained(positions["opening"] - 1, 1)[0]
    assert (opening["chain"], opening["version"]) == (chain.chain.hex(), chain.version)
    assert opening["session"] == {
        "session": 7, "link": "hml1", "peer": "10.0.0.9:4711", "claim": "device-id",
        "since": at(-1).isoformat(), "position": positions["session"],
    }  # fmt: skip
    assert opening["frame"]["hex"] == "7ea001"
    assert opening["frame"]["position"] == positions["record"]
    assert any("no repeat" in rule for rule in opening["rules"])
    sources = {name: events[positions[name]]["source"] for name in ("opening", "closing", "late")}
    assert sources == {"opening": "push", "closing": "demand", "late": "backfill"}
    assert events[positions["closing"]]["frame"] is None
    assert any("none was estimated" in rule for rule in events[positions["late"]]["rules"])


def test_ratios_are_named_and_not_applied(written: Written) -> None:
    a_day(written)
    device = told(written, at(0), at(2))["device"]
    assert (device["ct_ratio"], device["vt_ratio"]) == ("200/5", "1")
    assert device["ratios_applied"] is False


def test_readings_beside_the_ends_give_bounds(written: Written) -> None:
    for hours, number in ((-1, 100), (0.25, 110), (1.75, 150), (3, 170)):
        written.write(METER, index(at(hours), number))
    inner, outer = told(written, at(0), at(2))["answers"]
    assert (inner["holds"], inner["energy"]) == ("at least", "0.40")
    assert (outer["holds"], outer["energy"]) == ("at most", "0.70")
    assert outer["covers_from"] == at(-1).isoformat()
    missing = told(written, at(0), at(2))["missing"]
    assert any("no index readings at just" in sentence for sentence in missing)
    assert "no intervals of this register in the period" in missing


def test_nothing_is_said_plainly(written: Written) -> None:
    written.write(METER, registered(at(0)), index(at(0), 100))
    found = told(written, at(1), at(2))
    assert found["answers"] == []
    assert found["missing"][0] == "no two index readings within or around the period"


def test_missing_intervals_are_named_and_none_is_estimated(written: Written) -> None:
    written.write(METER, half_hours(at(9), [0.5, 2.0, 2.5], 1000))
    found = told(written, at(0), at(4))
    (answer,) = found["answers"]
    assert (answer["holds"], answer["energy"]) == ("at least", "0.3000")
    assert answer["gaps"] == [
        {"from": at(0.5).isoformat(), "to": at(2).isoformat()},
        {"from": at(2.5).isoformat(), "to": at(4).isoformat()},
    ]
    assert sum("none was estimated" in sentence for sentence in found["missing"]) == 2


def test_an_interval_that_began_before_the_period_is_told(written: Written) -> None:
    written.write(METER, half_hours(at(9), [0.5, 1.0], 1000))
    found = told(written, at(0.25), at(1))
    assert found["answers"][0]["holds"] == "roughly"
    assert any("began before the period" in sentence for sentence in found["missing"])


def test_the_last_delivery_counts_and_the_other_is_told(written: Written) -> None:
    first = written.write(METER, half_hours(at(1), [0.5], 1000))
    again = written.write(METER, half_hours(at(2), [0.5], 1000, Source.BACKFILL))
    last = written.write(METER, half_hours(at(3), [0.5], 1001, Source.BACKFILL))
    found = told(written, at(0), at(0.5))
    (point,) = found["answers"][0]["intervals"]
    assert (point["event"], point["value"]) == (last, "0.1001")
    assert [other["event"] for other in point["again"]] == [again, first]
    assert [other["event"] for other in point["differs"]] == [again, first]
    assert any(f"event {first} told 0.1000 kWh" in line for line in found["missing"])


def test_an_index_that_went_backwards_is_told(written: Written) -> None:
    written.write(METER, index(at(0), 500), index(at(2), 3))
    found = told(written, at(0), at(2))
    assert found["answers"][0]["energy"] == "-4.97"
    assert any("went backwards" in sentence for sentence in found["missing"])


def test_values_without_a_unit_are_not_used(written: Written) -> None:
    bare = Reading(
        received_at=at(0), source=Source.PUSH, layout=Layout((Channel(ENERGY),)), values=(7,)
    )
    position = written.write(METER, bare)
    (sentence,) = [s for s in told(written, at(-1), at(2))["missing"] if "without a unit" in s]
    assert f"event {position}" in sentence


def test_a_closed_session_is_not_the_one(written: Written) -> None:
    a_day(written)
    over = ModemDisconnected(
        received_at=at(3), session=7, reason="x", lasted_s=1, bytes_in=1, bytes_out=1
    )
    written.write(MODEM, over)
    position = written.write(METER, index(at(4), 1100))
    found = told(written, at(2), at(4))
    (event,) = [e for e in found["events"] if e["position"] == position]
    assert event["session"] is None


def test_a_clock_that_was_off_is_told_with_the_value(written: Written) -> None:
    off = ClockDrift(received_at=at(-1), drift_s=-90.0, uncertainty_s=0.5, action="set")
    position = written.write(METER, off)
    written.write(METER, index(at(0), 1), index(at(1), 2))
    rules = told(written, at(0), at(1))["events"][0]["rules"]
    assert rules[0] == f"when it came, its clock was off by -90 s (event {position})"


# -- sums, told again


def point(hours: float, number: Decimal) -> Delivered:
    return Delivered(Point(at(hours), number, "kWh", 1, 0, "meter", 1, "p", 1800, 0))


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=60), st.integers(-6, 3))
def test_sums_are_exact(numbers: list[int], scaler: int) -> None:
    points = [point(n / 2, Decimal(number).scaleb(scaler)) for n, number in enumerate(numbers, 1)]
    end = DAY + len(points) * HALF_HOUR
    found = by_intervals("p", points, DAY, end)
    assert found is not None
    assert found.gaps == []
    assert Fraction(found.energy) == sum(numbers) * Fraction(10) ** scaler


@given(st.sets(st.integers(0, 40), max_size=20), st.integers(0, 40), st.integers(1, 40))
def test_inner_and_outer_readings_enclose_the_period(
    hours: set[int], begin: int, length: int
) -> None:
    points = [point(hour, Decimal(hour)) for hour in sorted(hours)]
    start, end = at(begin), at(begin + length)
    found = by_index(points, start, end)
    if found.inner is not None:
        assert start <= found.inner.opening.counts.at < found.inner.closing.counts.at <= end
        assert found.inner.energy <= length
    if found.outer is not None:
        assert found.outer.opening.counts.at <= start
        assert found.outer.closing.counts.at >= end
        assert found.outer.energy >= length
    assert found.exact == ({begin, begin + length} <= hours)


def test_intervals_outside_of_the_period_are_not_gathered() -> None:
    gathered = Gathered(ENERGY, at(1), at(2))
    gathered.take(1, half_hours(at(9), [0.5, 1.0, 1.5, 2.0, 2.5], 1000))
    (ends,) = gathered.intervals().values()
    assert [one.counts.at for one in ends] == [at(1.5), at(2.0)]
    assert ends[1].counts.at - ends[0].counts.at == timedelta(minutes=30)

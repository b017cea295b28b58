"""Over-voltage: exact limits, both edges, flapping, late and missing samples."""

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import given, strategies as st

from hes.events.base import DomainEvent
from hes.events.layout import Channel, Layout
from hes.events.reading import Reading, Source
from hes.events.voltage import OverVoltage, OverVoltageCleared
from hes.rules.limits import OverVoltageLimits, load_limits
from hes.rules.over_voltage import PhaseWatch, judge, voltages

SHIPPED: Final = load_limits().over_voltage
START: Final = datetime(2026, 5, 1, tzinfo=UTC)
CODES: Final = {"L1": "1.0.32.7.0.255", "L2": "1.0.52.7.0.255", "L3": "1.0.72.7.0.255"}


def sample(minute: int = 0, *, device_minute: int | None = None, **phases: Any) -> Reading:
    """Return a reading of phase voltages in tenths of a volt."""
    return Reading(
        received_at=START + timedelta(minutes=minute),
        device_time=None if device_minute is None else START + timedelta(minutes=device_minute),
        source=Source.PUSH,
        layout=Layout(tuple(Channel(CODES[phase], -1, 35, 3, 2) for phase in phases)),
        values=tuple(phases.values()),
    )


def kinds(events: list[DomainEvent]) -> list[str]:
    return [type(event).__name__ for event in events]


def story(*tenths: int, limits: OverVoltageLimits = SHIPPED) -> list[str]:
    """Return what each sample of phase L1 changes: ``+``, ``-`` or ``.``."""
    watches: dict[str, PhaseWatch] = {}
    signs = {"OverVoltage": "+", "OverVoltageCleared": "-"}
    told = [kinds(judge(watches, sample(n, L1=v), limits)) for n, v in enumerate(tenths)]
    return ["".join(signs[kind] for kind in one) or "." for one in told]


def test_the_shipped_limits_are_those_of_the_circular() -> None:
    assert (SHIPPED.on_v, SHIPPED.off_v, SHIPPED.samples) == (241.5, 239.2, 2)
    assert "39/2015/TT-BCT" in SHIPPED.reference


def test_one_sample_proves_nothing_and_two_do() -> None:
    assert story(2416, 2300, 2416, 2300) == [".", ".", ".", "."]
    assert story(2416, 2416, 2416) == [".", "+", "."]


def test_the_limit_itself_is_allowed_on_both_edges() -> None:
    assert story(2415, 2415, 2415) == [".", ".", "."]
    assert story(2416, 2416, 2392, 2392, 2392) == [".", "+", ".", ".", "."]
    assert story(2416, 2416, 2391, 2391) == [".", "+", ".", "-"]


def test_between_the_limits_nothing_changes() -> None:
    assert story(2400, 2400, 2416, 2416, 2400, 2400, 2391, 2400, 2391) == [
        ".", ".", ".", "+", ".", ".", ".", ".", ".",
    ]  # fmt: skip


def test_flapping_about_the_limit_is_one_alarm() -> None:
    told = story(2416, 2416, *[2414, 2417] * 20, 2390, 2390)
    assert told.count("+") == told.count("-") == 1
    assert told[-1] == "-"


def test_the_event_says_what_by_how_much_and_why() -> None:
    watches: dict[str, PhaseWatch] = {}
    judge(watches, sample(0, L2=2530), SHIPPED)
    (event,) = judge(watches, sample(30, device_minute=29, L2=2534), SHIPPED)
    assert event == OverVoltage(
        received_at=START + timedelta(minutes=30), device_time=START + timedelta(minutes=29),
        phase="L2", voltage_v=253.4, limit_v=241.5, reference=SHIPPED.reference,
    )  # fmt: skip
    judge(watches, sample(60, L2=2300), SHIPPED)
    (event,) = judge(watches, sample(90, L2=2301), SHIPPED)
    assert event == OverVoltageCleared(
        received_at=START + timedelta(minutes=90), phase="L2", voltage_v=230.1, limit_v=241.5
    )


def test_phases_count_for_themselves_and_a_missing_one_waits() -> None:
    watches: dict[str, PhaseWatch] = {}
    assert kinds(judge(watches, sample(0, L1=2500, L2=2500, L3=2300), SHIPPED)) == []
    assert kinds(judge(watches, sample(1, L1=2500, L3=2500), SHIPPED)) == ["OverVoltage"]
    (late,) = judge(watches, sample(2, L2=2500, L3=2300), SHIPPED)
    assert isinstance(late, OverVoltage)
    assert late.phase == "L2"
    assert {phase: watch.raised for phase, watch in watches.items()} == {
        "L1": True, "L2": True, "L3": False,
    }  # fmt: skip


@pytest.mark.parametrize("value", [None, b"\x00", "241", float("nan"), float("inf"), [2500]])
def test_what_is_no_number_is_no_sample(value: Any) -> None:
    assert list(voltages(sample(L1=value))) == []


@pytest.mark.parametrize(
    ("channel", "expected"),
    [
        (Channel(CODES["L1"], -1, 35), [("L1", 250.0)]),
        (Channel("1.1.52.7.0.255", 0, 35), [("L2", 2500.0)]),
        (Channel("1.0.72.7.0.255", None, 35), [("L3", 2500.0)]),
        (Channel("1.0.72.7.0.255", -1, None), []),
        (Channel("1.0.31.7.0.255", -1, 35), []),
        (Channel("1.0.32.7.0.255", -1, 33), []),
        (Channel("1.0.12.7.0.255", -1, 35), []),
        (Channel("1.0.132.7.0.255", -1, 35), []),
    ],
)
def test_a_phase_voltage_is_known_by_code_and_unit(
    channel: Channel, expected: list[tuple[str, float]]
) -> None:
    reading = Reading(
        received_at=START, source=Source.PUSH, layout=Layout((channel,)), values=(2500,)
    )
    assert list(voltages(reading)) == expected


def test_a_late_sample_says_nothing_about_now() -> None:
    watches: dict[str, PhaseWatch] = {}
    for minute in (30, 60):
        judge(watches, sample(minute, device_minute=minute, L1=2500), SHIPPED)
    late = [sample(61, device_minute=minute, L1=2300) for minute in (0, 10, 20)]
    assert [kinds(judge(watches, one, SHIPPED)) for one in late] == [[], [], []]
    assert watches["L1"].raised


def test_a_clock_far_ahead_does_not_silence_what_follows() -> None:
    watches: dict[str, PhaseWatch] = {}
    judge(watches, sample(0, device_minute=10_000_000, L1=2300), SHIPPED)
    told = [kinds(judge(watches, sample(n, device_minute=n, L1=2500), SHIPPED)) for n in (1, 2)]
    assert told == [[], ["OverVoltage"]]


@given(st.lists(st.integers(2350, 2460), max_size=40), st.integers(1, 4))
def test_it_alternates_and_agrees_with_a_look_back(tenths: list[int], samples: int) -> None:
    limits = OverVoltageLimits(
        nominal_v=230.0, on_ratio=1.05, off_ratio=1.04, samples=samples, reference="test"
    )
    told = story(*tenths, limits=limits)
    raised, since = False, 0
    for n, sign in enumerate(told):
        window = tenths[max(since, n - samples + 1) : n + 1]
        turned = len(window) == samples and all(v < 2392 if raised else v > 2415 for v in window)
        assert sign == (("-" if raised else "+") if turned else ".")
        if turned:
            raised, since = not raised, n + 1
    changes = [sign for sign in told if sign != "."]
    assert changes == list(itertools.islice(itertools.cycle("+-"), len(changes)))


def test_volts_may_be_told_in_kilovolts() -> None:
    reading = Reading(
        received_at=START, device_time=None, source=Source.PUSH,
        layout=Layout((Channel(CODES["L1"], -4, 0x300 | 35, 3, 2),)), values=(2345,),
    )  # fmt: skip
    assert list(voltages(reading)) == [("L1", 234.5)]

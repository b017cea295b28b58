"""The clock policy: measured through a slow network, acted on by bands."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st

from hes.events.meter_clock import ClockDrift, ClockDriftCleared
from hes.rules.clock_drift import Action, Measurement, decide, judge, measure, seconds_to_safety
from hes.rules.limits import load_limits

LIMITS = load_limits().clock
SENT = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)

seconds = st.floats(-5000, 5000).map(lambda s: round(s, 3))
trips = st.floats(0, 120).map(lambda s: round(s, 3))


def test_the_shipped_bands() -> None:
    assert (LIMITS.quiet_s, LIMITS.slew_s, LIMITS.set_s) == (5, 60, 900)
    assert LIMITS.reference


def test_half_the_round_trip_is_taken_off() -> None:
    got = SENT + timedelta(seconds=4)
    assert measure(SENT, SENT + timedelta(seconds=2), got) == Measurement(0.0, 2.0)
    assert measure(SENT, SENT + timedelta(seconds=9), got) == Measurement(7.0, 2.0)
    assert measure(SENT, SENT - timedelta(seconds=5), got) == Measurement(-7.0, 2.0)


@given(seconds, trips, st.floats(0, 1))
def test_the_true_drift_is_within_the_uncertainty(drift: float, trip: float, when: float) -> None:
    read_at = SENT + timedelta(seconds=trip * when)
    found = measure(SENT, read_at + timedelta(seconds=drift), SENT + timedelta(seconds=trip))
    assert abs(found.drift_s - drift) <= found.uncertainty_s + 0.002


@given(seconds, trips, st.floats(0, 1), st.floats(0, 1, exclude_max=True))
def test_it_is_too_when_the_meter_tells_whole_seconds(
    drift: float, trip: float, when: float, into: float
) -> None:
    sent, got = SENT + timedelta(seconds=into), SENT + timedelta(seconds=into + trip)
    told = sent + timedelta(seconds=trip * when + drift)
    found = measure(sent, told.replace(microsecond=0), got, 1.0)
    assert abs(found.drift_s - drift) <= found.uncertainty_s + 0.002
    assert found.uncertainty_s == pytest.approx(trip / 2 + 0.5, abs=0.002)


def test_what_is_cut_off_is_made_up_for_on_average() -> None:
    drifts = []
    for hundredth in range(100):
        now = SENT + timedelta(milliseconds=10 * hundredth)
        drifts.append(measure(now, now.replace(microsecond=0), now, 1.0).drift_s)
    assert sum(drifts) / 100 == pytest.approx(0.005)
    assert max(map(abs, drifts)) <= 0.5


@pytest.mark.parametrize(
    ("drift_s", "uncertainty_s", "action"),
    [
        (0.0, 0.0, Action.NONE),
        (5.0, 0.0, Action.NONE),
        (5.001, 0.0, Action.SLEW),
        (6.5, 1.5, Action.NONE),
        (6.6, 1.5, Action.SLEW),
        (60.0, 1.0, Action.SLEW),
        (60.001, 1.0, Action.SET),
        (59.0, 30.0, Action.SLEW),
        (59.0, 30.1, Action.UNCERTAIN),
        (59.0, 54.0, Action.NONE),
        (900.0, 1.0, Action.SET),
        (900.001, 1.0, Action.WORK_ORDER),
        (800.0, 450.0, Action.SET),
        (800.0, 450.1, Action.UNCERTAIN),
        (1e8, 1.0, Action.WORK_ORDER),
    ],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_the_bands(drift_s: float, uncertainty_s: float, action: Action, sign: int) -> None:
    assert decide(Measurement(sign * drift_s, uncertainty_s), LIMITS) is action


@given(seconds, trips)
def test_nothing_is_changed_that_may_be_well(drift_s: float, uncertainty_s: float) -> None:
    action = decide(Measurement(drift_s, uncertainty_s), LIMITS)
    if action in {Action.SLEW, Action.SET}:
        assert abs(drift_s) - uncertainty_s > LIMITS.quiet_s
        band_s = LIMITS.slew_s if action is Action.SLEW else LIMITS.set_s
        assert uncertainty_s <= band_s / 2
        assert abs(drift_s) <= band_s


def told(raised: bool, drift_s: float, uncertainty_s: float) -> list[str]:
    events = judge(
        raised=raised, measurement=Measurement(drift_s, uncertainty_s), limits=LIMITS,
        meter_time=SENT, received_at=SENT,
    )  # fmt: skip
    return [type(event).__name__ for event in events]


def test_a_drift_begins_once_and_ends_when_it_is_sure() -> None:
    assert told(False, -70.0, 1.0) == ["ClockDrift"]
    assert told(True, -70.0, 1.0) == []
    assert told(False, 1.0, 1.0) == []
    assert told(True, 4.0, 1.0) == ["ClockDriftCleared"]
    assert told(True, 4.1, 1.0) == []


def test_a_vague_measurement_neither_begins_nor_ends_a_drift() -> None:
    assert told(True, 30.0, 40.0) == []
    assert told(True, 0.0, 40.0) == []
    assert told(False, 30.0, 40.0) == []


@given(st.lists(st.floats(-0.9, 0.9), min_size=2, max_size=20))
def test_noise_within_the_uncertainty_does_not_flap(noise: list[float]) -> None:
    raised, changes = False, 0
    for error in noise:
        if told(raised, 5.5 + error, 1.0):
            raised, changes = not raised, changes + 1
    assert changes <= 1


def test_the_events_say_what_was_measured() -> None:
    (event,) = judge(
        raised=False, measurement=Measurement(-70.0, 1.5), limits=LIMITS, meter_time=SENT,
        received_at=SENT + timedelta(seconds=70),
    )  # fmt: skip
    assert event == ClockDrift(
        received_at=SENT + timedelta(seconds=70), device_time=SENT, drift_s=-70.0,
        uncertainty_s=1.5, action="set",
    )  # fmt: skip
    (event,) = judge(
        raised=True, measurement=Measurement(0.5, 0.25), limits=LIMITS, meter_time=SENT,
        received_at=SENT,
    )  # fmt: skip
    assert event == ClockDriftCleared(
        received_at=SENT, device_time=SENT, drift_s=0.5, uncertainty_s=0.25
    )


@given(st.integers(0, 86_400_000))
def test_no_change_within_two_minutes_of_a_capture_boundary(ms: int) -> None:
    now = SENT + timedelta(milliseconds=ms)
    wait_s = seconds_to_safety(now)
    into_s = (now.timestamp() + wait_s) % 1800
    assert 0 <= wait_s <= 240
    assert 120 - 0.001 <= into_s <= 1680 + 0.001
    if 120 <= now.timestamp() % 1800 <= 1680:
        assert wait_s == 0

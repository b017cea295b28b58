"""How far a meter's clock is off, measured through a slow network, and what to do about it."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import msgspec

from hes.events.base import DomainEvent
from hes.events.meter_clock import ClockDrift, ClockDriftCleared
from hes.rules.limits import ClockLimits

BOUNDARY_GUARD_S: Final = 120.0
"""A clock is never changed so near to a capture boundary: the interval would count twice."""
BOUNDARY_PERIOD_S: Final = 1800


class Action(StrEnum):
    """What the policy says."""

    NONE = "none"
    UNCERTAIN = "uncertain"
    SLEW = "slew"
    SET = "set"
    WORK_ORDER = "work-order"


class Measurement(msgspec.Struct, frozen=True):
    """One comparison of clocks."""

    drift_s: float
    """Seconds; positive when the meter is ahead."""
    uncertainty_s: float
    """Half the round trip: the meter read its clock somewhere within it; and half a step of it."""


def measure(
    sent_at: datetime, meter_time: datetime, got_at: datetime, resolution_s: float = 0.0
) -> Measurement:
    """Compare the meter's clock with the middle of the round trip of the question.

    ``resolution_s``: the steps in which the meter tells its time. It cuts off what is less, so that
    on average it tells half a step too little.
    """
    round_trip: timedelta = got_at - sent_at
    middle = sent_at + round_trip / 2
    return Measurement(
        round((meter_time - middle).total_seconds() + resolution_s / 2, 3),
        round((round_trip.total_seconds() + resolution_s) / 2, 3),
    )


def decide(measurement: Measurement, limits: ClockLimits) -> Action:
    """Return what the policy says to a measurement."""
    drift_s = abs(measurement.drift_s)
    if drift_s <= limits.quiet_s + measurement.uncertainty_s:
        return Action.NONE
    for band_s, action in ((limits.slew_s, Action.SLEW), (limits.set_s, Action.SET)):
        if drift_s <= band_s:
            too_vague = measurement.uncertainty_s > band_s / 2
            return Action.UNCERTAIN if too_vague else action
    return Action.WORK_ORDER


def is_well(measurement: Measurement, limits: ClockLimits) -> bool:
    """Whether the clock is within the quiet band, however the uncertainty falls.

    Not the opposite of "off": what lies between proves neither, and leaves a drift as it is.
    """
    return abs(measurement.drift_s) + measurement.uncertainty_s <= limits.quiet_s


def judge(
    *,
    raised: bool,
    measurement: Measurement,
    limits: ClockLimits,
    meter_time: datetime,
    received_at: datetime,
) -> list[DomainEvent]:
    """Return what a measurement changes: a drift begun or ended, or nothing."""
    action = decide(measurement, limits)
    off = action in {Action.SLEW, Action.SET, Action.WORK_ORDER}
    if off and not raised:
        return [
            ClockDrift(
                received_at=received_at,
                device_time=meter_time,
                drift_s=measurement.drift_s,
                uncertainty_s=measurement.uncertainty_s,
                action=action.value,
            )
        ]
    if raised and is_well(measurement, limits):
        return [
            ClockDriftCleared(
                received_at=received_at,
                device_time=meter_time,
                drift_s=measurement.drift_s,
                uncertainty_s=measurement.uncertainty_s,
            )
        ]
    return []


def seconds_to_safety(now: datetime, *, guard_s: float = BOUNDARY_GUARD_S) -> float:
    """Return how long to wait until ``now`` is clear of a capture boundary; 0 when it is."""
    into_s = now.timestamp() % BOUNDARY_PERIOD_S
    if into_s < guard_s:
        return guard_s - into_s
    if into_s > BOUNDARY_PERIOD_S - guard_s:
        return BOUNDARY_PERIOD_S - into_s + guard_s
    return 0.0

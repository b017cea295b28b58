"""The ways to put a clock right that are methods of the clock itself (class 8, methods 1 to 6)."""

from datetime import datetime, timedelta
from typing import Final

from protocols.dlms.classes.clock import (
    ADJUST_TO_MEASURING_PERIOD,
    ADJUST_TO_MINUTE,
    ADJUST_TO_PRESET_TIME,
    ADJUST_TO_QUARTER,
    CLOCK,
    PRESET_ADJUSTING_TIME,
    SHIFT_TIME,
    Preset,
    adjust,
    preset,
    shift,
)
from protocols.dlms.classes.dates import decode_moment
from protocols.dlms.client import Dialogue, DlmsClient
from protocols.dlms.cosem import CLOCK_OBIS
from protocols.dlms.operations.access import call
from protocols.dlms.reader import TimeRules

TO_NEAREST: Final = {
    "quarter": ADJUST_TO_QUARTER, "period": ADJUST_TO_MEASURING_PERIOD, "minute": ADJUST_TO_MINUTE,
}  # fmt: skip
"""The clock jumps to the nearest whole quarter of an hour, measuring period or minute."""
VALID_S: Final = 300
"""A time that was set ahead counts for so long before and after."""


def adjust_to_nearest(client: DlmsClient, way: str) -> Dialogue[None]:
    """Let the clock jump to the nearest whole unit: to be called when our clock is at one.

    Raises:
        MeterRefused: the meter does not do that.

    """
    yield from call(client, CLOCK, CLOCK_OBIS, TO_NEAREST[way], adjust())


def adjust_to_preset(client: DlmsClient, instant: datetime, rules: TimeRules) -> Dialogue[None]:
    """Tell the time that will be right as the second request arrives, then make it count.

    Raises:
        MeterRefused: the meter does not do that.

    """
    valid = timedelta(seconds=VALID_S)
    times = [decode_moment(rules.encode(at)) for at in (instant, instant - valid, instant + valid)]
    yield from call(client, CLOCK, CLOCK_OBIS, PRESET_ADJUSTING_TIME, preset(Preset(*times)))
    yield from call(client, CLOCK, CLOCK_OBIS, ADJUST_TO_PRESET_TIME, adjust())


def shift_time(client: DlmsClient, seconds: int) -> Dialogue[None]:
    """Shift the clock.

    Raises:
        MeterRefused: the meter does not do that.
        LocalProtocolError: by more than 15 minutes.

    """
    yield from call(client, CLOCK, CLOCK_OBIS, SHIFT_TIME, shift(seconds))

"""Puts the clock of a DLMS meter right by its own methods, at the moment that each asks for."""

from collections.abc import Callable
from datetime import datetime

from hes.rules.clock_adjusting import wait_s
from protocols.dialogue import Dialogue
from protocols.dlms.client import DlmsClient
from protocols.dlms.operations.access import pause
from protocols.dlms.operations.clock_adjust import adjust_to_nearest, adjust_to_preset, shift_time
from protocols.dlms.reader import TimeRules
from protocols.errors import MeterRefused
from protocols.values import ClockRead


def adjust(
    client: DlmsClient, way: str, before: ClockRead, now: Callable[[], datetime], rules: TimeRules
) -> Dialogue[None]:
    """Put the clock right; ``before`` is how it stood a moment ago.

    Raises:
        MeterRefused: the meter does not do that, or it would go wrong by it now.

    """
    trip = before.got_at - before.sent_at
    try:
        left_s = wait_s(way, before.drift_s, now())
    except ValueError as unfit:
        raise MeterRefused(f"not done: {unfit}") from None
    if left_s:
        # The request should arrive at the whole unit, half a round trip after it is sent.
        yield from pause(max(0.0, left_s - trip.total_seconds() / 2))
    if way == "shift":
        yield from shift_time(client, -round(before.drift_s))
    elif way == "preset":
        yield from adjust_to_preset(client, now() + 1.5 * trip, rules)
    else:
        yield from adjust_to_nearest(client, way)

"""Supply lost and restored: from last gasps, from meter events, and from a meter that talks again.

A meter tells its failure in more ways than one, and each copy arrives late or twice. A failure is
one per outage, known by the meter and the meter's time of it; an end without a beginning that we
know is still told, without a duration. What is skipped here is in the log as a ``MeterEvent``.
"""

from datetime import datetime
from typing import Final

import msgspec

from hes.events.base import DomainEvent
from hes.events.power import PowerFailure, PowerRestored, PowerSign

POWER_DOWN: Final = "power-down"
POWER_UP: Final = "power-up"
"""Names of meter events (``hes.event_names``); the meter type tells which codes they have."""
LAST_GASP_OBIS: Final = "128.128.128.128.128.0"
"""Seen from Kaifa and Mx382 modems: an EventNotification of this object is the last gasp."""


class SupplyTimes(msgspec.Struct, frozen=True):
    """What the meter's clock showed when its supply last went and came; None: it did not say.

    Only times that were not ahead of ours: a clock in the next century must not hide what follows.
    """

    lost: datetime | None = None
    back: datetime | None = None


UNTOLD: Final = SupplyTimes()


def failed(  # noqa: PLR0913 -- what one message says
    *,
    failed_at: datetime | None,
    sign: PowerSign,
    received_at: datetime,
    device_time: datetime | None,
    times: SupplyTimes = UNTOLD,
    code: int | None = None,
    digest: bytes | None = None,
    counter: int | None = None,
) -> list[DomainEvent]:
    """Return the failure, unless the meter is known to be without supply, or it is an old one."""
    if failed_at is not None or _is_over(device_time, times):
        return []
    return [
        PowerFailure(
            received_at=received_at,
            device_time=device_time,
            sign=sign,
            code=code,
            digest=digest,
            counter=counter,
        )
    ]


def restored(  # noqa: PLR0913 -- what one message says
    *,
    failed_at: datetime | None,
    sign: PowerSign | None,
    received_at: datetime,
    device_time: datetime | None = None,
    times: SupplyTimes = UNTOLD,
    code: int | None = None,
    digest: bytes | None = None,
) -> list[DomainEvent]:
    """Return the restoration: always when the meter says so, else only after a failure.

    What was said or measured before the failure, and the end that is known already, are no end.
    """
    if failed_at is None and (sign is None or _is_same(device_time, times.back)):
        return []
    if failed_at is not None and _is_before(device_time, times.lost):
        return []
    outage_s = (received_at - failed_at).total_seconds() if failed_at is not None else None
    return [
        PowerRestored(
            received_at=received_at,
            device_time=device_time,
            sign=sign,
            code=code,
            outage_s=outage_s,
            digest=digest,
        )
    ]


def lost(times: SupplyTimes, failure: PowerFailure) -> SupplyTimes:
    """Return the times after ``failure``."""
    return msgspec.structs.replace(times, lost=_credible(failure))


def back(times: SupplyTimes, restoration: PowerRestored) -> SupplyTimes:
    """Return the times after ``restoration``; one that we inferred has none of the meter's."""
    if restoration.sign is None:
        return times
    return msgspec.structs.replace(times, back=_credible(restoration))


def _credible(event: DomainEvent) -> datetime | None:
    time = event.device_time
    return time if time is not None and time <= event.received_at else None


def _is_over(device_time: datetime | None, times: SupplyTimes) -> bool:
    """Whether a failure was told before, or ended before the supply came back last."""
    return _is_same(device_time, times.lost) or _is_before(device_time, times.back)


def _is_same(time: datetime | None, other: datetime | None) -> bool:
    return time is not None and time == other


def _is_before(time: datetime | None, other: datetime | None) -> bool:
    return time is not None and other is not None and time < other

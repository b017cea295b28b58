"""Supply lost and restored: from last gasps, from meter events, and from a meter that talks again.

A meter tells its failure in more ways than one, and each copy arrives late or twice. A failure is
one per outage; an end without a beginning that we know is still told, without a duration.
"""

from datetime import datetime
from typing import Final

from hes.events.base import DomainEvent
from hes.events.power import PowerFailure, PowerRestored, PowerSign

POWER_DOWN_CODES: Final = frozenset({1})
POWER_UP_CODES: Final = frozenset({2})
"""DSMR/SMR event codes of the standard event log, 0.0.96.11.0 (see the meter type for others)."""
LAST_GASP_OBIS: Final = "128.128.128.128.128.0"
"""Seen from Kaifa and Mx382 modems: an EventNotification of this object is the last gasp."""


def failed(
    *,
    failed_at: datetime | None,
    sign: PowerSign,
    received_at: datetime,
    device_time: datetime | None,
    code: int | None = None,
    digest: bytes | None = None,
) -> list[DomainEvent]:
    """Return the failure, unless the meter is known to be without supply already."""
    if failed_at is not None:
        return []
    return [
        PowerFailure(
            received_at=received_at,
            device_time=device_time,
            sign=sign,
            code=code,
            digest=digest,
        )
    ]


def restored(
    *,
    failed_at: datetime | None,
    sign: PowerSign | None,
    received_at: datetime,
    device_time: datetime | None = None,
    code: int | None = None,
    digest: bytes | None = None,
) -> list[DomainEvent]:
    """Return the restoration: always when the meter says so, else only after a failure."""
    if failed_at is None and sign is None:
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

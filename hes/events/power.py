"""Supply lost and restored, as the meter or its modem told."""

from enum import StrEnum

from hes.events.base import DomainEvent, event


class PowerSign(StrEnum):
    """What told us."""

    LAST_GASP = "last-gasp"
    METER_EVENT = "meter-event"


@event("PowerFailure/1")
class PowerFailure(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """The meter lost its supply."""

    sign: PowerSign
    code: int | None = None
    """The meter's own event code, when it sent one."""
    digest: bytes | None = None
    counter: int | None = None
    """Invocation counter of the ciphered push that carried it."""


@event("PowerRestored/1")
class PowerRestored(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """The meter has supply again."""

    sign: PowerSign | None = None
    """None: inferred from the meter talking to us again."""
    code: int | None = None
    outage_s: float | None = None
    """Seconds since the failure by our clock; None when we did not see its start."""
    digest: bytes | None = None

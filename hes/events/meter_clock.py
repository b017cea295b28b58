"""The meter's clock against ours."""

from datetime import datetime

from hes.events.base import DomainEvent, event


@event("ClockDrift/1")
class ClockDrift(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """The meter's clock differs from ours by more than the band and the uncertainty."""

    drift_s: float
    """Seconds; positive when the meter is ahead."""
    uncertainty_s: float
    """Half the round trip."""
    action: str
    """What the policy says: ``slew``, ``set`` or ``work-order``."""


@event("ClockDriftCleared/1")
class ClockDriftCleared(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """The clock is within the band again."""

    drift_s: float
    uncertainty_s: float


@event("ClockSet/1")
class ClockSet(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """We changed the meter's clock and read it back."""

    before: datetime
    """The meter's clock just before, UTC."""
    after: datetime
    """The meter's clock just after, UTC."""
    drift_before_s: float
    drift_after_s: float
    method: str
    """``set`` or ``shift``."""

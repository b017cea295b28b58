"""What was changed in a meter by its head-end: the supply of a customer, settings."""

from hes.events.base import DomainEvent, event


@event("RelaySwitched/1")
class RelaySwitched(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """The relay of a meter was told to switch, and its state was read back."""

    obis: str
    closed: bool
    """Whether the customer has supply through it now."""
    state: str
    """``disconnected``, ``connected`` or ``ready-for-reconnection``."""
    state_before: str
    actor: str
    reason: str


@event("MeterConfigured/1")
class MeterConfigured(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """Settings of a meter, or of the modem in it, were written and read back."""

    what: str
    """``limiter``, ``calendar``, ``push-setup``, ``modem-setup``."""
    before: str
    """As JSON; without secrets."""
    after: str
    actor: str
    reason: str

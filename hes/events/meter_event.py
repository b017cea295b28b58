"""Entries of the meter's own event logs and alarm registers."""

from hes.events.base import DomainEvent, event


@event("MeterEvent/1")
class MeterEvent(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """The meter reported something by a code; unmapped codes are kept, never dropped."""

    code: int | None
    """The meter's raw code; None when the object itself is the message."""
    name: str | None
    """The vocabulary's name for it; None while unmapped."""
    obis: str
    """The object that reported it."""
    detail: str = ""
    digest: bytes | None = None
    counter: int | None = None
    """Invocation counter of the ciphered push that carried it."""

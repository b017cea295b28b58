"""What people do to the event log itself: who keeps what, who lets what go, and why."""

from hes.events.base import DomainEvent, event


@event("LegalHoldPlaced/1")
class LegalHoldPlaced(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """The events of a stream must stay until the hold is released."""

    held: str
    """Name of the stream."""
    actor: str
    reason: str = ""


@event("LegalHoldReleased/1")
class LegalHoldReleased(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """They need not stay any more."""

    held: str
    actor: str
    reason: str = ""


@event("LogSealed/1")
class LogSealed(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """Old events were moved into blocks, as they were; stored in the transaction that did it."""

    first: int
    last: int
    """Positions in the log, both included; all events between them are sealed."""
    blocks: int
    octets: int
    """Of the blocks."""
    actor: str
    """``node:<name>`` for the daily run of a node."""


@event("LogPurged/1")
class LogPurged(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """Old events were deleted for good; stored in the transaction that deleted them."""

    first: int
    last: int
    """Positions in the log, both included: events between them were deleted, not all of them."""
    events: int
    """How many were deleted."""
    kept: int
    """How many stayed: on hold, or of lasting meaning."""
    days: int
    """Older than so many days were to be deleted."""
    actor: str
    reason: str = ""

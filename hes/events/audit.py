"""What auditors hold on to."""

from hes.events.base import DomainEvent, event


@event("Anchored/1")
class Anchored(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """All events from ``first`` to ``last`` were as this digest says; see ``hes.store.anchor``."""

    first: int
    last: int
    """Positions in the log, both included."""
    previous: bytes
    """Digest of the anchor before this one; 32 zero octets for the first."""
    digest: bytes
    root: bytes | None = None
    """Of the Merkle tree over the same values: proves single events; None in the oldest anchors."""

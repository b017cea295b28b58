"""What happened to the node itself."""

from hes.events.base import DomainEvent, event


@event("NodeStarted/1")
class NodeStarted(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """The program came up."""

    version: str
    pid: int


@event("NodeStopped/1")
class NodeStopped(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """The program was told to stop and drained."""

    reason: str


@event("ActorFailed/1")
class ActorFailed(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """An actor crashed and its supervisor acted on it."""

    path: str
    reason: str
    restarts: int
    decision: str
    """``restarted``, ``parked`` or ``escalated``."""

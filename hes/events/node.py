"""What happened to the node itself."""

from typing import Final

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


SETTINGS_SIZE: Final = 1500
"""Octets: an event must fit a RAW column of Oracle, 2,000 bytes; a longer text is split."""


@event("NodeConfigured/1")
class NodeConfigured(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """The program runs with these settings; written at a start with other ones than before.

    A long text is split: ``part`` of ``parts``, counted from 1 and stored together.
    """

    digest: bytes
    """SHA-256 of the whole text in UTF-8."""
    settings: str
    """As JSON, with defaults; without secrets."""
    actor: str
    """Who started the program."""
    part: int = 1
    parts: int = 1


@event("ReadModelRebuilt/1")
class ReadModelRebuilt(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """Somebody had a read model made anew from the log, or compared with it."""

    what: str
    """Name of the read model."""
    status: str
    """``replaced``, or ``compared``: nothing was changed."""
    position: int
    """Of the last event that went into it."""
    differences: int | None
    """Rows that were wrong; None when nobody compared."""
    actor: str


@event("TokenUsed/1")
class TokenUsed(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """Somebody came in with a token, for the first time since the node started."""

    actor: str
    """Name of the token."""


@event("AccessRefused/1")
class AccessRefused(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """Somebody was not let in: a wrong token, or a page of another site.

    Not each of them is told: see ``untold``.
    """

    actor: str
    """Name of the token that the caller meant to have, if we know it; ``?``: we do not."""
    peer: str
    what: str
    """Method and path."""
    status: str
    """Of HTTP: ``401``, ``403``."""
    reason: str
    untold: int
    """Others that were refused since the last one that was told, of any source."""

"""Who asked the system for what, and what came of it."""

from hes.events.base import DomainEvent, event


@event("CommandRequested/1")
class CommandRequested(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """A person or program asked a meter for something."""

    command: str
    """``read``, ``read-profile``, ``clock``, ``clock-set``, ..."""
    argument: str
    """What of, as text."""
    actor: str
    reason: str = ""
    """Why, in the words of who asked; asked for where a device is changed."""


@event("CommandFinished/1")
class CommandFinished(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """The answer to a command, or why there is none."""

    command: str
    actor: str
    ok: bool
    detail: str
    lasted_s: float


@event("AlarmAcknowledged/1")
class AlarmAcknowledged(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """An operator has seen the alarm."""

    alarm: str
    """Its id, as text: the position in the log of the event that raised it."""
    actor: str
    note: str = ""

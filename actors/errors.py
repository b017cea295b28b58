"""What can go wrong between actors. Each is a reason a supervisor or an operator can act on."""


class ActorError(Exception):
    """Something about actors went wrong. Abstract: raise one of those below."""


class MailboxFull(ActorError):
    """No room: the message was not accepted."""

    def __init__(self, path: str, size: int) -> None:
        super().__init__(f"the mailbox of {path} is full ({size} messages)")


class ActorStopped(ActorError):
    """The actor is gone or closing: the message was not handled."""

    def __init__(self, path: str) -> None:
        super().__init__(f"{path} has stopped")


class AskTimeout(ActorError):
    """No answer in time. If it was not started yet it never will be; else its effect is unknown."""

    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__(f"{path} did not answer within {timeout_s:g} s")


class ActorCrashed(ActorError):
    """The actor failed while handling this very message: its effect is unknown."""

    def __init__(self, path: str, reason: BaseException | None) -> None:
        why = f": {type(reason).__name__}: {reason}" if reason is not None else ""
        super().__init__(f"{path} crashed{why}")


class NameTaken(ActorError):
    """Another living actor has that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the name {name!r} is taken")


class GaveUp(ActorError):
    """More crashes than the supervisor may bear: it fails itself, so that its parent decides."""

    def __init__(self, path: str, crashes: int, period_s: float, last: str) -> None:
        super().__init__(f"{path}: {crashes} crashes within {period_s:g} s, the last: {last}")


class Killed(ActorError):
    """Somebody ordered this incarnation to die: an operator, the watchdog or a test."""


class ConnectionLost(ActorError):
    """The modem's connection ended while it was needed."""


class NoModem(ActorError):
    """The modem is not connected."""


class LineBusy(ActorError):
    """The modem does not give its serial line away now."""


class NoSuchLine(ActorError):
    """The modem has no such serial line."""


class TransactionExpired(ActorError):
    """The serial line did not come to it, or not to its end, in time."""


class TransactionDropped(ActorError):
    """Nobody waits for it any more, or a fault of ours ended it."""


class BusFull(ActorError):
    """Too many transactions wait for one serial line."""


class JournalFailed(ActorError):
    """The events are not stored, or nobody knows; forget what was derived from them."""

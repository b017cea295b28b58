"""What every job of a meter's actor is: a conversation, its judgement, and who waits for it."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from actors.bus import Priority
from actors.drivers.base import Driver
from actors.mailbox import Later
from actors.patience import Patience
from hes.events.base import DomainEvent
from hes.events.command import CommandFinished, CommandRequested
from hes.events.reading import FailureReason, ReadFailed, Source
from hes.meter_state import MeterState
from hes.rules.limits import Limits
from hes.rules.logged_events import NamesOf
from hes.rules.push_reading import ScaleOf
from protocols.dialogue import Dialogue

NO_JOBS: Final[frozenset[type["Job"]]] = frozenset()
"""One for all meters: an empty set takes as much memory as a small one."""
PRIORITIES: Final = {
    Source.DEMAND: Priority.DEMAND,
    Source.SCHEDULED: Priority.SCHEDULED,
    Source.BACKFILL: Priority.BACKFILL,
}


class Judging(msgspec.Struct, frozen=True):
    """What a job needs to judge its result."""

    now: datetime
    state: MeterState
    limits: Limits
    scale_of: ScaleOf
    event_names: NamesOf = lambda _code: ()
    """What the meter's event codes mean."""


class Outcome(msgspec.Struct):
    """What came of a job."""

    events: Sequence[DomainEvent]
    answer: Any = None
    summary: str = ""


class Job:
    """One conversation and who waits for it."""

    name = ""
    source = Source.DEMAND
    alone = False
    """Whether a second one of its kind is refused meanwhile."""
    pause_s: float | None = None
    """After how long it goes on in a further conversation; None: the last one was the last."""
    reason = ""
    """Why, in the words of who asks."""

    def __init__(self, actor: str, later: Later | None, since: float) -> None:
        self.actor = actor
        self.since = since
        self.deadline = 0.0
        """trio's time after which nobody waits for it."""
        self.jumped = False
        """Whether it was tried again with a higher invocation counter."""
        self.patience = Patience()
        """Of who waits for it."""
        self._later = later

    @property
    def priority(self) -> Priority:
        """How soon it has the line."""
        return PRIORITIES[self.source]

    @property
    def argument(self) -> str:
        """What exactly was asked for, as text."""
        return ""

    @property
    def wanted(self) -> bool:
        """Whether somebody waits for it: the schedule always does."""
        return self._later is None or self._later.wanted

    def dialogue(self, driver: Driver) -> Dialogue[Any]:
        """Return the conversation."""
        raise NotImplementedError

    def judge(self, result: Any, judging: Judging) -> Outcome:
        """Return the facts in the result, and the answer."""
        raise NotImplementedError

    def settled(self, result: Any) -> Iterable[tuple[str, datetime]]:
        """Return profiles, and up to where they need no second look; None: the meter refused."""
        return ()

    # -- its ends, in facts

    def requested(self, now: datetime, state: MeterState) -> list[DomainEvent]:
        """Return the fact that somebody asks for it.

        Raises:
            CommandFailed: it cannot be done as the meter is.

        """
        return [
            CommandRequested(
                received_at=now, command=self.name, argument=self.argument, actor=self.actor,
                reason=self.reason,
            )
        ]  # fmt: skip

    def started(self) -> None:
        """Take note that the command is written down and waits for the line."""
        self.patience.world()

    def ended(self) -> None:
        """Take note that the last conversation has ended, and is being written down."""
        self.patience.accept()
        self.patience.store()

    def missed(self, failure: Exception, reason: FailureReason, now: datetime) -> list[DomainEvent]:
        """Return the facts of a conversation that came to nothing."""
        what = self.argument or self.name
        return [
            ReadFailed(
                received_at=now, source=self.source, what=what, reason=reason,
                detail=str(failure)[:300],
            )
        ]  # fmt: skip

    def finished(self, *, ok: bool, detail: str, now: datetime, at: float) -> list[DomainEvent]:
        """Return the end of a command; scheduled reads are no commands.

        ``at`` is trio's time.
        """
        if self.source is not Source.DEMAND or self.pause_s is not None:
            return []
        return [
            CommandFinished(
                received_at=now, command=self.name, actor=self.actor, ok=ok, detail=detail[:300],
                lasted_s=round(at - self.since, 3),
            )
        ]  # fmt: skip

    # -- who waits

    def answer(self, value: Any) -> None:
        """Tell who waits."""
        if self._later is not None:
            self._later.answer(value)

    def fail(self, failure: Exception) -> None:
        """Tell who waits that there is no answer."""
        if self._later is not None:
            self._later.fail(failure)

"""Mailboxes and references: how one actor talks to another.

A ``Ref`` outlives the incarnations of its actor. Messages that wait survive a crash; only the one
in hand fails, since nobody knows how far it came.
"""

import math
from collections import deque
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import outcome
import trio
from trio.lowlevel import (
    Abort,
    ParkingLot,
    Task,
    checkpoint,
    current_task,
    reschedule,
    wait_task_rescheduled,
)

from actors.errors import ActorCrashed, ActorStopped, AskTimeout, MailboxFull

if TYPE_CHECKING:
    from actors.actor import Actor
    from actors.supervisor import ChildSpec


class State(StrEnum):
    """Where an actor is in its life; shown to operators as written here."""

    STARTING = "starting"
    RUNNING = "running"
    BACKOFF = "backoff"
    PARKED = "parked"
    STOPPING = "stopping"
    STOPPED = "stopped"


ALIVE: Final = frozenset({State.STARTING, State.RUNNING, State.STOPPING})
"""An incarnation is there."""


class Question:
    """A message whose sender waits for the answer."""

    __slots__ = ("_task", "deadline", "message", "result")

    def __init__(self, message: Any, deadline: float) -> None:
        self.message = message
        self.deadline = deadline
        self.result: outcome.Maybe[Any] | None = None
        self._task: Task | None = None

    def settle(self, result: outcome.Maybe[Any]) -> None:
        """Give the answer; later ones change nothing."""
        if self.result is None:
            self.result = result
            if self._task is not None:
                task, self._task = self._task, None
                reschedule(task)

    def _abort(self, _: object) -> Abort:
        self._task = None
        return Abort.SUCCEEDED

    async def wait(self) -> Any:
        """Wait for the answer and return or raise it."""
        if self.result is None:
            self._task = current_task()
            await wait_task_rescheduled(self._abort)
        else:
            await checkpoint()
        assert self.result is not None  # noqa: S101 -- settle() woke us
        return self.result.unwrap()


class Later:
    """An answer that the actor owes; it fails by itself when the actor dies first."""

    __slots__ = ("_owed", "_question")

    def __init__(self, question: Question, owed: set["Later"]) -> None:
        self._question = question
        self._owed = owed
        owed.add(self)

    @property
    def wanted(self) -> bool:
        """Whether somebody still waits for the answer."""
        return self._question.result is None

    def answer(self, value: Any) -> None:
        """Give the answer."""
        self._owed.discard(self)
        self._question.settle(outcome.Value(value))

    def fail(self, failure: BaseException) -> None:
        """Say why there is none."""
        self._owed.discard(self)
        self._question.settle(outcome.Error(failure))


class Ref:
    """The address of an actor, and its book-keeping; stable across restarts."""

    __slots__ = (
        "_box",
        "_crashes",
        "_current",
        "_life",
        "_lot",
        "_on_room",
        "_order",
        "_owed",
        "_parked",
        "_room",
        "_since",
        "_streak",
        "_up_at",
        "actor",
        "closing",
        "crash",
        "crash_at",
        "crash_trace",
        "dropped",
        "handled",
        "high",
        "on_state",
        "path",
        "restarts",
        "spec",
        "state",
    )

    def __init__(self, spec: "ChildSpec", path: str) -> None:
        self.spec = spec
        self.path = path
        self.state = State.STARTING
        self.restarts = self.handled = self.dropped = self.high = 0
        self.crash: str | None = None
        self.crash_trace: str | None = None
        self.crash_at = 0.0
        self.actor: Actor | None = None
        self.on_state: Callable[[Ref, State, State], None] | None = None
        """Called with the old and the new state: the supervisor keeps its totals."""
        self._box: list[Any] | None = None
        """Made by the first message. A list: an empty deque costs as much as all the rest."""
        self._parked: Task | None = None
        self._room: ParkingLot | None = None
        self._on_room: list[Callable[[], None]] | None = None
        self.closing = False
        """Whether it takes no more messages; changed by its supervisor only."""
        self._current: Any = None
        """The message in hand (a Question, a plain message, or a list of them)."""
        self._owed: set[Later] | None = None
        self._since = self._up_at = 0.0
        self._life: trio.CancelScope | None = None
        """Around what its task does now: an incarnation, or the rest between two."""
        self._order: str | None = None
        self._lot: ParkingLot | None = None
        self._streak = 0
        self._crashes: deque[float] | None = None

    def __repr__(self) -> str:
        return f"<{self.path} {self.state}>"

    @property
    def waiting(self) -> int:
        """Messages in the mailbox."""
        return len(self._box) if self._box is not None else 0

    # -- for everybody

    def tell(self, message: Any) -> None:
        """Put ``message`` into the mailbox; never waits.

        Raises:
            MailboxFull: no room; the message was not taken.
            ActorStopped: nobody will read it.

        """
        if self.closing:
            raise ActorStopped(self.path)
        box = self._box
        if box is None:
            box = self._box = []
        elif len(box) >= self.spec.mailbox:
            raise MailboxFull(self.path, len(box))
        box.append(message)
        self.high = max(self.high, len(box))
        self.wake()

    def tell_always(self, message: Any) -> None:
        """Put a message of the house into the mailbox, full or not; nothing if nobody reads it.

        For news that must not get lost and that come at most once for each of something, as the
        end of a connection.
        """
        if self.closing:
            return
        if self._box is None:
            self._box = []
        self._box.append(message)
        self.wake()

    def handle_now(self, message: Any) -> bool:
        """Let an actor that waits for messages handle this one here and now, if it can.

        False: it was not handled; ``tell`` it. An error in the handler is the actor's crash.
        """
        if self._parked is None or self._box or self.closing or self._current is not None:
            return False
        if self.actor is None:
            return False
        try:
            handled = self.actor.receive_now(message)
        except Exception as problem:  # noqa: BLE001 -- its supervisor is told, the caller is not hurt
            self.kill(f"{type(problem).__name__}: {problem}")
            self.dropped += 1
            return True
        self.handled += handled
        return handled

    async def send(self, message: Any) -> None:
        """Put ``message`` into the mailbox; wait for room.

        Raises:
            ActorStopped: nobody will read it.

        """
        while not self.closing and self.waiting >= self.spec.mailbox:
            if self._room is None:
                self._room = ParkingLot()
            await self._room.park()
        self.tell(message)

    async def ask(self, message: Any, timeout_s: float) -> Any:
        """Send ``message`` and return the actor's answer.

        Raises:
            AskTimeout: none came in time. A question that was not started yet never will be.
            ActorCrashed: the actor died of it; its effect is unknown.
            ActorStopped: nobody will read it.

        """
        question = Question(message, trio.current_time() + timeout_s)
        try:
            with trio.fail_after(timeout_s):
                await self.send(question)
                return await question.wait()
        except trio.TooSlowError:
            raise AskTimeout(self.path, timeout_s) from None
        finally:
            # The caller has left: whoever finds the question in the mailbox drops it.
            question.settle(outcome.Error(AskTimeout(self.path, timeout_s)))

    def when_room(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` once, when a full mailbox has room again or nobody reads it any more.

        For senders that cannot wait. Several may: each is called.
        """
        if self._on_room is None:
            self._on_room = []
        self._on_room.append(callback)

    def kill(self, reason: str = "killed") -> None:
        """Let the incarnation die as if it had crashed."""
        if self._life is not None and self.state in ALIVE:
            if self._order is None:
                self._order = f"kill:{reason}"
            self._life.cancel()

    # -- for the actor itself

    def wake(self) -> None:
        """Let the actor's task run, if it waits for messages."""
        if self._parked is not None:
            task, self._parked = self._parked, None
            reschedule(task)

    def abort_wait(self, _: object) -> Abort:
        """Trio's abort function of a wait for messages."""
        self._parked = None
        return Abort.SUCCEEDED

    def take(self) -> Any:
        """Return the next plain message without handling it; None when none waits.

        For actors that override ``run`` and are never asked, only told.
        """
        message = self._box.pop(0) if self._box else None
        if message is not None:
            self.handled += 1
            self.made_room()
        return message

    async def wait_message(self) -> None:
        """Wait until something is in the mailbox, or the actor is closing, or it is woken."""
        self._parked = current_task()
        await wait_task_rescheduled(self.abort_wait)

    def made_room(self, places: float = 1) -> None:
        """Tell those who wait for room that there is some for ``places`` messages."""
        if self._room is not None:
            self._room.unpark(count=places)
        if self._on_room is not None:
            callbacks, self._on_room = self._on_room, None
            for callback in callbacks:
                callback()

    def defer(self) -> Later | None:
        """Return the answer that is owed for the message in hand; None when nobody asked."""
        question = self._current
        if not isinstance(question, Question):
            return None
        if self._owed is None:
            self._owed = set()
        self._current = None
        return Later(question, self._owed)

    # -- for the supervisor

    def set_state(self, state: State) -> None:
        """Change the state and tell those who wait for it."""
        old, self.state = self.state, state
        if self.on_state is not None and old is not state:
            self.on_state(self, old, state)
        if self._lot is not None:
            self._lot.unpark_all()

    async def until(self, *states: State) -> None:
        """Wait until the actor is in one of ``states``."""
        while self.state not in states:
            if self._lot is None:
                self._lot = ParkingLot()
            await self._lot.park()

    def close(self) -> None:
        """Take no more messages; the actor ends when it has handled those that wait."""
        self.closing = True
        if self._room is not None:
            self._room.unpark_all()
        self.wake()

    def fail_current(self, reason: BaseException | None) -> None:
        """Tell who waits for the message in hand, or is owed an answer, that the actor died."""
        current, self._current = self._current, None
        messages = current if isinstance(current, list) else [] if current is None else [current]
        for message in messages:
            self.dropped += 1
            if isinstance(message, Question):
                message.settle(outcome.Error(self._crashed(reason)))
        for later in list(self._owed or ()):
            later.fail(self._crashed(reason))

    def _crashed(self, reason: BaseException | None) -> ActorCrashed:
        failure = ActorCrashed(self.path, reason)
        failure.__cause__ = reason
        return failure

    def fail_queue(self) -> None:
        """Tell who waits in the mailbox that nobody will read it."""
        for message in self._box or ():
            self.dropped += 1
            if isinstance(message, Question):
                message.settle(outcome.Error(ActorStopped(self.path)))
        self._box = None
        self.made_room(math.inf)

"""Writes down what happens to the node, so that auditors find it: crashes, tokens that come in."""

from collections.abc import Callable
from typing import Final

import structlog

from actors.actor import Actor
from actors.errors import ActorError, JournalFailed
from actors.journal_queue import JournalQueue
from actors.mailbox import Ref
from hes.clock import Clock
from hes.events.base import DomainEvent
from hes.events.device import REASON_SIZE
from hes.events.node import AccessRefused, ActorFailed, TokenUsed
from hes.ids import node_stream
from hes.rules.event_size import bounded
from web.refusals import Refusal

DECISIONS: Final = {"crash": "restarted", "parked": "parked", "gave-up": "escalated"}
LOGGER: Final = structlog.stdlib.get_logger("hes.tree")


class Chronicle(Actor):
    """Gets events of the node and appends them."""

    def __init__(self, node: str, journal: JournalQueue) -> None:
        self._stream = node_stream(node)
        self._journal = journal

    async def receive(self, message: DomainEvent) -> None:
        """Append one; when the store is away it is in the program's own log at least."""
        try:
            await self._journal.append(self._stream, bounded([message]))
        except JournalFailed as problem:
            told = repr(message)
            LOGGER.warning(
                "an event of the node could not be stored", fact=told, problem=str(problem)
            )


def report(kind: str, ref: Ref, chronicle: Ref | None, clock: Clock) -> None:
    """Tell the program's log and the chronicle what a supervisor did about a crash."""
    LOGGER.warning("actor failed", path=ref.path, decision=DECISIONS[kind], reason=ref.crash)
    if chronicle is None or chronicle is ref:
        return
    failed = ActorFailed(
        received_at=clock.now(),
        path=ref.path,
        reason=ref.crash or "",
        restarts=ref.restarts,
        decision=DECISIONS[kind],
    )
    note(failed, chronicle)


def note(event: DomainEvent, chronicle: Ref | None) -> None:
    """Have an event of the node stored, if that can be; never waits."""
    try:
        if chronicle is not None:
            chronicle.tell(event)
    except ActorError:
        LOGGER.warning("too much at once; an event of the node is not stored", fact=repr(event))


class Notes:
    """What auditors should find in the log about the node, and nobody waits for."""

    def __init__(self, clock: Clock, chronicle: Callable[[], Ref | None]) -> None:
        self._clock = clock
        self._chronicle = chronicle

    def fault(self, kind: str, ref: Ref) -> None:
        """Note what a supervisor did about a crash."""
        report(kind, ref, self._chronicle(), self._clock)

    def came_in(self, name: str) -> None:
        """Note that a token is in use."""
        note(TokenUsed(received_at=self._clock.now(), actor=name), self._chronicle())

    def refused(self, told: Refusal) -> None:
        """Note that somebody was not let in."""
        fact = AccessRefused(
            received_at=self._clock.now(), actor=told.actor, peer=told.peer, what=told.what,
            status=str(told.status), reason=told.reason[:REASON_SIZE], untold=told.untold,
        )  # fmt: skip
        note(fact, self._chronicle())

"""Callers that nobody knows: noted with their first bytes, their messages kept as they came."""

from typing import Final

import msgspec

from actors.actor import Actor
from actors.context import Context
from actors.errors import JournalFailed
from hes.events.base import DomainEvent
from hes.events.modem import UnknownCaller
from hes.ids import node_stream
from hes.rules.event_size import bounded
from hes.rules.kept import kept_events
from hes.rules.repeats import digest_of, is_repeat, remember

STREAM: Final = "strangers"


class Stranger(msgspec.Struct, kw_only=True):
    """A caller, and what is known of him."""

    listener: str
    peer: str
    reason: str
    detail: str
    data: bytes
    title: str | None
    whole: bool
    """Whether ``data`` is a whole message, not just the first bytes."""


class Strangers(Actor):
    """Writes strangers into the log."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._digests = b""
        self._trouble = ""

    def detail(self) -> str:
        """Return what went wrong last, for the tree."""
        return self._trouble

    async def receive(self, message: Stranger) -> None:
        """Note one stranger; a message that comes again is noted once."""
        digest = digest_of(message.data)
        if message.whole and is_repeat(self._digests, digest):
            return
        try:
            await self._context.journal.append(node_stream(STREAM), bounded(self._events(message)))
        except JournalFailed as problem:
            self._trouble = f"the last caller is not in the log: {problem}"
        else:
            self._trouble = ""
            if message.whole:
                self._digests = remember(self._digests, digest)

    def _events(self, message: Stranger) -> list[DomainEvent]:
        now = self._context.now()
        if message.whole:
            detail = f"{message.detail} (from {message.peer})"
            return kept_events(message.reason, detail, message.data, now, title=message.title)
        return [
            UnknownCaller(
                received_at=now,
                peer=message.peer,
                listener=message.listener,
                reason=message.reason,
                first_bytes=message.data,
            )
        ]

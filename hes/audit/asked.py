"""Who wanted what of the system: the events that name an actor, and how commands ended."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple

import hes.events  # noqa: F401 -- fills the register of events
from hes.audit.walking import log_rows, read, stream_rows
from hes.events.base import EVENT_TYPES, DomainEvent, Recorded
from hes.store.codec import EventCodec
from hes.store.json_form import to_plain
from hes.store.port import EventLog

SUBJECTS: Final = ("Command", "Firmware", "Config", "Node")
"""Kinds of events that belong here though nobody stands in them."""


def is_asked(kind: type[DomainEvent]) -> bool:
    """Whether events of a kind tell who wanted something, or what came of it."""
    return "actor" in kind.__struct_fields__ or kind.__name__.startswith(SUBJECTS)


TOPICS: Final = frozenset(topic for topic, kind in EVENT_TYPES.items() if is_asked(kind))


class Wanted(NamedTuple):
    """Which of them; None: all."""

    since: datetime | None = None
    until: datetime | None = None
    actor: str | None = None
    stream: str | None = None


class Asked(NamedTuple):
    """One of them."""

    recorded: Recorded

    @property
    def actor(self) -> str | None:
        """Who is behind it, as far as it says."""
        return getattr(self.recorded.event, "actor", None)

    def plain(self) -> dict[str, Any]:
        """Return it as plain data, with the actor in front."""
        return {"actor": self.actor, **to_plain(self.recorded)}


def asked(log: EventLog, codec: EventCodec, wanted: Wanted) -> Iterator[Asked]:
    """Yield what was asked for, in the order of the log.

    Raises:
        StoreError: the database cannot be read.

    """
    rows = log_rows(log) if wanted.stream is None else stream_rows(log, wanted.stream)
    for row in rows:
        if row.topic not in TOPICS:
            continue
        event = read(codec, row).event
        if event is None:
            continue
        entry = Asked(Recorded(row.position, row.stream, row.version, event))
        if _is_wanted(entry, wanted):
            yield entry


def _is_wanted(entry: Asked, wanted: Wanted) -> bool:
    at = entry.recorded.event.received_at
    early = wanted.since is not None and at < wanted.since
    late = wanted.until is not None and at > wanted.until
    return not early and not late and wanted.actor in {None, entry.actor}

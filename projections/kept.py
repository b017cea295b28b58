"""Messages kept as they came, and callers that nobody knows."""

from collections.abc import Iterable, Sequence
from typing import Any

from hes.events.base import DomainEvent, Recorded
from hes.events.modem import UnknownCaller
from hes.events.reading import PushKept
from projections.base import Change, Database, utc_ms

INSERT = (
    "INSERT INTO kept (position, stream, received_at, reason, detail, data, part, parts,"
    " system_title, peer, listener) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


class Kept:
    """One row a message, or part of a long one; a caller's first bytes are such a row too."""

    name = "kept"
    version = 2
    tables = ("kept",)
    ddl = (
        "CREATE TABLE kept (position INTEGER PRIMARY KEY, stream TEXT NOT NULL,"
        " received_at INTEGER NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL,"
        " data BLOB NOT NULL, part INTEGER NOT NULL, parts INTEGER NOT NULL, system_title TEXT,"
        " peer TEXT, listener TEXT)",
        "CREATE INDEX kept_stream ON kept (stream, position)",
    )
    events = (PushKept, UnknownCaller)

    def apply(self, batch: Sequence[Recorded], db: Database) -> Iterable[Change]:
        """See ``Projection``."""
        for recorded in batch:
            event = recorded.event
            at = utc_ms(event.received_at)
            db.execute(INSERT, (recorded.position, recorded.stream, at, *_cells(event)))
        return {Change("kept", recorded.stream) for recorded in batch}


def _cells(event: DomainEvent) -> tuple[Any, ...]:
    match event:
        case PushKept():
            return (event.reason, event.detail, event.data, event.part, event.parts,
                    event.system_title, None, None)  # fmt: skip
        case UnknownCaller():
            return ("unknown-caller", event.reason, event.first_bytes, 1, 1, None, event.peer,
                    event.listener)  # fmt: skip
        case _:
            raise TypeError(f"nothing kept: {event!r}")


PROJECTION = Kept()

"""Messages kept as they came, and callers that nobody knows."""

from collections.abc import Iterable, Sequence
from typing import Any

from hes.events.base import DomainEvent, Recorded
from hes.events.modem import UnknownCaller
from hes.events.reading import PushKept
from projections.base import Change, Database, utc_ms
from projections.sql.schema import NAME, TEXT, Table, octets, text, whole

KEPT = Table(
    "kept",
    (
        whole("position"), text("stream", NAME), whole("received_at"), text("reason"),
        text("detail", TEXT), octets("data", optional=True), whole("part"), whole("parts"),
        text("system_title", optional=True), text("peer", NAME, optional=True),
        text("listener", NAME, optional=True),
    ),
    key=("position",),
    indexes=(("stream", "position"),),
)  # fmt: skip


class Kept:
    """One row a message, or part of a long one; a caller's first bytes are such a row too."""

    name = "kept"
    version = 3
    tables = (KEPT,)
    events = (PushKept, UnknownCaller)

    def apply(self, batch: Sequence[Recorded], db: Database) -> Iterable[Change]:
        """See ``Projection``."""
        db.insert(KEPT, [_row(recorded) for recorded in batch])
        return [("kept", "")]


def _row(recorded: Recorded) -> tuple[Any, ...]:
    at = utc_ms(recorded.event.received_at)
    return (recorded.position, recorded.stream, at, *_cells(recorded.event))


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

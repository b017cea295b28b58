"""Who wanted what of the system, why, and what came of it: one row an event of that sort.

An event belongs here when it names who is behind it, or tells what became of a command, of new
firmware or of settings. New kinds of events join by their names; nothing is edited for them.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import hes.events  # noqa: F401 -- fills the register of events
from hes.events.base import EVENT_TYPES, DomainEvent, Recorded
from projections.base import Change, Database, utc_ms
from projections.sql.schema import NAME, TEXT, Table, text, whole

AUDIT: Final = Table(
    "audit_entry",
    (
        whole("position"), text("stream", NAME), whole("received_at"), text("kind"),
        text("actor", NAME, optional=True), text("what", NAME), text("argument", TEXT),
        text("why", TEXT), text("result", optional=True), text("detail", TEXT),
    ),
    key=("position",),
    # Each ends as the list is read: by time, and what is of one moment by position.
    indexes=(
        ("received_at", "position"), ("stream", "received_at", "position"),
        ("actor", "received_at", "position"), ("kind", "received_at", "position"),
    ),
)  # fmt: skip
SUBJECTS: Final = ("Command", "Firmware", "Config", "Campaign")
WHAT: Final = ("command", "what", "image", "alarm", "obis")
ARGUMENT: Final = ("argument", "settings", "after", "version", "state", "modem_id")
WHY: Final = ("reason", "note")
RESULT: Final = ("result", "status", "step")
DETAIL: Final = ("detail", "before", "state_before")
ENDS: Final = {"Failed": "failed", "Done": "done", "Activated": "done", "Applied": "done"}
"""What the last word in the name of an event says of the result."""


def is_audited(kind: type[DomainEvent]) -> bool:
    """Whether events of a kind stand in the audit log."""
    return "actor" in kind.__struct_fields__ or kind.__name__.startswith(SUBJECTS)


class Audit:
    """Keyed by the position in the log, where the event stands whole."""

    name = "audit"
    version = 2
    tables = (AUDIT,)
    events = tuple(EVENT_TYPES[topic] for topic in sorted(EVENT_TYPES)
                   if is_audited(EVENT_TYPES[topic]))  # fmt: skip

    def apply(self, batch: Sequence[Recorded], db: Database) -> Iterable[Change]:
        """See ``Projection``."""
        db.insert(AUDIT, [_row(recorded) for recorded in batch])
        return [("audit", "")]


def _row(recorded: Recorded) -> tuple[Any, ...]:
    event = recorded.event
    name = type(event).__name__
    return (
        recorded.position, recorded.stream, utc_ms(event.received_at), name,
        getattr(event, "actor", None), _first(event, WHAT)[:NAME], _first(event, ARGUMENT)[:TEXT],
        _first(event, WHY)[:TEXT], _result(event, name), _first(event, DETAIL)[:TEXT],
    )  # fmt: skip


def _first(event: DomainEvent, names: Sequence[str]) -> str:
    """Return the first of the fields that the event has, as text."""
    for name in names:
        value = getattr(event, name, None)
        if value not in (None, ""):
            return str(value)
    return ""


def _result(event: DomainEvent, name: str) -> str | None:
    """Return how it ended, in a word; None when it has only begun."""
    ok = getattr(event, "ok", None)
    if ok is not None:
        return "done" if ok else "failed"
    told = _first(event, RESULT)
    ended = next((word for end, word in ENDS.items() if name.endswith(end)), None)
    return told[:64] if told and ended != "failed" else ended


PROJECTION = Audit()

"""A page of the audit log: by time, the newest first, from one index whatever is filtered by.

What an entry tells when it was is not in the order of positions: something may wait long before it
is written down. So pages go on behind an entry, by its time and its position.
"""

from datetime import datetime
from typing import Any, Final, NamedTuple

from projections.base import utc_ms
from projections.sql.database import Database

AUDIT: Final = (
    "SELECT position, stream, received_at, kind, actor, what, argument, why, result, detail"
    " FROM {audit_entry}"
)
PLACE: Final = "SELECT position, received_at FROM {audit_entry} WHERE position <= ?"
ORDER: Final = " ORDER BY received_at DESC, position DESC"


class AuditWanted(NamedTuple):
    """Which entries; empty texts and None filter nothing. Both ends are included."""

    stream: str = ""
    actor: str = ""
    kind: str = ""
    start: datetime | None = None
    end: datetime | None = None


def audit_page(db: Database, wanted: AuditWanted, before: int, limit: int) -> list[Any]:
    """Return rows; ``before``: those behind the entry of that position, 0: from the newest on."""
    conditions, values = _filters(wanted)
    if before:
        place = db.query(db.limited(f"{PLACE} ORDER BY position DESC"), [before, 1])
        if not place:
            return []
        position, at = int(place[0][0]), int(place[0][1])
        # Of one that is there, what follows; of one that is not, the one below it as well.
        conditions += ["received_at <= ?", "(received_at < ? OR position < ?)"]
        values += [at, at, position if position == before else position + 1]
    where = " AND ".join(conditions) or "1 = 1"
    return db.query(db.limited(f"{AUDIT} WHERE {where}{ORDER}"), [*values, limit])


def _filters(wanted: AuditWanted) -> tuple[list[str], list[Any]]:
    start, end = wanted.start, wanted.end
    pairs = (
        ("stream = ?", wanted.stream), ("actor = ?", wanted.actor), ("kind = ?", wanted.kind),
        ("received_at >= ?", start and utc_ms(start)), ("received_at <= ?", end and utc_ms(end)),
    )  # fmt: skip
    given = [(condition, value) for condition, value in pairs if value]
    return [condition for condition, _ in given], [value for _, value in given]

"""Messages that are kept as they came, because reading them would be guessing."""

from datetime import datetime
from typing import Final

from hes.events.base import DomainEvent
from hes.events.reading import PushKept

PART_SIZE: Final = 1500
"""An event must fit a RAW column of Oracle, 2,000 bytes; a longer message is split."""


def kept_events(
    reason: str,
    detail: str,
    data: bytes,
    received_at: datetime,
    *,
    digest: bytes | None = None,
    title: str | None = None,
) -> list[DomainEvent]:
    """Return the events that keep ``data`` whole, in as many parts as it needs."""
    pieces = [data[at : at + PART_SIZE] for at in range(0, len(data), PART_SIZE)] or [b""]
    return [
        PushKept(
            received_at=received_at,
            reason=reason,
            detail=detail[:200],
            data=piece,
            part=number,
            parts=len(pieces),
            digest=digest if number == 1 else None,
            system_title=title,
        )
        for number, piece in enumerate(pieces, start=1)
    ]

"""Messages that are kept as they came, because reading them would be guessing."""

from datetime import datetime
from typing import Final

from hes.events.base import DomainEvent
from hes.events.reading import PushKept

PART_SIZE: Final = 1500
"""An event must fit a RAW column of Oracle, 2,000 bytes; a longer message is split."""
DETAIL_SIZE_MAX: Final = 240
"""Bytes of UTF-8: with the other texts in 1,500 + 240 + 2 x 64 and some 50 of framing."""
TEXT_SIZE_MAX: Final = 64


def kept_events(  # noqa: PLR0913 -- what is known of one message
    reason: str,
    detail: str,
    data: bytes,
    received_at: datetime,
    *,
    digest: bytes | None = None,
    title: str | None = None,
    counter: int | None = None,
) -> list[DomainEvent]:
    """Return the events that keep ``data`` whole, in as many parts as it needs."""
    pieces = [data[at : at + PART_SIZE] for at in range(0, len(data), PART_SIZE)] or [b""]
    return [
        PushKept(
            received_at=received_at,
            reason=shortened(reason, TEXT_SIZE_MAX),
            detail=shortened(detail, DETAIL_SIZE_MAX),
            data=piece,
            part=number,
            parts=len(pieces),
            digest=digest if number == 1 else None,
            system_title=None if title is None else shortened(title, TEXT_SIZE_MAX),
            counter=counter if number == 1 else None,
        )
        for number, piece in enumerate(pieces, start=1)
    ]


def shortened(text: str, size_max: int) -> str:
    """Return as much of ``text`` as fits into ``size_max`` bytes of UTF-8."""
    return text.encode("utf-8", "replace")[:size_max].decode("utf-8", "ignore")

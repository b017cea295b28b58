"""How far an image is on its way into a device, out of the events since it was offered."""

from collections.abc import Iterable
from typing import Final

import msgspec

from hes.control import ImageAnswer
from hes.events.base import DomainEvent
from hes.events.firmware import (
    FirmwareActivated,
    FirmwareFailed,
    FirmwareOffered,
    FirmwareProgressed,
)

KINDS: Final = (FirmwareOffered, FirmwareProgressed, FirmwareActivated, FirmwareFailed)


def progress(events: Iterable[DomainEvent]) -> ImageAnswer | None:
    """Return the state after ``events``, the oldest first; None when nothing was offered."""
    state: ImageAnswer | None = None
    for event in events:
        if isinstance(event, FirmwareOffered):
            state = _offered(event)
        elif state is not None:
            state = msgspec.structs.replace(_after(state, event), changed_at=event.received_at)
    return state


def _offered(event: FirmwareOffered) -> ImageAnswer:
    return ImageAnswer(
        image=event.image, state="offered", done_bytes=0, size_bytes=event.size_bytes,
        sha256=event.sha256.hex(), actor=event.actor, reason=event.reason,
        offered_at=event.received_at, changed_at=event.received_at,
    )  # fmt: skip


def _after(state: ImageAnswer, event: DomainEvent) -> ImageAnswer:
    match event:
        case FirmwareProgressed(step=step, done_bytes=done, detail=detail):
            return msgspec.structs.replace(state, state=step, done_bytes=done, detail=detail)
        case FirmwareActivated(version=version, version_before=before):
            return msgspec.structs.replace(
                state, state="activated", done_bytes=state.size_bytes, detail="",
                version=version, version_before=before,
            )  # fmt: skip
        case FirmwareFailed(detail=detail, done_bytes=done):
            return msgspec.structs.replace(state, state="failed", done_bytes=done, detail=detail)
        case _:
            return state

"""What meters measured: registers, load profiles, and messages that nobody could read."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import msgspec

from hes.events.base import DomainEvent, event
from hes.events.layout import Layout

if TYPE_CHECKING:
    Value = int | float | str | bytes | list[Any] | None
    """One value as the meter sent it, before its scaler; bytes are octet-strings."""
else:
    # msgspec refuses unions of str and bytes, which look alike in JSON; msgpack tells them apart.
    Value = Any


class Source(StrEnum):
    """Why we have this value."""

    PUSH = "push"
    SCHEDULED = "scheduled"
    DEMAND = "demand"
    BACKFILL = "backfill"


@event("Reading/1")
class Reading(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """The values of one delivered message, or of one read of several registers."""

    source: Source
    layout: Layout
    values: tuple[Value, ...]
    """One for each channel of ``layout``."""
    digest: bytes | None = None
    """6 bytes over the message, to know a repeated push again (8 in older events); None for what we
    asked for."""
    counter: int | None = None
    """Invocation counter of the ciphered push that carried it."""
    times: tuple[datetime | None, ...] | None = None
    """When each value occurred, UTC, one for each channel; None: none has a time of its own."""


class ProfileRow(msgspec.Struct, frozen=True, array_like=True):
    """One interval of a load profile."""

    ends_at: datetime
    """End of the interval by the meter's clock, UTC."""
    status: int | None
    """The meter's status word, as sent; None when the profile has none."""
    values: tuple[Value, ...]


@event("LoadProfileRead/1")
class LoadProfileRead(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """Some intervals of a load profile, null-compression already undone."""

    source: Source
    profile: str
    """OBIS code of the profile object, full form."""
    period_s: int | None
    layout: Layout
    """The value columns: without clock and status."""
    rows: tuple[ProfileRow, ...]
    digest: bytes | None = None
    counter: int | None = None


class FailureReason(StrEnum):
    """Every missing value has exactly one of these causes."""

    NO_MODEM = "no-modem"
    NO_ANSWER = "no-answer"
    BAD_CHECK = "bad-check"
    REFUSED = "refused"
    PARTIAL = "partial"
    CUT = "cut"
    EXPIRED = "expired"
    BUSY = "busy"
    INTERNAL = "internal"


@event("ReadFailed/1")
class ReadFailed(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """We asked and did not get; absence is a fact too."""

    source: Source
    what: str
    """What was asked for: ``registers`` or the OBIS code of a profile."""
    reason: FailureReason
    detail: str
    """A sentence for a person."""


@event("PushKept/1")
class PushKept(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """A message that was kept as it came, because reading it would have been guessing.

    A long message is split: ``part`` of ``parts``, counted from 1.
    """

    reason: str
    """One word: ``positional``, ``no-key``, ``unknown-meter``, ``malformed``, ``auth-tag``, ..."""
    detail: str
    data: bytes
    part: int = 1
    parts: int = 1
    digest: bytes | None = None
    system_title: str | None = None
    """Hex, when the message names its sender."""
    counter: int | None = None
    """Invocation counter of a ciphered push that was opened and could not be read."""

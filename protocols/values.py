"""What a meter told, whatever its protocol: values, tables, time.

Every driver of a protocol answers in these; the actors above know no other.
"""

from datetime import datetime
from typing import Annotated, Any

import msgspec

OCTET = "(25[0-5]|2[0-4][0-9]|[01]?[0-9]{1,2})"
OBIS = rf"{OCTET}(\.{OCTET}){{5}}"
"""What an OBIS code in full looks like."""
ObisCode = Annotated[
    str, msgspec.Meta(pattern=f"^{OBIS}$", description="an OBIS code in full, A.B.C.D.E.F")
]


def prefixed(unit: int, power: int) -> int:
    """Return the code of a unit with a prefix, as the meter writes it: its power of ten, 3 for k.

    COSEM has no such codes; the upper byte holds the power, signed.
    """
    return (power & 0xFF) << 8 | unit


class ReadValue(msgspec.Struct, frozen=True):
    """One value by its OBIS code, unscaled as sent."""

    obis: str
    """Full form, A.B.C.D.E.F."""
    value: Any
    scaler: int | None = None
    unit: int | None = None
    """COSEM unit code, ``prefixed`` where the meter writes it so; None: it did not say."""
    class_id: int | None = None
    attribute: int | None = None
    time: datetime | None = None
    """When it was latched or occurred, UTC, for values that have a time of their own."""


class RegistersRead(msgspec.Struct):
    """The answer to a read of registers."""

    values: list[ReadValue]
    refused: dict[str, str]
    """OBIS code to the meter's reason."""
    meter_time: datetime | None = None


class TableRow(msgspec.Struct, frozen=True):
    """One interval of a profile."""

    time: datetime
    """End of the interval, UTC."""
    status: int | None
    values: tuple[Any, ...]


class ProfileRead(msgspec.Struct):
    """The answer to a read of a profile."""

    obis: str
    period_s: int | None
    columns: list[ReadValue]
    """What the columns are; their ``value`` is None."""
    rows: list[TableRow]


class ClockRead(msgspec.Struct, frozen=True):
    """The meter's time, and ours around the question."""

    sent_at: datetime
    meter_time: datetime
    got_at: datetime
    resolution_s: float = 0.0
    """The steps in which the meter tells its time, the rest cut off; 0: as good as none."""

    @property
    def drift_s(self) -> float:
        """How far the meter is ahead of us, seconds: the middle of its step and of the way."""
        middle = self.sent_at + (self.got_at - self.sent_at) / 2
        return (self.meter_time - middle).total_seconds() + self.resolution_s / 2


class ClockChanged(msgspec.Struct, frozen=True):
    """The clock before and after a change."""

    before: ClockRead
    after: ClockRead
    method: str
    """``set``, ``shift``, or ``none`` when nothing had to be done."""

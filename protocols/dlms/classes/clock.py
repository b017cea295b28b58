"""Class 8, Clock: the meter's time, its zone, daylight saving, and six ways to adjust it."""

from typing import Final, NamedTuple

import msgspec

from protocols.dlms.classes.cosem_class import CosemClass
from protocols.dlms.classes.dates import MOMENT, Moment
from protocols.dlms.classes.kinds import BOOLEAN, ENUM, I8, I16, U8, ZERO, impossible, structure_of
from protocols.dlms.cosem import CLASS_CLOCK

ADJUST_TO_QUARTER: Final = 1
ADJUST_TO_MEASURING_PERIOD: Final = 2
ADJUST_TO_MINUTE: Final = 3
ADJUST_TO_PRESET_TIME: Final = 4
PRESET_ADJUSTING_TIME: Final = 5
SHIFT_TIME: Final = 6
SHIFT_S_MAX: Final = 900

INVALID: Final = 0x01
DOUBTFUL: Final = 0x02
DIFFERENT_BASE: Final = 0x04
INVALID_STATUS: Final = 0x08
DAYLIGHT_SAVING: Final = 0x80
STATUS_WORDS: Final = {
    INVALID: "invalid", DOUBTFUL: "doubtful", DIFFERENT_BASE: "different-clock-base",
    INVALID_STATUS: "invalid-clock-status", DAYLIGHT_SAVING: "daylight-saving",
}  # fmt: skip
BASES: Final = ("not-defined", "crystal", "mains-50-hz", "mains-60-hz", "gps", "radio")


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """Attributes 2 to 9."""

    time: Moment
    time_zone_min: int
    """From local time to UTC, without daylight saving: -420 in Vietnam."""
    status: int
    """Bits of ``STATUS_WORDS``."""
    daylight_begin: Moment | None = None
    daylight_end: Moment | None = None
    daylight_deviation_min: int | None = None
    """By how much local time moves, -120 to 120."""
    daylight_enabled: bool | None = None
    base: int | None = None
    """Index into ``BASES``."""


class Preset(NamedTuple):
    """The time that the clock is to take (method 5), when method 4 says so within the window."""

    time: Moment
    valid_from: Moment
    valid_to: Moment


CLOCK: Final = CosemClass(
    CLASS_CLOCK, Clock,
    {2: MOMENT, 3: I16, 4: U8, 5: MOMENT, 6: MOMENT, 7: I8, 8: BOOLEAN, 9: ENUM},
)  # fmt: skip
_PRESET: Final = structure_of(Preset, MOMENT, MOMENT, MOMENT)


def status_words(status: int) -> tuple[str, ...]:
    """Return what the bits of a clock's status say; FF, not given, says nothing."""
    if status == 0xFF:
        return ()
    return tuple(word for bit, word in STATUS_WORDS.items() if status & bit)


def adjust() -> bytes:
    """Return the parameter of methods 1 to 4."""
    return ZERO


def preset(time: Preset) -> bytes:
    """Return the parameter of method 5."""
    return _PRESET.encode(time)


def shift(seconds: int) -> bytes:
    """Return the parameter of method 6, ``seconds`` forward or, negative, back.

    Raises:
        LocalProtocolError: more than 15 minutes.

    """
    if abs(seconds) > SHIFT_S_MAX:
        impossible(seconds, f"a shift of at most {SHIFT_S_MAX} s")
    return I16.encode(seconds)

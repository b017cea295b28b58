"""Times as meters write them: digits, sometimes with the season in front."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Final

import msgspec

from protocols.errors import RemoteProtocolError

SEPARATORS: Final = str.maketrans("", "", " -:./,")
SIZES: Final = {10: (False, False), 11: (True, False), 12: (False, True), 13: (True, True)}
"""Digits to whether there is a season, and seconds."""
SUMMER: Final = 1
UTC_TOLD: Final = 2
"""The season digit of meters that write UTC, by the rules of VDEW."""
LETTERED_SIZE: Final = 13
"""Of a time with a letter for the season behind it."""


class Stamp(msgspec.Struct, frozen=True):
    """A time by the meter's clock, without its zone."""

    local: datetime
    season: int | None
    """0: standard time, 1: summer time, 2: UTC; None: not said."""

    def instant(self, rules: "StampRules") -> datetime:
        """Return the instant."""
        return self.local.replace(tzinfo=rules.zone(self.season))


class StampRules(msgspec.Struct, frozen=True):
    """How the clock of a meter relates to the world."""

    utc_offset_min: int = 0
    """Of its standard time, ahead of UTC."""
    summer_min: int = 0
    """What its clock is ahead of standard time while the season digit says 1."""

    def zone(self, season: int | None) -> timezone:
        """Return the zone of a time that the meter writes with this season digit."""
        if season == UTC_TOLD:
            return UTC
        summer_min = self.summer_min if season == SUMMER else 0
        return timezone(timedelta(minutes=self.utc_offset_min + summer_min))

    def local(self, instant: datetime, season: int | None = None) -> datetime:
        """Return an instant as the meter writes it with this season digit; None: standard time."""
        return instant.astimezone(self.zone(season))


def parse_stamp(text: str) -> Stamp:
    """Return the time in ``[s]YYMMDDhhmm[ss]``, separators allowed.

    Customer ports (P1) write ``YYMMDDhhmmss`` and S or W: a summer time is an hour ahead of the
    standard time that is returned.

    Raises:
        RemoteProtocolError: it is no time.

    """
    digits = text.translate(SEPARATORS)
    if len(digits) == LETTERED_SIZE and digits[-1] in "SW":
        stamp = parse_stamp(digits[:-1])
        ahead = timedelta(hours=1 if digits[-1] == "S" else 0)
        return Stamp(stamp.local - ahead, 0)
    if len(digits) not in SIZES or not (digits.isascii() and digits.isdigit()):
        raise RemoteProtocolError("time", f"{text[:40]!r} is no time")
    with_season, with_seconds = SIZES[len(digits)]
    season = int(digits[0]) if with_season else None
    numbers = digits[1:] if with_season else digits
    year, month, day, hour, minute, *seconds = (
        int(numbers[at : at + 2]) for at in range(0, len(numbers), 2)
    )
    # 24:00 is the end of a day, written by meters that mark intervals by their end.
    late = timedelta(days=1) if hour == 24 else timedelta()
    try:
        local = datetime(  # noqa: DTZ001 -- the zone is the reader's to know
            2000 + year, month, day, 0 if late else hour, minute, seconds[0] if with_seconds else 0
        )
        return Stamp(local + late, season)
    except (ValueError, OverflowError):
        raise RemoteProtocolError("time", f"{text[:40]!r} is no time") from None


def parse_clock(date: str, time: str) -> Stamp:
    """Return the time in two values: date ``[s]YYMMDD`` and time ``[s]hhmmss``.

    Raises:
        RemoteProtocolError: they are no time.

    """
    days, hours = date.translate(SEPARATORS), time.translate(SEPARATORS)
    if len(days) == 8 and days.startswith("20"):
        days = days[2:]
    season = days[0] if len(days) == 7 else hours[0] if len(hours) == 7 else ""
    return parse_stamp(season + days[-6:] + hours[-6:].ljust(6, "0"))


def is_no_time(text: str) -> bool:
    """Whether the place of a time holds none: blanks or zeros."""
    return not text.translate(SEPARATORS).strip("0")


def format_stamp(local: datetime, *, season: bool) -> str:
    """Return ``[s]YYMMDDhhmm``, in standard time."""
    return ("0" if season else "") + local.strftime("%y%m%d%H%M")

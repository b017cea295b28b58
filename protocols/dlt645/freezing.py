"""Having values kept, now or again and again (DL/T 645-2007, code 16H): by one meter or the line.

A command says when, as ``mm hh DD MM`` with 99 in place of what repeats. What was kept is read
under identifiers of class 05, the newest first; the standard of 1997 knows nothing of it.
"""

from datetime import datetime
from typing import Final, Literal

import msgspec

from protocols.dialogue import Dialogue
from protocols.dlt645.client import Dlt645Client
from protocols.dlt645.exchange import FREEZE, Refusal, insist
from protocols.errors import LocalProtocolError, MeterRefused, MeterSilent

How = Literal["now", "hourly", "daily", "monthly"]
REPEATS: Final = 0x99
LAST_FREEZE: Final = 0x05010001
"""When values were kept by command last."""
DAY_MAX: Final = 28
"""Of every month: a later day is none of some."""


class FreezeWanted(msgspec.Struct, frozen=True, kw_only=True):
    """When values are to be kept, by the clock of the meter."""

    how: How = "now"
    day: int = 1
    """Of the month: 1 to 28."""
    hour: int = 0
    minute: int = 0
    everybody: bool = False
    """Whether all meters on the line are told; none of them answers then."""

    def __post_init__(self) -> None:
        """Refuse a time that is none.

        Raises:
            ValueError: it is none.

        """
        for name, value, least, most in (
            ("day", self.day, 1, DAY_MAX), ("hour", self.hour, 0, 23),
            ("minute", self.minute, 0, 59),
        ):  # fmt: skip
            if not least <= value <= most:
                raise ValueError(f"the {name} of a freeze is {least} to {most}, not {value}")

    @property
    def when(self) -> bytes:
        """What is sent."""
        count = {"now": 0, "hourly": 1, "daily": 2, "monthly": 3}[self.how]
        digits = [_bcd(value) for value in (self.minute, self.hour, self.day)]
        return bytes([*digits[:count], *[REPEATS] * (4 - count)])


def freeze(client: Dlt645Client, wanted: FreezeWanted) -> Dialogue[datetime | None]:
    """Have values kept; return when the meter kept them, where it was to be now and it tells.

    Raises:
        LocalProtocolError: the standard of 1997 has no such command; nothing was sent.
        MeterRefused: the meter does not do it.
        MeterSilent: it did not say whether it does.

    """
    if client.old:
        why = "meters of DL/T 645-1997 have no freeze command; those of 2007 do"
        raise LocalProtocolError("unsupported", why)
    if wanted.everybody:
        yield from client.line.broadcast(FREEZE, wanted.when)
    else:
        insist((yield from client.line.command(FREEZE, wanted.when)), "to keep its values")
    return (yield from _last(client)) if wanted.how == "now" else None


def _last(client: Dlt645Client) -> Dialogue[datetime | None]:
    """Return when values were kept last; a meter that does not tell has kept them all the same."""
    try:
        told = yield from client.line.read(LAST_FREEZE)
    except (MeterSilent, MeterRefused):
        return None
    return None if isinstance(told, Refusal) else client.instant(told)


def _bcd(value: int) -> int:
    return value // 10 << 4 | value % 10

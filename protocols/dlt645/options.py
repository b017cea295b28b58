"""How meters of one type differ from the standard and from each other, and how long to wait.

Plain data, no code.
"""

from typing import Annotated, Final, Literal

import msgspec

from protocols.dialogue import Baud, Seconds, Times
from protocols.dlt645 import formats
from protocols.errors import LocalProtocolError
from protocols.tariffs import Rate
from protocols.values import ObisCode

BITS_PER_BYTE: Final = 11
"""Start, eight of data, even parity, stop."""
SLACK: Final = 1.5
"""A modem gathers bytes before it sends them, and a meter pauses between them."""
Code = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[0-9A-Fa-f]{4}([0-9A-Fa-f]{4})?$",
        description="a data identifier of 4 or 8 hex digits",
    ),
]


class Dlt645Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One meter type; the defaults are the generic one."""

    baud: Baud = 1200
    """Of the serial line behind the modem; only for the arithmetic of deadlines."""
    wake_up: Annotated[int, msgspec.Meta(ge=0, le=16)] = 4
    """Bytes FE in front of a request."""
    rates: tuple[Rate, ...] = (1, 2, 3, 4)
    """The meter's rates as the tariffs E = 1, 2, .. of OBIS codes: ``[3, 2, 4]`` reads its rate 3
    for tariff 1. Rates that stand nowhere keep their own number, if no tariff has taken it."""
    blocks: bool = True
    """Whether several values of one kind are asked for at once."""
    codes: dict[ObisCode, Code] = {}
    """OBIS code in full to an identifier that this type has instead of the usual one."""
    formats: dict[Code, str] = {}
    """Identifier to its format, as documents write it: ``XXXXXX.XX kWh``, ``±XX.XXXX kW``."""
    load_by: Literal["time", "newest"] = "time"
    """Whether load records are asked for from a time on, or the newest ones."""
    load_class: Annotated[int, msgspec.Meta(ge=0, le=6)] = 0
    """Which of the six classes of load records; 0: all of them."""
    load_records: Annotated[int, msgspec.Meta(ge=1, le=99)] = 9
    """How many load records are asked for at once. Firmware disagrees whether this number is
    decimal or binary: up to 9 that is the same."""
    load_period_s: Annotated[int, msgspec.Meta(ge=0, le=86_400)] = 0
    """Between two load records; 0: as the meter says."""
    settlements: Annotated[int, msgspec.Meta(ge=1, le=12)] = 12
    """How many ends of billing periods the meter keeps (2007)."""
    clock_by: Literal["broadcast", "write"] = "broadcast"
    """How a small error of the clock is put right; a large one always is by writing."""
    write_password: bool = True
    """1997: whether a write has a password; for 2007 it always has."""

    def __post_init__(self) -> None:
        """Refuse formats that nobody can read.

        Raises:
            ValueError: one of them is none.

        """
        for text in self.formats.values():
            try:
                formats.parse(text)
            except LocalProtocolError as problem:
                raise ValueError(str(problem)) from None


class Dlt645Timers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Starting values, over a cellular network; a meter type may change them."""

    answer_s: Seconds = 6.0
    """Until the first bytes of an answer, without the time on the serial line."""
    gap_s: Seconds = 3.0
    """Between two pieces of one frame."""
    broadcast_s: Seconds = 1.0
    """The quiet after a broadcast, which nobody answers."""
    repeats: Times = 2
    """How often a read is sent again; a write never is."""


def line_s(size: int, baud: int) -> float:
    """Return the time that ``size`` bytes may need on the serial line."""
    return size * BITS_PER_BYTE / baud * SLACK


PROTOCOLS: Final = dict.fromkeys(("dlt645-2007", "dlt645-1997"), (Dlt645Options, Dlt645Timers))
"""What a meter type of the protocols may say."""

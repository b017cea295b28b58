"""How meters of one type differ from the standard and from each other. Plain data, no code."""

from typing import Annotated, Final, Literal

import msgspec

from protocols.dlms.profile_selection import Way
from protocols.dlms.timers import DlmsTimers
from protocols.dlms.wrapper import APDU_SIZE_MAX
from protocols.tariffs import Rate
from protocols.values import OBIS, OCTET, ObisCode

PUSHES_MAX: Final = 32
Unit = Literal[
    "Wh", "varh", "VAh", "W", "var", "VA", "V", "A", "Hz", "1", "°", "°C", "s", "min", "h", "%"
]
UNITS: Final[dict[str, int]] = {
    "Wh": 30, "varh": 32, "VAh": 31, "W": 27, "var": 29, "VA": 28, "V": 35, "A": 33, "Hz": 44,
    "1": 255, "°": 8, "°C": 9, "s": 7, "min": 6, "h": 5, "%": 56,
}  # fmt: skip
"""Symbol to COSEM unit code, without prefixes: those are in the scaler."""
CaptureObject = Annotated[
    str,
    msgspec.Meta(
        pattern=rf"^[0-9]{{1,4}}/{OBIS}/{OCTET}$",
        description="class, OBIS code and attribute, 3/1.0.1.8.0.255/2",
    ),
]


class KnownScale(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a number of a meter counts."""

    scaler: Annotated[int, msgspec.Meta(ge=-20, le=20)]
    """The decimal exponent: -1 for tenths."""
    unit: Unit

    @property
    def code(self) -> int:
        """Return the COSEM unit code."""
        return UNITS[self.unit]


class KnownColumns(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a profile holds, of meters that do not tell or tell it wrong."""

    columns: Annotated[tuple[CaptureObject, ...], msgspec.Meta(min_length=1, max_length=64)]
    """Class, OBIS code and attribute of each: ``3/1.0.1.8.0.255/2``."""
    period_s: Annotated[int, msgspec.Meta(ge=0, le=86_400)] = 0
    """Between two rows; 0: not known, so each row must tell its time."""


class PushedValue(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One value of a push that has no names in it."""

    obis: ObisCode | Literal[""] = ""
    """Empty: not looked at."""
    scaler: Annotated[int, msgspec.Meta(ge=-20, le=20)] | None = None
    unit: Unit | None = None

    @property
    def code(self) -> int | None:
        """Return the COSEM unit code."""
        return None if self.unit is None else UNITS[self.unit]


class PushLayout(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a list of bare values means. Only a list of just this length is read so."""

    values: Annotated[tuple[PushedValue, ...], msgspec.Meta(min_length=1, max_length=128)]
    """In the order of the message."""
    first: str = ""
    """The text that must be the first value; empty: whatever it is."""


class DlmsOptions(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One meter type; the defaults are the generic one, which tries what most meters take."""

    rates: tuple[Rate, ...] = ()
    """The meter's rates as the tariffs E = 1, 2, .. of OBIS codes: ``[3, 2, 4]`` reads its rate 3
    for tariff 1. Rates that stand nowhere keep their own number, if no tariff has taken it."""
    codes: dict[ObisCode, ObisCode] = {}
    """OBIS code as people know it to the one that this meter has instead; of a profile too."""
    scales: dict[ObisCode, KnownScale] = {}
    """Scaler and unit of registers, by the meter's own code: the meter is not asked for them."""
    classes: dict[ObisCode, Annotated[int, msgspec.Meta(ge=1, le=65_535)]] = {}
    """Interface class of objects for which custom misleads."""
    columns: dict[ObisCode, KnownColumns] = {}
    """Profiles that are read without asking what they hold, by the meter's own code."""
    pushes: Annotated[tuple[PushLayout, ...], msgspec.Meta(max_length=PUSHES_MAX)] = ()
    """What pushes without OBIS codes in them mean."""
    selection: Annotated[tuple[Way, ...], msgspec.Meta(min_length=1)] = tuple(Way)
    """How rows of a profile may be asked for, the likeliest first: ``range-otherwise`` writes
    times with a deviation where the meter's clock has none, or without."""
    deviation: Literal["told", "ignored"] = "told"
    """Whether the deviation in times of the meter is to be believed; ignored: its clock shows the
    node's local time."""
    positive_east: bool = False
    """Whether the deviation counts from UTC to local time: the other sign than the standard's."""
    send_deviation: Literal["as-told", "always", "never"] = "as-told"
    """Whether times that are sent have a deviation; as told: if the meter's own clock has one."""
    lists: bool = True
    """Whether several attributes may be asked for in one request."""
    max_pdu: Annotated[int, msgspec.Meta(ge=64, le=APDU_SIZE_MAX)] = APDU_SIZE_MAX
    """The longest APDU that is offered to the meter, bytes."""
    information: Annotated[int, msgspec.Meta(ge=128, le=2030)] = 1024
    """HDLC: the longest information field that is offered, bytes."""
    address_size: Literal[0, 1, 2, 4] = 0
    """HDLC: bytes of the meter's address; 0: tried out."""
    answers_release: bool = True
    """Whether the meter answers when an association is released over the wrapper."""
    dedicated_key: bool = False
    """Whether each association has a key of its own: one is made and given to the meter."""
    suite: Literal[0, 1] = 0
    """Security suite of meters with keys of 16 bytes; with keys of 32 bytes it is 2."""
    window: Annotated[int, msgspec.Meta(ge=0, le=63)] = 8
    """Blocks of a general block transfer that are taken at a time; 0: none are offered."""
    object_list: bool = False
    """Whether the list of the meter's objects is read once and kept, so that classes are known."""


PROTOCOLS: Final = {"dlms": (DlmsOptions, DlmsTimers)}
"""What a meter type of the protocol may say."""

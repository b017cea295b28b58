"""OBIS codes and the data identifiers that answer to them, in both directions.

Chinese meters count power with a sign: the import codes show it as it is, the export codes show
what is below zero.
"""

from typing import Final

from protocols.dlt645 import formats, items
from protocols.dlt645.items import Item, Kind
from protocols.dlt645.options import Dlt645Options
from protocols.tariffs import rate_of, tariff_of

RATES_MAX: Final = 63
CURRENT: Final = 255
"""Group F of a value of now."""
LATCHED: Final = 100
"""Group F of a settlement is this and how many back; without it, it is understood too."""
SETTLEMENTS_MAX: Final = 12
SETTLEMENTS_MAX_1997: Final = 2
CODE_SIZE: Final = 6
CLOCK: Final = "0.0.1.0.0.255"
COMBINED: Final = 15
"""Group C of import and export together; a mode word of the meter says how."""

_PHASES: Final = {0: 0x00, 20: 0x14, 40: 0x28, 60: 0x3C}
KINDS: Final = {
    **{c + kind: di2 + kind for c, di2 in _PHASES.items() for kind in range(1, 11)},
    COMBINED: 0x00,
}
"""Group C of an energy or a maximum demand to DI2 (2007)."""
KINDS_1997: Final = {
    1: 0x9010, 2: 0x9020, 3: 0x9110, 4: 0x9120, 5: 0x9130, 8: 0x9140, 6: 0x9150, 7: 0x9160,
    COMBINED: 0x9000,
}  # fmt: skip
"""1997: the third and fourth reactive kinds are the quadrants 4 and 2."""
_OF_KIND: Final = {di2: c for c, di2 in KINDS.items()}
_OF_KIND_1997: Final = {base: c for c, base in KINDS_1997.items()}

PLAIN: Final[dict[str, int]] = {
    **{f"1.0.{32 + 20 * n}.7.0.255": 0x02010100 + 0x100 * n for n in range(3)},
    **{f"1.0.{31 + 20 * n}.7.0.255": 0x02020100 + 0x100 * n for n in range(3)},
    **{f"1.0.{c}.7.0.255": 0x02030000 + 0x100 * n for n, c in enumerate((1, 21, 41, 61))},
    **{f"1.0.{c}.7.0.255": 0x02040000 + 0x100 * n for n, c in enumerate((3, 23, 43, 63))},
    **{f"1.0.{c}.7.0.255": 0x02050000 + 0x100 * n for n, c in enumerate((9, 29, 49, 69))},
    **{f"1.0.{c}.7.0.255": 0x02060000 + 0x100 * n for n, c in enumerate((13, 33, 53, 73))},
    **{f"1.0.81.7.{e}.255": 0x02070100 + 0x100 * n for n, e in enumerate((40, 51, 62))},
    "1.0.91.7.0.255": 0x02800001,
    "1.0.14.7.0.255": 0x02800002,
    "1.0.1.4.0.255": 0x02800004,
    "1.0.3.4.0.255": 0x02800005,
    "1.0.9.4.0.255": 0x02800006,
    "0.0.96.9.0.255": 0x02800007,
    "0.0.96.6.3.255": 0x02800008,
    "0.0.96.6.0.255": 0x0280000A,
    "0.0.96.7.0.255": 0x03110000,
    "0.0.96.2.0.255": 0x03300000,
    "0.0.96.20.0.255": 0x03300D00,
    "0.0.96.20.5.255": 0x03300E00,
    "1.0.0.9.2.255": 0x04000101,
    "1.0.0.9.1.255": 0x04000102,
    "1.0.0.4.2.255": 0x04000306,
    "1.0.0.4.3.255": 0x04000307,
    "0.0.42.0.0.255": 0x04000401,
    "0.0.96.1.0.255": 0x04000402,
    "0.0.96.1.1.255": 0x04000403,
    "1.0.0.3.0.255": 0x04000409,
    "1.0.0.3.1.255": 0x0400040A,
    "1.0.0.2.0.255": 0x0400040D,
    **{f"0.0.96.10.{n}.255": 0x04000500 + n for n in range(1, 8)},
    "0.0.96.14.0.255": 0x04000503,
}
PLAIN_1997: Final[dict[str, int]] = {
    **{f"1.0.{32 + 20 * n}.7.0.255": 0xB611 + n for n in range(3)},
    **{f"1.0.{31 + 20 * n}.7.0.255": 0xB621 + n for n in range(3)},
    **{f"1.0.{c}.7.0.255": 0xB630 + n for n, c in enumerate((1, 21, 41, 61))},
    **{f"1.0.{c}.7.0.255": 0xB640 + n for n, c in enumerate((3, 23, 43, 63))},
    **{f"1.0.{c}.7.0.255": 0xB650 + n for n, c in enumerate((13, 33, 53, 73))},
    "0.0.96.2.0.255": 0xB212,
    "1.0.0.1.0.255": 0xB213,
    "0.0.96.6.0.255": 0xB214,
    **{f"0.0.96.7.{n}.255": 0xB310 + n for n in range(1, 4)},
    "1.0.0.9.2.255": 0xC010,
    "1.0.0.9.1.255": 0xC011,
    "0.0.96.10.1.255": 0xC020,
    "0.0.96.10.2.255": 0xC021,
    "1.0.0.3.0.255": 0xC030,
    "1.0.0.3.1.255": 0xC031,
    "0.0.96.1.0.255": 0xC032,
    "0.0.96.1.2.255": 0xC033,
    "0.0.96.1.1.255": 0xC034,
}
EXPORTS: Final = {
    f"1.0.{c}.7.0.255": f"1.0.{c - 1}.7.0.255" for c in (2, 4, 22, 24, 42, 44, 62, 64)
}
"""What flows back, and the signed value that tells it."""
ALIASES: Final = {
    **EXPORTS,
    "1.0.16.7.0.255": "1.0.1.7.0.255",
    "1.0.81.7.4.255": "1.0.81.7.40.255",
    "1.0.81.7.15.255": "1.0.81.7.51.255",
    "1.0.81.7.26.255": "1.0.81.7.62.255",
    "1.0.16.8.0.255": "1.0.15.8.0.255",
    "0.0.97.97.0.255": "0.0.96.10.4.255",
    "0.0.97.98.0.255": "0.0.96.10.2.255",
}
"""Other codes of the same thing."""


class CodeTable:
    """What one meter type calls its values. It keeps nothing but the options."""

    def __init__(self, options: Dlt645Options, *, old: bool) -> None:
        self._old = old
        self._rates = options.rates
        self._own = {obis: int(code, 16) for obis, code in options.codes.items()}
        self._formats = {
            int(code, 16): formats.parse(text) for code, text in options.formats.items()
        }
        self._plain = (PLAIN_1997 if old else PLAIN) | self._own
        self._of_plain: dict[int, str] = {}
        for obis, di in [*self._own.items(), *self._plain.items()]:
            self._of_plain.setdefault(di, obis)

    def identifier(self, obis: str) -> int | None:
        """Return the data identifier of an OBIS code in full form; None: there is none."""
        obis = obis if obis in self._own else ALIASES.get(obis, obis)
        if (plain := self._plain.get(obis)) is not None:
            return plain
        numbers = [int(part) for part in obis.split(".") if part.isdecimal()]
        if len(numbers) != CODE_SIZE or numbers[:2] != [1, 0] or numbers[3] not in {6, 8}:
            return None
        _, _, kind, what, tariff, back = numbers
        back = 0 if back == CURRENT else back - LATCHED if back > LATCHED else back or -1
        rate = rate_of(self._rates, tariff)
        if rate is None:
            return None
        find = _identifier_1997 if self._old else _identifier_2007
        return find(kind, what, rate, back)

    def obis(self, di: int) -> str | None:
        """Return the OBIS code of an identifier; None: it has none."""
        if (plain := self._of_plain.get(di)) is not None:
            return plain
        parts = _parts_1997(di) if self._old else _parts_2007(di)
        if parts is None:
            return None
        kind, what, rate, back = parts
        tariff = tariff_of(self._rates, rate)
        if tariff is None:
            return None
        return f"1.0.{kind}.{what}.{tariff}.{LATCHED + back if back else CURRENT}"

    def item(self, di: int) -> Item:
        """Return how the value of an identifier is sent."""
        own = self._formats.get(di)
        if own is not None:
            return own
        return items.item_1997(di) if self._old else items.item_2007(di)

    def block(self, di: int) -> tuple[int, int] | None:
        """Return the block that holds an identifier, and its place there; None: it is in none."""
        if di in self._formats:
            return None
        return _block_1997(di) if self._old else _block_2007(di)


def _identifier_2007(kind: int, what: int, rate: int, back: int) -> int | None:
    di2 = KINDS.get(kind)
    if di2 is None or rate > RATES_MAX or not 0 <= back <= SETTLEMENTS_MAX:
        return None
    return (0 if what == 8 else 0x01000000) | di2 << 16 | rate << 8 | back


def _parts_2007(di: int) -> tuple[int, int, int, int] | None:
    """Return the groups C and D, the rate, and how many settlements back."""
    di3, di2, rate, back = di.to_bytes(4)
    kind = _OF_KIND.get(di2)
    if di3 > 1 or kind is None or rate > RATES_MAX or back > SETTLEMENTS_MAX:
        return None
    return kind, 6 if di3 else 8, rate, back


def _identifier_1997(kind: int, what: int, rate: int, back: int) -> int | None:
    base = KINDS_1997.get(kind)
    if base is None or rate > 14 or not 0 <= back <= SETTLEMENTS_MAX_1997:
        return None
    return base + (0 if what == 8 else 0x1000) + 0x400 * back + rate


def _parts_1997(di: int) -> tuple[int, int, int, int] | None:
    group, back, rate = di >> 12, di >> 10 & 3, di & 0xF
    kind = _OF_KIND_1997.get(0x9000 | di & 0x3F0)
    if group not in {0x9, 0xA} or kind is None or rate > 14 or back > SETTLEMENTS_MAX_1997:
        return None
    return kind, 8 if group == 0x9 else 6, rate, back


def _block_2007(di: int) -> tuple[int, int] | None:
    di3, di2, di1, _ = di.to_bytes(4)
    if items.item_2007(di).kind not in {Kind.NUMBER, Kind.DEMAND}:
        return None
    if di3 in {0, 1}:
        return di | 0xFF00, di1
    if di3 == 2 and di2 < 8:
        first = 1 if di2 in {1, 2, 7} else 0  # voltage, current and angle have no total
        return di | 0xFF00, di1 - first
    return None


def _block_1997(di: int) -> tuple[int, int] | None:
    if di >> 12 in {0x9, 0xA}:
        return di | 0x0F, di & 0x0F
    if di >> 4 in {0xB61, 0xB62}:
        return di | 0x0F, (di & 0x0F) - 1
    if di >> 4 in {0xB63, 0xB64, 0xB65}:
        return di | 0x0F, di & 0x0F
    return None

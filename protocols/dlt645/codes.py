"""OBIS codes and the data identifiers that answer to them."""

from typing import Final

from protocols.dlt645.items import Kind
from protocols.dlt645.values import item_of

RATES_MAX: Final = 63
CURRENT: Final = 255
"""Group F of a value of now; 1 to 12 are settlements back."""
NO_RATE: Final = 0
METER_NUMBER: Final = "0.0.96.1.0.255"

ENERGY_KINDS: Final = {
    15: 0x00, 1: 0x01, 2: 0x02, 3: 0x03, 4: 0x04, 5: 0x05, 6: 0x06, 7: 0x07, 8: 0x08,
    9: 0x09, 10: 0x0A, 21: 0x15, 22: 0x16, 41: 0x29, 42: 0x2A, 61: 0x3D, 62: 0x3E,
}  # fmt: skip
"""Group C of an energy or a maximum demand to DI2 (2007)."""
ENERGY_KINDS_97: Final = {
    1: 0x9010, 2: 0x9020, 3: 0x9110, 4: 0x9120, 5: 0x9130, 8: 0x9140, 6: 0x9150, 7: 0x9160,
}  # fmt: skip
"""1997: the third and fourth reactive kinds are the quadrants 4 and 2."""
PLAIN_2007: Final[dict[str, int]] = {
    **{f"1.0.{32 + 20 * n}.7.0.255": 0x02010100 + 0x100 * n for n in range(3)},
    **{f"1.0.{31 + 20 * n}.7.0.255": 0x02020100 + 0x100 * n for n in range(3)},
    **{f"1.0.{c}.7.0.255": 0x02030000 + 0x100 * n for n, c in enumerate((1, 21, 41, 61))},
    **{f"1.0.{c}.7.0.255": 0x02040000 + 0x100 * n for n, c in enumerate((3, 23, 43, 63))},
    **{f"1.0.{c}.7.0.255": 0x02050000 + 0x100 * n for n, c in enumerate((9, 29, 49, 69))},
    **{f"1.0.{c}.7.0.255": 0x02060000 + 0x100 * n for n, c in enumerate((13, 33, 53, 73))},
    "1.0.16.7.0.255": 0x02030000,
    "1.0.91.7.0.255": 0x02800001,
    "1.0.14.7.0.255": 0x02800002,
    "1.0.1.4.0.255": 0x02800004,
    "1.0.3.4.0.255": 0x02800005,
    "0.0.96.9.0.255": 0x02800007,
    "0.0.96.6.3.255": 0x02800008,
    METER_NUMBER: 0x04000402,
    "0.0.96.1.1.255": 0x04000403,
    "1.0.0.3.0.255": 0x04000409,
    "1.0.0.3.1.255": 0x0400040A,
}
PLAIN_1997: Final[dict[str, int]] = {
    **{f"1.0.{32 + 20 * n}.7.0.255": 0xB611 + n for n in range(3)},
    **{f"1.0.{31 + 20 * n}.7.0.255": 0xB621 + n for n in range(3)},
    **{f"1.0.{c}.7.0.255": 0xB630 + n for n, c in enumerate((1, 21, 41, 61))},
    **{f"1.0.{c}.7.0.255": 0xB640 + n for n, c in enumerate((3, 23, 43, 63))},
    **{f"1.0.{c}.7.0.255": 0xB650 + n for n, c in enumerate((13, 33, 53, 73))},
    "1.0.16.7.0.255": 0xB630,
    METER_NUMBER: 0xC032,
    "1.0.0.3.0.255": 0xC030,
    "1.0.0.3.1.255": 0xC031,
}


def identifier(obis: str, *, old: bool) -> int | None:
    """Return the data identifier of an OBIS code in full form; None: there is none."""
    plain = (PLAIN_1997 if old else PLAIN_2007).get(obis)
    if plain is not None:
        return plain
    numbers = [int(part) for part in obis.split(".")]
    if len(numbers) != 6 or numbers[:2] != [1, 0] or numbers[3] not in {6, 8}:
        return None
    _, _, kind, what, rate, back = numbers
    find = _cumulated_1997 if old else _cumulated_2007
    return find(kind, what, rate, 0 if back == CURRENT else back)


def _cumulated_2007(kind: int, what: int, rate: int, back: int) -> int | None:
    di2 = ENERGY_KINDS.get(kind)
    if di2 is None or rate > RATES_MAX or back > 12:
        return None
    return (0 if what == 8 else 0x01000000) | di2 << 16 | rate << 8 | back


def _cumulated_1997(kind: int, what: int, rate: int, back: int) -> int | None:
    base = ENERGY_KINDS_97.get(kind)
    if base is None or rate > 14 or back > 2:
        return None
    return base + (0 if what == 8 else 0x1000) + 0x400 * back + rate


def block_of(di: int, *, old: bool) -> tuple[int, int] | None:
    """Return the block that holds an identifier, and its place there; None: it is in none."""
    if old:
        return _block_1997(di)
    di3, _, di1, _ = di.to_bytes(4)
    if item_of(di, old=False).kind not in {Kind.NUMBER, Kind.DEMAND}:
        return None
    if di3 in {0, 1}:
        return di | 0xFF00, di1
    if di3 == 2 and di >> 16 & 0xFF < 8:
        first = 1 if di >> 16 & 0xFF in {1, 2} else 0  # voltage and current have no total
        return di | 0xFF00, di1 - first
    return None


def _block_1997(di: int) -> tuple[int, int] | None:
    if di >> 12 == 0x9:
        return di | 0x0F, di & 0x0F
    if di >> 4 in {0xB61, 0xB62}:
        return di | 0x0F, (di & 0x0F) - 1
    if di >> 4 in {0xB63, 0xB64, 0xB65}:
        return di | 0x0F, di & 0x0F
    return None

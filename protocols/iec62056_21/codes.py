"""Codes as meters write them, short (DIN 43863-3), and OBIS codes in full (IEC 62056-61).

The short form leaves out medium and channel, and sometimes the rate: ``1.8.0``, ``32.7``. Letters
stand for the numbers 96 to 99: ``C.1.0`` service, ``F.F`` faults, ``L`` lists, ``P.01`` profiles.
Some meters write all six numbers with dots between them: ``1.0.1.8.0.255``.
"""

from functools import lru_cache
from typing import Final

LETTERS: Final = {"C": 96, "F": 97, "L": 98, "P": 99}
NUMBERS: Final = {number: letter for letter, number in LETTERS.items()}
LOGS_FROM: Final = 98
"""P.01 and P.02 are load profiles, P.98 and above are logs: those belong to no medium."""
CODE_SIZE_MAX: Final = 24
CODE_GROUPS: Final = 6
CURRENT: Final = 255


@lru_cache(maxsize=4096)
def obis_of(code: str) -> str | None:
    """Return the OBIS code in full; None: the maker's own name."""
    if len(code) > CODE_SIZE_MAX:
        return None
    body, period = _cut_period(code)
    head, colon, tail = body.rpartition(":")
    medium, channel = head.split("-") if colon and head.count("-") == 1 else ("", "")
    parts = tail.split(".")
    if len(parts) == CODE_GROUPS and not head and not period:
        medium, channel, *parts = parts
        colon = ":"
    most = 3 if period else 4  # two billing periods, one with a dot and one with a star, are none
    if (colon and not (medium and channel)) or not 2 <= len(parts) <= most:
        return None
    if len(parts) == 4:
        period = parts.pop()
    numbers = [_number(part) for part in parts]
    if len(numbers) == 2:
        numbers.append(0)
    if not colon:
        medium, channel = ("0" if _is_abstract(numbers) else "1"), "0"
    whole = [_number(medium), _number(channel), *numbers, _number(period or str(CURRENT))]
    if any(number is None or number > 255 for number in whole):
        return None
    return ".".join(map(str, whole))


def _cut_period(code: str) -> tuple[str, str]:
    """Return the code without its billing period, and the period."""
    for mark in "*&":
        body, found, period = code.partition(mark)
        if found:
            return body, period or "-"
    return code, ""


def _number(part: str) -> int | None:
    if part in LETTERS:
        return LETTERS[part]
    return int(part) if part.isascii() and part.isdigit() and len(part) <= 3 else None


def _is_abstract(numbers: list[int | None]) -> bool:
    group, kind = numbers[0], numbers[1] or 0
    return group in {96, 97, 98} or (group == 99 and kind >= LOGS_FROM)


@lru_cache(maxsize=4096)
def short_code(obis: str) -> str:
    """Return the short form: what is asked for in a command."""
    a, b, c, d, e, f = obis.split(".")
    period = "" if f == str(CURRENT) else f"*{f}"
    if obis_of(f"{_letter(c)}.{d}.{e}{period}") != obis:
        return f"{a}-{b}:{c}.{d}.{e}{period}"
    if c == "99" and e == "0":
        return f"P.{int(d):02}"
    if (c, d, e) == ("97", "97", "0"):
        return "F.F"
    return f"{_letter(c)}.{d}.{e}{period}"


def _letter(group: str) -> str:
    return NUMBERS.get(int(group), group)


def same_code(told: str, asked: str) -> bool:
    """Whether two writings mean the same thing."""
    return told == asked or ((obis := obis_of(told)) is not None and obis == obis_of(asked))

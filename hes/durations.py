"""Durations as people write them: ``45s``, ``30m``, ``1h30m``, ``2d``."""

import re
from typing import Final

_SHAPE: Final = re.compile(
    r"(?:([0-9]{1,6})d)?(?:([0-9]{1,6})h)?(?:([0-9]{1,6})m)?(?:([0-9]{1,9}(?:\.[0-9]{1,6})?)s)?"
)
_UNITS_S: Final = (86_400, 3600, 60, 1)
DURATION_S_MAX: Final = 366 * 86_400.0


def parse_duration(text: str) -> float:
    """Return the seconds that ``text`` names.

    Raises:
        ValueError: it is no duration, or one above a year.

    """
    match = _SHAPE.fullmatch(text.strip().lower())
    if match is None or not any(match.groups()):
        raise ValueError(f'{text!r} is no duration; write "45s", "30m" or "1h30m"')
    parts = zip(match.groups(), _UNITS_S, strict=True)
    seconds = sum(float(number) * unit_s for number, unit_s in parts if number)
    if seconds > DURATION_S_MAX:
        raise ValueError(f"{text!r} is longer than {DURATION_S_MAX / 86_400:g} days")
    return seconds

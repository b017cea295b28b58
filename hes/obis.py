"""OBIS codes as text: ``A.B.C.D.E.F``, six decimal numbers (IEC 62056-6-1).

Inside the program a code is always written in full. People may leave out F, or A and B; media
prefixes (``1-0:1.8.0*255``) are understood.
"""

import re
from typing import Final

PROFILES: Final = {
    "load": "1.0.99.1.0.255",
    "billing": "0.0.98.1.0.255",
    "events": "0.0.99.98.0.255",
}
"""What people call the usual profiles (IEC 62056-6-1: load profile 1, billing 1, event log)."""

_NUMBERS: Final = re.compile(r"\d{1,3}")
_SHAPE: Final = re.compile(r"(?:\d{1,3}-\d{1,3}:)?\d{1,3}(?:\.\d{1,3}){1,5}(?:[*&.]\d{1,3})?")


def from_bytes(code: bytes) -> str:
    """Return the text of a 6-byte logical name."""
    return ".".join(map(str, code))


def to_bytes(code: str) -> bytes:
    """Return the 6-byte logical name of a code in full form."""
    return bytes(int(part) for part in code.split("."))


def parse(text: str) -> str:
    """Return the full form of what a person wrote.

    ``1.8.0`` -> ``1.0.1.8.0.255``; ``1.0.1.8.0`` and ``1-0:1.8.0`` likewise.

    Raises:
        ValueError: it is no OBIS code; the message says what is expected.

    """
    numbers = [int(part) for part in _NUMBERS.findall(text)] if _SHAPE.fullmatch(text) else []
    if any(number > 255 for number in numbers):
        numbers = []
    match len(numbers):
        case 3:
            numbers = [1, 0, *numbers, 255]
        case 4 if "*" in text or "&" in text:
            numbers = [1, 0, *numbers]
        case 5:
            numbers = [*numbers, 255]
        case 6:
            pass
        case _:
            raise ValueError(f"{text!r} is no OBIS code; write A.B.C.D.E.F, 1.0.1.8.0 or 1.8.0")
    return ".".join(map(str, numbers))

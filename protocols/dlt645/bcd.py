"""Packed decimal numbers, least significant byte first, as DL/T 645 sends them."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from protocols.errors import RemoteProtocolError

SIGN: Final = 0x80
CENTURY: Final = 2000
ABSENT: Final = (0xFF, 0xEE)
"""A value filled with these does not exist in the meter; it is never a number."""


def is_absent(raw: bytes) -> bool:
    """Return whether a value says that there is none."""
    return len(raw) > 0 and raw[0] in ABSENT and raw.count(raw[0]) == len(raw)


def decode(raw: bytes, *, signed: bool = False) -> int:
    """Return the number; the sign is the top bit of the most significant byte.

    Raises:
        RemoteProtocolError: some digit is none.

    """
    negative = signed and bool(raw) and bool(raw[-1] & SIGN)
    digits = raw[::-1]
    if negative:
        digits = bytes((digits[0] & ~SIGN & 0xFF,)) + digits[1:]
    text = digits.hex()
    if not text.isdecimal():
        raise RemoteProtocolError("bcd", f"{raw.hex()} is no decimal number")
    return -int(text) if negative else int(text)


def encode(number: int, size: int, *, signed: bool = False) -> bytes:
    """Return ``size`` bytes; digits in front that do not fit fall off, as in a meter."""
    digits = bytearray(bytes.fromhex(str(abs(number)).rjust(size * 2, "0")[-size * 2 :])[::-1])
    if signed and number < 0:
        digits[-1] |= SIGN
    return bytes(digits)


def backwards(raw: bytes) -> str:
    """Return the digits in reading order, whatever they mean."""
    return raw[::-1].hex()


def instant(raw: bytes, utc_offset_min: int) -> datetime | None:
    """Return the instant, UTC, of ``[ss] mm hh DD MM YY``; None when the meter has none.

    Raises:
        RemoteProtocolError: it is no time.

    """
    if is_absent(raw) or not any(raw):
        return None
    text = backwards(raw)
    if not text.isdecimal() or len(raw) not in {5, 6}:
        raise RemoteProtocolError("time", f"{raw.hex()} is no time")
    numbers = [int(text[at : at + 2]) for at in range(0, len(text), 2)]
    zone = timezone(timedelta(minutes=utc_offset_min))
    try:
        local = datetime(CENTURY + numbers[0], *numbers[1:], tzinfo=zone)  # type: ignore[misc, arg-type]  # five or six numbers
        return local.astimezone(UTC)
    except (ValueError, OverflowError):
        raise RemoteProtocolError("time", f"{raw.hex()} is no time") from None


def time_bytes(local: datetime, shape: str) -> bytes:
    """Return a local time in the order of ``shape`` (strftime, most significant part first)."""
    return bytes.fromhex(local.strftime(shape))[::-1]

"""The error byte of a refused request (both standards: one bit for each reason)."""

from typing import Final

REASONS: Final = (
    "other", "no requested data", "wrong password / not authorised", "baud rate cannot change",
    "too many year zones", "too many day periods", "too many rates", "reserved",
)  # fmt: skip
NO_DATA: Final = 0x02
WRONG_PASSWORD: Final = 0x04


def reasons(code: int) -> list[str]:
    """Return what the bits of an error byte say."""
    return [reason for bit, reason in enumerate(REASONS) if code >> bit & 1]


def reason(data: bytes) -> str:
    """Return what the data of a refusal say, for a person."""
    told = reasons(data[0]) if data else []
    return ", ".join(told) or "the meter gave no reason"

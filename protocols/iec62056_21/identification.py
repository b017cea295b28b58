"""Who answers: the identification message (IEC 62056-21, 6.3.2)."""

from typing import Final

import msgspec

from protocols.errors import RemoteProtocolError

BAUDS_C: Final = {
    "0": 300, "1": 600, "2": 1200, "3": 2400, "4": 4800, "5": 9600, "6": 19200,
}  # fmt: skip
BAUDS_B: Final = {"A": 600, "B": 1200, "C": 2400, "D": 4800, "E": 9600, "F": 19200}
BINARY: Final = "2"
"""The escape sequence that offers mode E with HDLC."""


class Identification(msgspec.Struct, frozen=True):
    """What a meter says of itself."""

    text: str
    """All of it, without slash and end of line."""
    manufacturer: str
    baud_char: str
    escapes: tuple[str, ...]
    """The characters behind backslashes: enhanced capabilities."""
    rest: str
    """The maker's own identification."""

    @property
    def fast(self) -> bool:
        """Whether it reacts within 20 ms: said by a small third letter."""
        return self.manufacturer[2].islower()

    @property
    def mode(self) -> str:
        """The protocol mode: A, B, C or E. A meter in mode D sends by itself and is not asked."""
        if self.baud_char in BAUDS_C:
            return "E" if BINARY in self.escapes else "C"
        return "B" if self.baud_char in BAUDS_B else "A"

    @property
    def baud(self) -> int:
        """The bit rate that it proposes."""
        return BAUDS_C.get(self.baud_char) or BAUDS_B.get(self.baud_char) or 300


def parse_identification(text: str) -> Identification:
    """Return what a line says, given without its slash.

    Raises:
        RemoteProtocolError: it is no identification.

    """
    manufacturer, baud_char, rest = text[:3], text[3:4], text[4:]
    named = len(text) >= 4 and manufacturer.isascii() and manufacturer.isalpha()
    if not named or ends_a_bracket(text):
        raise RemoteProtocolError("identification", f"{text[:40]!r} is no identification")
    escapes: list[str] = []
    while rest[:1] == "\\" and len(rest) > 1:
        escapes.append(rest[1])
        rest = rest[2:]
    return Identification(text, manufacturer, baud_char, tuple(escapes), rest)


def ends_a_bracket(text: str) -> bool:
    """Whether a text closes a bracket that it did not open: the unit of ``0.3.0(500*Imp/kWh)``."""
    return ")" in text.partition("(")[0]


def is_request(text: str) -> bool:
    """Whether a line is a request of a head-end: ``?address!``."""
    return text.startswith("?") and text.endswith("!")

"""Mode D: a meter that sends by itself, without being asked and without STX (IEC 62056-21, 6.5).

::

    / identification CR LF CR LF data CR LF ... ! [CRC] CR LF

The four hex digits of a CRC are an addition of the Dutch and Belgian customer ports (P1): CRC-16
over everything from the slash to the exclamation mark.

Some modems send the readout that they asked for themselves, with its frame::

    / identification CR LF STX data CR LF ! CR LF ETX BCC
"""

from typing import Final

import msgspec

from protocols.iec62056_21.block_check import CHECKS, SEVEN_BIT
from protocols.iec62056_21.identification import ends_a_bracket

TELEGRAM_SIZE_MAX: Final = 16 * 1024
IDENTIFICATION_SIZE_MAX: Final = 128
STEP: Final = 1024
"""Bytes that are looked at in one go."""
CRC_DIGITS: Final = 4
POLYNOMIAL: Final = 0xA001
STX: Final = "\x02"
ETX: Final = b"\x03"
TAIL_SIZE_MAX: Final = 4
"""Of a framed one, behind the exclamation mark: CR LF ETX BCC."""


class Telegram(msgspec.Struct, frozen=True):
    """One whole telegram."""

    identification: str
    data: str
    """The lines between identification and exclamation mark."""
    crc: str
    """As sent; empty: it has none."""
    computed: str
    raw: bytes = b""
    """As it came, up to the exclamation mark."""
    tail: bytes = b""
    """As it came, behind that: what checks it, and the end of the line."""

    @property
    def asked(self) -> bool:
        """Whether it is the answer to a request: only those are framed by STX."""
        return STX in self.data

    @property
    def checks(self) -> frozenset[str]:
        """By which kinds of block check (``block_check.CHECKS``) a framed one is right."""
        plain = _plain(self.raw + self.tail)
        block = plain[plain.find(STX.encode()) + 1 :]
        if not self.asked or block[-2:-1] != ETX:
            return frozenset()
        return frozenset(name for name, of in CHECKS.items() if of(block[:-1]) == block[-1])

    @property
    def intact(self) -> bool:
        """Whether whatever check it has is right."""
        return bool(self.checks) if self.asked else self.good

    @property
    def good(self) -> bool:
        """Whether the CRC is right, where there is one."""
        return not self.crc or self.crc.upper() == self.computed


class TelegramReader:
    """Feed bytes, get telegrams; noise between them is dropped."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    @property
    def rest(self) -> bytes:
        """What came and is no whole telegram yet."""
        return bytes(self._buffer)

    @property
    def pending(self) -> bool:
        """Whether a telegram has begun: its identification was there."""
        return b"\n" in self._buffer

    def feed(self, data: bytes) -> list[Telegram]:
        """Take bytes and return the telegrams that are complete now."""
        found: list[Telegram] = []
        for at in range(0, len(data), STEP):
            self._buffer += data[at : at + STEP]
            found += self._take_all(last=False)
        return found

    def end(self) -> list[Telegram]:
        """Nothing more will come: a telegram whose last line has no end is complete too."""
        return self._take_all(last=True)

    def _take_all(self, *, last: bool) -> list[Telegram]:
        found: list[Telegram] = []
        while self._to_start():
            size, telegram = self._take(last=last)
            if not size:
                break
            del self._buffer[:size]
            if telegram is not None:
                found.append(telegram)
        return found

    def _to_start(self) -> bool:
        """Drop what stands before a slash that can begin a telegram."""
        buffer = self._buffer
        while buffer:
            plain = _plain(buffer[:IDENTIFICATION_SIZE_MAX])
            start = plain.find(b"/")
            head, end, _ = plain[start + 1 :].partition(b"\n")
            if start < 0:
                del buffer[: len(plain)]
            elif b"/" in head or not _may_identify(head, whole=bool(end)):
                del buffer[: start + 1]
            else:
                del buffer[:start]
                return True
        return False

    def _take(self, *, last: bool) -> tuple[int, Telegram | None]:
        plain = _plain(self._buffer)
        mark = plain.find(b"!")
        again = _next_start(plain, mark if mark >= 0 else len(plain))
        if again > 0:
            return again, None  # what came before it has no end
        if mark < 0:
            return (1, None) if len(plain) > TELEGRAM_SIZE_MAX else (0, None)
        end = plain.find(b"\n", mark, mark + CRC_DIGITS + 3)
        if end < 0 and len(plain) < mark + CRC_DIGITS + 3 and not last:
            return 0, None
        line_end = end if end >= 0 else min(len(plain), mark + 1 + CRC_DIGITS)
        crc = plain[mark + 1 : line_end].decode("ascii").strip("\r\n")
        first, _, data = plain[1:mark].decode("ascii").partition("\n")
        if not crc.isalnum() or len(crc) != CRC_DIGITS:
            crc = ""
        tail_end = end + 1 if end >= 0 else line_end
        if STX in data:
            tail_end = _framed_end(plain, mark, last=last)
            if not tail_end:
                return 0, None
        raw, tail = bytes(self._buffer[: mark + 1]), bytes(self._buffer[mark + 1 : tail_end])
        found = Telegram(first.rstrip("\r"), data, crc, f"{crc16(raw):04X}", raw, tail)
        return tail_end, found


def _framed_end(plain: bytes, mark: int, *, last: bool) -> int:
    """Return where a telegram with a frame ends; 0: more bytes are needed to tell."""
    tail = plain[mark + 1 : mark + 1 + TAIL_SIZE_MAX]
    etx = tail.find(ETX)
    if etx >= 0 and etx + 1 < len(tail):
        return mark + 1 + etx + 2
    may_come = etx >= 0 or (len(tail) < TAIL_SIZE_MAX and not tail.strip(b"\r\n"))
    return 0 if may_come and not last else mark + 1


def _next_start(plain: bytes, end: int) -> int:
    """Return where another telegram begins before ``end``; below 1: nowhere.

    A slash may stand in a unit, though the standard forbids it: ``0.3.0(500*Imp/kWh)``.
    """
    at = plain.rfind(b"/", 1, end)
    while at > 0 and not _begins(plain[at + 1 : at + 1 + IDENTIFICATION_SIZE_MAX]):
        at = plain.rfind(b"/", 1, at)
    return at


def _begins(behind: bytes) -> bool:
    """Whether a telegram, or a request, begins with a slash: only the whole line tells."""
    line, end, _ = behind.partition(b"\n")
    is_whole = bool(end) or b"!" in line or len(line) >= IDENTIFICATION_SIZE_MAX
    return is_whole and not _is_in_brackets(line)


def _is_in_brackets(line: bytes) -> bool:
    return ends_a_bracket(line.decode("ascii"))


def _may_identify(head: bytes, *, whole: bool) -> bool:
    """Whether this can be an identification, as far as it has come."""
    letters = head[:3]
    is_maker = (letters.isalpha() or not letters) and (len(letters) == 3 or not whole)
    return is_maker and not _is_in_brackets(head)


def _plain(data: bytes | bytearray) -> bytes:
    return bytes(data).translate(SEVEN_BIT)


def _table() -> tuple[int, ...]:
    table: list[int] = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = (crc >> 1) ^ (POLYNOMIAL if crc & 1 else 0)
        table.append(crc)
    return tuple(table)


_TABLE: Final = _table()


def crc16(data: bytes) -> int:
    """Return the CRC-16 with the reflected polynomial A001, beginning at 0."""
    crc = 0
    for byte in data:
        crc = (crc >> 8) ^ _TABLE[(crc ^ byte) & 0xFF]
    return crc

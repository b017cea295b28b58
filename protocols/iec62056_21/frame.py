"""Cuts the bytes of a line into messages (IEC 62056-21, 6.3 and 6.4).

Four kinds of them::

    / ... CR LF                            a request "/?..!" or an identification
    SOH command [STX data] ETX BCC         a command
    STX data ETX BCC                       data; EOT in place of ETX: a part, more follows
    ACK, NAK                               alone

Whether one is complete is decided by its end and its check, never by a pause. Neither SOH nor STX
can stand in data: where one does, what came before it was noise.
"""

from typing import Final, TypeAlias

import msgspec

from protocols.errors import LocalProtocolError
from protocols.iec62056_21.block_check import CHECKS, SEVEN_BIT

SOH: Final = 0x01
STX: Final = 0x02
ETX: Final = 0x03
EOT: Final = 0x04
ACK: Final = 0x06
NAK: Final = 0x15
SLASH: Final = 0x2F
NEW_LINE: Final = b"\r\n"
BLOCK_SIZE_MAX: Final = 64 * 1024
"""A day of a load profile has 6 kB, the longest readouts have 10 kB."""
LINE_SIZE_MAX: Final = 80
"""An identification has 5 characters and up to 16 more by the standard, some meters send more."""
STEP: Final = 1024
"""Bytes that are looked at in one go."""
OPTION_SIZE: Final = 6
"""ACK V Z Y CR LF."""


class Line(msgspec.Struct, frozen=True):
    """A request or an identification, without the slash."""

    text: str


class Option(msgspec.Struct, frozen=True):
    """An option select message: protocol, baud rate and mode, 3 characters."""

    text: str


class Control(msgspec.Struct, frozen=True):
    """ACK or NAK."""

    code: int


class Block(msgspec.Struct, frozen=True):
    """A command or data."""

    command: str
    """Letter and digit; empty: data."""
    data: str
    check: int
    """As sent."""
    computed: int
    more: bool = False
    """It ended with EOT: a part of the answer, the next one wants an ACK."""

    @property
    def good(self) -> bool:
        """Whether the check is right."""
        return self.check == self.computed


Message: TypeAlias = Line | Option | Control | Block


class MessageReader:
    """Feed bytes, get messages; noise between them is dropped."""

    def __init__(self, check: str = "xor", *, both_ways: bool = False) -> None:
        self._check = CHECKS[check]
        self._both_ways = both_ways
        """Whether what the head-end sends is in the bytes too: then an ACK may be the beginning of
        an option select message, and is only known when the next character is."""
        self._buffer = bytearray()
        self._searched = 0
        """Below here there is no end of the block that the buffer begins with."""
        self.parity_seen = False
        """Whether any byte had bit 7 set."""

    @property
    def pending(self) -> int:
        """Bytes that may be the beginning of a message."""
        return len(self._buffer)

    @property
    def in_block(self) -> bool:
        """Whether a command or data has begun and not ended."""
        return bool(self._buffer) and self._buffer[0] in {SOH, STX}

    def feed(self, data: bytes) -> list[Message]:
        """Take bytes and return the messages that are complete now."""
        plain = data.translate(SEVEN_BIT)
        self.parity_seen = self.parity_seen or plain != data
        found: list[Message] = []
        for at in range(0, max(1, len(plain)), STEP):  # what waits stays short, however much comes
            self._buffer += plain[at : at + STEP]
            while (message := self._next()) is not None:
                found.append(message)
        return found

    def idle(self) -> list[Message]:
        """Nothing more will come of what has begun: give up what waits, return what is in it."""
        found: list[Message] = []
        while self._buffer:
            if self._buffer[0] == ACK:
                found.append(Control(ACK))
            self._drop(1)
            found += self.feed(b"")
        return found

    # -- one message

    def _next(self) -> Message | None:
        while self._to_mark():
            size, message = self._take()
            if not size:
                return None
            self._drop(size)
            if message is not None:
                return message
        return None

    def _to_mark(self) -> bool:
        """Drop what stands before the first byte that can begin a message."""
        buffer = self._buffer
        while buffer and buffer[0] not in _MARKS:
            head = buffer[:STEP]
            self._drop(len(head) - len(head.lstrip(_NO_MARKS)))
        return bool(buffer)

    def _drop(self, size: int) -> None:
        del self._buffer[:size]
        self._searched = max(0, self._searched - size)

    def _take(self) -> tuple[int, Message | None]:
        """Return how many bytes are done with, 0: more are needed; and the message in them."""
        match self._buffer[0]:
            case 0x2F:
                return self._line()
            case 0x01:
                return self._command()
            case 0x02:
                return self._block("", 1)
            case 0x06 if self._both_ways:
                return self._option()
            case code:
                return 1, Control(code)

    def _line(self) -> tuple[int, Message | None]:
        end = self._buffer.find(b"\n", 0, LINE_SIZE_MAX)
        text = bytes(self._buffer[1 : end if end > 0 else LINE_SIZE_MAX])
        if not _is_text(text):
            return 1, None
        if end < 0:
            return (1, None) if len(self._buffer) >= LINE_SIZE_MAX else (0, None)
        return end + 1, Line(text.decode("ascii").rstrip("\r"))

    def _option(self) -> tuple[int, Message | None]:
        head = bytes(self._buffer[:OPTION_SIZE])
        pattern_fits = head[1:4].isalnum() if len(head) > 1 else True
        ending_fits = NEW_LINE.startswith(head[4:])
        if not pattern_fits or not ending_fits:
            return 1, Control(ACK)
        if len(head) < OPTION_SIZE:
            return 0, None
        return OPTION_SIZE, Option(head[1:4].decode("ascii"))

    def _command(self) -> tuple[int, Message | None]:
        head = bytes(self._buffer[1:4])
        if not (head[:1].isupper() or not head) or not (head[1:2].isdigit() or len(head) < 2):
            return 1, None
        if len(head) < 3:
            return 0, None
        if head[2] not in {STX, ETX}:
            return 1, None
        return self._block(head[:2].decode("ascii"), 4 if head[2] == STX else 3)

    def _block(self, command: str, start: int) -> tuple[int, Message | None]:
        """Take a block whose data begins at ``start``; what is checked begins at 1."""
        buffer = self._buffer
        end = self._find_end(start)
        if end < 0:
            return (1, None) if len(buffer) > BLOCK_SIZE_MAX else (0, None)
        if buffer[end] in {SOH, STX}:
            return 1, None
        if end + 1 == len(buffer):
            self._searched = end
            return 0, None
        computed = self._check(bytes(buffer[1 : end + 1]))
        data = buffer[start:end].decode("ascii")
        block = Block(command, data, buffer[end + 1], computed, more=buffer[end] == EOT)
        return end + 2, block

    def _find_end(self, start: int) -> int:
        """Return where the first ETX, EOT, STX or SOH is; -1: nowhere yet."""
        buffer, begin = self._buffer, max(start, self._searched)
        size = end = len(buffer)
        for mark in _ENDS:  # each only before the one found so far: every byte is looked at once
            at = buffer.find(mark, begin, end)
            end = end if at < 0 else at
        if end < size:
            return end
        self._searched = size
        return -1


_ENDS: Final = (b"\x02", b"\x01", b"\x03", b"\x04")
_MARKS: Final = frozenset({SOH, STX, ACK, NAK, SLASH})
_NO_MARKS: Final = bytes(set(range(256)) - _MARKS)


def _is_text(text: bytes) -> bool:
    """Whether a line holds nothing but characters that an identification may have."""
    body = text.removesuffix(b"\r")
    return b"/" not in body and (body.decode("ascii").isprintable() or not body)


def encode_command(command: str, data: str | None = None, *, check: str = "xor") -> bytes:
    """Return a command message; without data there is no STX.

    Raises:
        LocalProtocolError: there are characters that cannot stand in a message.

    """
    body = command.encode("ascii")
    if data is not None:
        if not data.isascii() or any(ord(character) < 0x20 for character in data):
            raise LocalProtocolError("data", "a command holds printable ASCII characters only")
        body += bytes((STX,)) + data.encode("ascii")
    body += bytes((ETX,))
    return bytes((SOH,)) + body + bytes((CHECKS[check](body),))


def encode_block(data: str, *, more: bool = False, check: str = "xor") -> bytes:
    """Return data as a meter sends it; ``more``: a part of an answer."""
    body = data.encode("ascii") + bytes((EOT if more else ETX,))
    return bytes((STX,)) + body + bytes((CHECKS[check](body),))


def encode_request(address: str) -> bytes:
    """Return the request message that opens a session; no address: whoever is on the line.

    Raises:
        LocalProtocolError: the address has characters that an address cannot have.

    """
    plain = address.isascii() and (not address or address.replace(" ", "0").isalnum())
    if not plain or len(address) > 32:
        raise LocalProtocolError("address", "a meter's address has up to 32 letters and digits")
    return b"/?" + address.encode("ascii") + b"!" + NEW_LINE


def encode_option(protocol: str, baud: str, mode: str) -> bytes:
    """Return the option select message."""
    return bytes((ACK,)) + f"{protocol}{baud}{mode}".encode("ascii") + NEW_LINE

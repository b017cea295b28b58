"""One question on the line and the message that answers it: echoes, noise, damaged blocks."""

from collections import deque
from collections.abc import Callable
from typing import Final

from protocols.dialogue import Dialogue, Exchange
from protocols.errors import RemoteProtocolError
from protocols.iec62056_21.block_check import EVEN_PARITY
from protocols.iec62056_21.frame import (
    ACK,
    BLOCK_SIZE_MAX,
    NAK,
    Block,
    Control,
    Message,
    MessageReader,
)
from protocols.iec62056_21.options import Iec62056Options, Iec62056Timers

BREAK: Final = "B0"
HEARD_MAX: Final = 2 * BLOCK_SIZE_MAX
"""Bytes that may come in place of one answer before the line counts as out of order."""
EMPTY_MAX: Final = 100
"""Pieces that may come without a message in them: our own echo in small ones, heartbeats."""
COPY_MAX: Final = 4096
"""Pieces of an answer that nobody wants any more; the deadline of the line bounds it, too."""
ECHO_SIZE: Final = 1024
SETTLE_S: Final = 0.5
"""Nothing for so long, and no copy of the last answer is on its way."""
BITS_PER_BYTE: Final = 10
Accept = Callable[[Message], bool]


class SerialSession:
    """Sends messages to one meter and waits for its answers."""

    def __init__(self, options: Iec62056Options, timers: Iec62056Timers) -> None:
        self.options = options
        self.timers = timers
        self.even = options.parity == "even"
        """Whether what is sent has even parity in bit 7."""
        self._reader = MessageReader(options.check)
        self._waiting: deque[Message] = deque()
        self.broken_off = False
        """The meter has sent a break by itself, glued to an answer."""
        self.owed = False
        """An answer to what was asked before may come yet; not all of them say to what."""
        self._last: Message | None = None
        """What was accepted last."""
        self._doubles = False
        """Whether this line was seen to say things twice."""

    def ask(
        self, message: bytes, accept: Accept, *, wait_s: float = 0.0
    ) -> Dialogue[Message | None]:
        """Send a message and return the first that ``accept`` takes; None: silence.

        Nothing to send: what came behind the last answer may be the next one.

        Raises:
            RemoteProtocolError: ``truncated``, a block began and did not end within the time;
                ``noise``, too much came that is no answer.

        """
        if message and (self._waiting or self._reader.pending):
            self._doubles = True  # something came behind the last answer
        if message and (self._doubles or self.owed):
            yield from self.tell(b"", wait_s=self.timers.gap_s if self.owed else SETTLE_S)
            self.owed = False
        if message:
            self._reader, self._waiting = MessageReader(self.options.check), deque()
            self.broken_off = False
        found = self._first(accept)
        if found is not None:
            return found
        first_s = (wait_s or self.timers.answer_s) + self._line_s(len(message) + ECHO_SIZE)
        heard = empty = 0
        got: bytes | None = yield Exchange(self._coded(message), first_s)
        while got is not None:
            heard += len(got)
            self._waiting += self._reader.feed(got)
            found = self._first(accept)
            if found is not None:
                return found
            empty += not self._reader.in_block
            if heard > HEARD_MAX or empty > EMPTY_MAX:
                raise RemoteProtocolError("noise", f"{heard} bytes and no answer among them")
            got = yield Exchange(b"", self.timers.gap_s if self._reader.in_block else first_s)
        if self._reader.in_block:
            raise RemoteProtocolError("truncated", f"an answer broke off after {heard} bytes")
        return None

    def _first(self, accept: Accept) -> Message | None:
        """Return the first message that is accepted; those before it are dropped."""
        while self._waiting:
            message = self._waiting.popleft()
            if accept(message):
                self._refuse_two(message, accept)
                self._doubles = self._doubles or message in self._waiting
                self._last = message
                self.broken_off = any(map(is_break, self._waiting))
                self._note_parity()
                return message
            self._doubles = self._doubles or message == self._last
        return None

    def _refuse_two(self, message: Message, accept: Accept) -> None:
        """Refuse two different whole answers to one question: two meters took it for theirs.

        Raises:
            RemoteProtocolError: ``address``.

        """
        if not isinstance(message, Block) or not message.good or message.more:
            return
        for other in self._waiting:
            if not isinstance(other, Block) or not other.good or is_break(other):
                continue
            if accept(other) and other.data != message.data:
                raise RemoteProtocolError("address", "two meters answered one question")

    def tell(self, message: bytes, *, both: bool = False, wait_s: float = 0.0) -> Dialogue[None]:
        """Send what nobody answers, and let the line fall quiet.

        ``both``: nobody knows yet which parity is understood; where that is found out, send both.
        """
        coded = self._coded(message)
        if both and self.options.parity == "auto":
            coded = message + message.translate(EVEN_PARITY)
        quiet_s = wait_s or self.timers.quiet_s
        got: bytes | None = yield Exchange(coded, quiet_s)
        pieces, most = 0, COPY_MAX if wait_s else EMPTY_MAX
        while got is not None and pieces < most:
            pieces += 1
            got = yield Exchange(b"", quiet_s)

    def _coded(self, message: bytes) -> bytes:
        return message.translate(EVEN_PARITY) if self.even else message

    def _note_parity(self) -> None:
        if self.options.parity == "auto":
            self.even = self.even or self._reader.parity_seen

    def _line_s(self, size: int) -> float:
        return size * BITS_PER_BYTE / self.options.baud


def is_break(message: Message) -> bool:
    """Whether a message ends the session."""
    return isinstance(message, Block) and message.command == BREAK


def is_nak(message: Message) -> bool:
    """Whether a message says that ours was not understood."""
    return isinstance(message, Control) and message.code == NAK


def is_ack(message: Message) -> bool:
    """Whether a message says that ours was taken."""
    return isinstance(message, Control) and message.code == ACK

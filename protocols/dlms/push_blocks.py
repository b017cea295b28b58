"""The blocks of pushes: most senders stream all of them and wait for nobody, some wait for us.

One that waits says so by a block that is neither the last nor followed by the next by itself. From
then on its transfer is confirmed: behind each such block we say which ones have come without a
gap, and it goes on from there, with what got lost once more. That says that bytes have come, as
TCP does; a notification that asks for it is confirmed when it is stored.
"""

from collections.abc import Callable
from typing import Final

from protocols.dlms.gbt import JOINED_SIZE_MAX, Block, BlockJoiner
from protocols.dlms.gbt_transfer import Incoming, acknowledgement
from protocols.errors import RemoteProtocolError

Answer = Callable[[bytes], None]


class PushBlocks:
    """Joins the blocks of one connection's pushes to the APDUs that they carry."""

    __slots__ = ("_done", "_incoming", "_joiner", "_number", "_size", "_starts", "_window")

    def __init__(self, starts: frozenset[bytes], window: int) -> None:
        """Take what a push may begin with, one byte each, and how many blocks we take at a time.

        What begins otherwise is the answer to a question, whose asker acknowledges it.
        """
        self._starts: Final = starts
        self._window: Final = window
        self._joiner = BlockJoiner()
        self._incoming: Incoming | None = None
        """Of a transfer that is confirmed."""
        self._done = 0
        """The last block of one that is over: its acknowledgement may have got lost."""
        self._number = 0
        """Of our last block."""
        self._size = 0

    @property
    def open(self) -> bool:
        """Whether a transfer is under way."""
        return self._incoming is not None or self._joiner.open

    def is_ours(self, block: Block) -> bool:
        """Whether a block belongs to a push, though it acknowledges blocks of ours."""
        confirmed = self._incoming is not None or self._done
        return not block.acknowledged or bool(confirmed and block.acknowledged <= self._number)

    def take(self, block: Block, answer: Answer) -> bytes | None:
        """Take a block; return the APDU when it was the last. ``answer`` sends what we owe.

        Raises:
            RemoteProtocolError: ``gbt-gap`` when one is missing that nobody sends again, ``size``
                when there is no end.

        """
        if block.number == 1 and self._is_begun(block):
            self._incoming, self._done, self._number, self._size = Incoming(), 0, 0, 0
        if self._incoming is not None:
            return self._confirmed(self._incoming, block, answer)
        if self._done and block.number <= self._done:
            self._acknowledge(self._done, block, answer)
            return None
        return self._joiner.take(block)

    def _is_begun(self, block: Block) -> bool:
        """Whether the first block begins a transfer whose sender waits for us."""
        # The only one of a transfer: who takes no blocks waits for none.
        waits = not block.streaming and (not block.last or block.window > 0)
        under_way = self._joiner.open or (self._incoming is not None and self._incoming.number < 2)
        return waits and not under_way and block.data[:1] in self._starts

    def _confirmed(self, incoming: Incoming, block: Block, answer: Answer) -> bytes | None:
        if incoming.take(block):
            self._size += len(block.data)
        if self._size > JOINED_SIZE_MAX:
            self._incoming = None
            raise RemoteProtocolError("size", f"blocks of more than {JOINED_SIZE_MAX} bytes")
        self._acknowledge(incoming.number, block, answer)
        if incoming.whole is None:
            return None
        self._incoming, self._done = None, incoming.number
        return incoming.whole

    def _acknowledge(self, number: int, block: Block, answer: Answer) -> None:
        """Say which blocks have come, where the sender waits for it."""
        if not block.streaming:
            self._number += 1
            answer(acknowledgement(self._number, number, self._window))

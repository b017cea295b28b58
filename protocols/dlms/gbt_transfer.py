"""Both ends of a general block transfer that is confirmed: what to send, and what has come.

A sender may have as many blocks under way as the receiver's window allows. All but the last of
them are streamed: the receiver waits for more. Behind the last one it says which block it has
without a gap, and the sender goes on behind that one: so a lost block is sent again, with all that
followed it. Whoever acknowledges sends a block too, an empty one if need be, with a number of its
own.
"""

from typing import Final

from protocols.dlms.gbt import Block, encode_block
from protocols.errors import RemoteProtocolError

SIZE_MAX: Final = 1024 * 1024
"""An APDU in blocks may not be longer: 60 days of a wide profile have 150 KB."""
BLOCKS_MAX: Final = 16_384
"""Nor may it have more of them: of 64 bytes they make that size."""
WINDOW_MAX: Final = 63
HEAD_SIZE: Final = 9
"""Bytes of a block that are no data."""


class Outgoing:
    """The blocks of one APDU on their way out."""

    def __init__(self, apdu: bytes, size: int, first: int = 1) -> None:
        size = max(1, size)
        self._pieces = [apdu[at : at + size] for at in range(0, len(apdu), size)]
        self._first = first
        self.acknowledged = 0
        """So many of them have come."""

    @property
    def done(self) -> bool:
        """Whether the other end has them all."""
        return self.acknowledged == len(self._pieces)

    @property
    def next_number(self) -> int:
        """The number of the block behind the last."""
        return self._first + len(self._pieces)

    def confirm(self, number: int) -> bool:
        """Take note that the other end has all blocks to ``number``; return whether that is news.

        Raises:
            RemoteProtocolError: it says that it has what was not sent.

        """
        have = number - self._first + 1
        if have > len(self._pieces):
            raise RemoteProtocolError("block", f"block {number} was acknowledged and never sent")
        news = have > self.acknowledged
        self.acknowledged = max(self.acknowledged, have)
        return news

    def window(self, size: int, ours: int, acknowledged: int) -> list[bytes]:
        """Return the blocks to send now, encoded, at most ``size`` of them.

        ``ours`` and ``acknowledged`` are our own window and what we have of the other end's blocks.
        """
        begin = self.acknowledged
        end = min(begin + max(1, size), len(self._pieces))
        blocks = [
            Block(
                at + 1 == len(self._pieces), at + 1 < end, ours, self._first + at, acknowledged,
                self._pieces[at],
            )
            for at in range(begin, end)
        ]  # fmt: skip
        return list(map(encode_block, blocks))


class Incoming:
    """The blocks of one APDU as they come in; what does not follow is not kept."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self.number = 0
        """The last block without a gap before it; 0: none."""
        self.whole: bytes | None = None
        """The APDU, once its last block has come."""
        self.unsure = False
        """Whether empty blocks may have got lost, which have numbers too: then the first block that
        holds something is the first of the APDU. If it is not, the APDU makes no sense."""

    def take(self, block: Block) -> bool:
        """Take a block; return whether it was the one that follows.

        Raises:
            RemoteProtocolError: ``size``: there is no end.

        """
        # Not everybody counts the empty blocks that acknowledged ours.
        anew = block.number == 1 and bool(block.data)
        skips = self.unsure and block.number > self.number
        follows = block.number == self.number + 1
        if not follows and (self._size or not (anew or skips)):
            return False
        self.number = block.number
        self._parts.append(block.data)
        self._size += len(block.data)
        if self._size > SIZE_MAX or self.number > BLOCKS_MAX:
            raise RemoteProtocolError("size", f"blocks of more than {SIZE_MAX} bytes")
        if block.last and self._size:
            self.whole = b"".join(self._parts)
        return True


def acknowledgement(number: int, acknowledged: int, window: int) -> bytes:
    """Return an empty block that says what has come."""
    return encode_block(Block(True, False, window, number, acknowledged, b""))

"""General block transfer as a simulated meter does it: blocks of requests in, of answers out."""

from protocols.dlms.gbt import Block
from protocols.dlms.gbt_transfer import HEAD_SIZE, Incoming, Outgoing, acknowledgement


class MeterBlocks:
    """The transfer under way in one association, one at a time."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._incoming = Incoming()
        self._outgoing: Outgoing | None = None
        self._theirs = 1
        """The client's window."""
        self._number = 0

    def take(self, block: Block) -> tuple[bytes | None, list[bytes]]:
        """Take a block; return the request that it completes, or the blocks to answer with."""
        self._theirs = max(1, block.window)
        if self._outgoing is not None and not (block.data and block.number == 1):
            self._incoming.take(block)
            self._outgoing.confirm(block.acknowledged)
            return None, self._send()
        if self._outgoing is not None:
            self.begin()  # another request
        self._incoming.take(block)
        if self._incoming.whole is not None:
            return self._incoming.whole, []
        return None, [] if block.streaming else [self._acknowledged()]

    def _acknowledged(self) -> bytes:
        self._number += 1
        return acknowledgement(self._number, self._incoming.number, self._window)

    def answer(self, apdu: bytes, room: int) -> list[bytes]:
        """Return the first blocks of an answer, none of them longer than ``room``."""
        self._outgoing = Outgoing(apdu, room - HEAD_SIZE, self._number + 1)
        return self._send()

    def _send(self) -> list[bytes]:
        if self._outgoing is None:
            return []
        return self._outgoing.window(self._theirs, self._window, self._incoming.number)

    def begin(self) -> None:
        """Forget what was under way: a request in one piece has come."""
        self._incoming, self._outgoing, self._number = Incoming(), None, 0

"""General block transfer as a client does it: a long request out, a long answer in, as dialogues.

Over the wrapper blocks are streamed, as many as the other end takes. On a numbered link each block
waits for its answer: there is no time to win, and the link itself repeats what was lost.
"""

from collections.abc import Generator
from typing import Final

from protocols.dialogue import Exchange
from protocols.dlms.apdu_errors import CONFIRMED_SERVICE_ERROR, EXCEPTION_RESPONSE
from protocols.dlms.carrier import Answer, Carrier
from protocols.dlms.gbt import TAG, Block, decode_block
from protocols.dlms.gbt_transfer import WINDOW_MAX, Incoming, Outgoing, acknowledgement
from protocols.errors import MeterSilent, RemoteProtocolError

WINDOW: Final = 8
"""Blocks that we take at a time: on a cellular link a round trip costs more than a lost block."""
RECOVERIES_MAX: Final = 3
"""Turns without any progress, one after the other."""
PASSED_MAX: Final = 4 * WINDOW_MAX
"""Blocks that are passed over while the next one is missing."""
STREAM_S: Final = 10.0
"""For the next of some blocks that come one behind the other."""
STRAYS_MAX: Final = 32
"""APDUs of others between two blocks."""
MARK: Final = bytes((TAG,))
REFUSALS: Final = frozenset({EXCEPTION_RESPONSE, CONFIRMED_SERVICE_ERROR})

Heard = Generator[Exchange, bytes | None, bytes | None]


def is_block(apdu: bytes) -> bool:
    """Whether an APDU is one block of a transfer."""
    return apdu[:1] == MARK


class Transfer:
    """One question and its answer, either of them in blocks."""

    def __init__(self, carrier: Carrier, *, window: int = WINDOW) -> None:
        self._carrier = carrier
        self._window = 1 if carrier.numbered else window
        self._incoming = Incoming()
        self._number = 0
        """Of our last block."""
        self._idle = 0
        """Turns since something new came."""
        self._passed = 0
        """Blocks that were not the next one, one after the other."""

    def ask(self, apdu: bytes, size: int) -> Answer:
        """Send ``apdu`` in blocks of ``size`` bytes; return the answer to it, joined.

        Raises:
            MeterSilent: no answer, however often the blocks were sent.
            RemoteProtocolError: the meter takes a block again and again, or none of them.

        """
        outgoing = Outgoing(apdu, size)
        self._number = total = outgoing.next_number - 1
        window = 1
        while True:
            blocks = outgoing.window(window, self._window, self._incoming.number)
            got = yield from self._try(blocks, whole=outgoing.acknowledged + len(blocks) == total)
            if got is None:
                self._incoming.unsure = True
                self._nothing_new("no answer to a block")
                continue
            if not is_block(got):
                return got
            block = decode_block(got)
            if outgoing.confirm(block.acknowledged):
                self._idle = 0
            else:
                self._nothing_new(f"the meter does not take block {outgoing.acknowledged + 1}")
            window = 1 if self._carrier.numbered else max(1, block.window)
            if outgoing.done:
                return (yield from self.finish(got))
            self._incoming.take(block)  # an empty one, that counts all the same

    def finish(self, first: bytes) -> Answer:
        """Return the answer whose first block is ``first``, joined.

        Raises:
            MeterSilent: it does not go on, however often it was asked.
            RemoteProtocolError: there is no end, or no progress.

        """
        if self._incoming.whole is not None:
            self._incoming = Incoming()  # what came before was no answer to us
        incoming, got = self._incoming, first
        while True:
            block = decode_block(got)
            new = incoming.take(block) and bool(block.data)
            self._counted(new=new)
            if incoming.whole is not None:
                return incoming.whole
            got = yield from self._next(block, new=new)
            if not is_block(got):
                return got

    def _next(self, block: Block, *, new: bool) -> Answer:
        """Return what comes behind a block: by itself when it was streamed, else we say so."""
        if block.streaming and not self._carrier.numbered:
            heard = yield from self._heard()
            if heard is not None:
                return heard
            self._nothing_new("a block that was announced did not come")
        elif not new:
            self._nothing_new(f"block {self._incoming.number + 1} does not come")
        while True:
            self._number += 1
            told = acknowledgement(self._number, self._incoming.number, self._window)
            got = yield from self._try([told], whole=False)
            if got is not None:
                return got
            self._nothing_new("no answer to the acknowledgement of a block")

    def _try(self, blocks: list[bytes], *, whole: bool) -> Heard:
        """Send blocks and return what follows of this conversation; None: nothing did.

        ``whole``: an answer in one piece may follow.
        """
        try:
            got = yield from self._carrier.stream(blocks)
            return (yield from self._past_strays(got, whole=whole))
        except MeterSilent:
            if self._carrier.numbered:
                raise
            return None

    def _heard(self) -> Heard:
        """Return the next APDU of this conversation; None: nothing came."""
        try:
            got = yield from self._carrier.hear(wait_s=STREAM_S)
            return (yield from self._past_strays(got, whole=False))
        except MeterSilent:
            return None

    def _past_strays(self, got: bytes, *, whole: bool) -> Answer:
        """Pass over what is no part of this conversation."""
        for _ in range(STRAYS_MAX):
            if whole or is_block(got) or got[0] in REFUSALS or self._carrier.numbered:
                return got
            got = yield from self._carrier.hear(wait_s=STREAM_S)
        raise RemoteProtocolError("answer", f"{STRAYS_MAX} messages and no block among them")

    def _counted(self, *, new: bool) -> None:
        self._idle = 0 if new else self._idle
        self._passed = 0 if new else self._passed + 1
        if self._passed > PASSED_MAX:
            raise RemoteProtocolError("gbt-gap", f"block {self._incoming.number + 1} does not come")

    def _nothing_new(self, why: str) -> None:
        self._idle += 1
        if self._idle > RECOVERIES_MAX:
            raise RemoteProtocolError("gbt-gap", f"{why}, asked {RECOVERIES_MAX} times")

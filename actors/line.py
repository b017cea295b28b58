"""The serial line behind a modem: runs one transaction at a time, to its end or its deadline.

A line's actor lives only while there is something to do. It knows no protocol: a dialogue says what
to send and is told what came.
"""

from collections.abc import Callable, Generator
from typing import Any, Final, TypeVar

import trio

from actors.actor import Actor
from actors.bus import Bus, Transaction
from actors.errors import (
    ConnectionLost,
    LineBusy,
    NoSuchLine,
    TransactionDropped,
    TransactionExpired,
)
from actors.port import Port
from protocols.dialogue import Exchange
from protocols.errors import ProtocolError

T = TypeVar("T")

TRANSACTION_S_MAX: Final = 120.0
"""No transaction may hold the line longer: a dead meter must not eat the bus."""


async def converse(dialogue: Generator[Exchange, bytes | None, T], port: Port) -> T:
    """Carry a dialogue over ``port`` and return its result.

    Raises:
        ProtocolError: what the dialogue raises.
        ConnectionLost: the modem went away meanwhile.
        LineBusy, NoSuchLine: the modem does not give the line away.

    """
    try:
        step = next(dialogue)
        while True:
            step = dialogue.send(await _exchange(step, port))
    except StopIteration as end:
        result: T = end.value
        return result
    finally:
        dialogue.close()


async def _exchange(step: Exchange, port: Port) -> bytes | None:
    """Send, and return what comes first; the wait for an answer is as long as the modem needs."""
    if not step.send:
        return await port.wait_bytes(step.wait_s)
    port.write(step.send)
    sent_at = trio.current_time()
    data = await port.wait_bytes(step.wait_s + port.trips.extra_s)
    if data is not None:
        port.trips.note(trio.current_time() - sent_at)
    return data


class SerialLine(Actor):
    """Works off the bus of one modem."""

    def __init__(
        self, port: Port, bus: Bus, *, on_state: Callable[[Transaction | None], None]
    ) -> None:
        self._port = port
        self._bus = bus
        self._on_state = on_state
        self._current: Transaction | None = None

    def detail(self) -> str:
        """Return what is on the line now, for the tree."""
        return self._current.label if self._current is not None else "idle"

    async def run(self) -> None:
        """Run transactions until none waits or the connection is gone."""
        while self._port.lost_reason is None:
            transaction = self._bus.take()
            if transaction is None:
                return
            self._current = transaction
            self._on_state(transaction)
            try:
                await self._perform(transaction)
            finally:
                # A crash of ours inside a dialogue still tells who asked.
                broken = f"{transaction.label}: a fault of the head-end ended it"
                transaction.settle(None, TransactionDropped(broken))
                self._current = None
                self._on_state(None)

    async def _perform(self, transaction: Transaction) -> None:
        left_s = min(transaction.deadline - trio.current_time(), TRANSACTION_S_MAX)
        if left_s <= 0:
            transaction.settle(None, TransactionExpired(f"{transaction.label}: waited too long"))
            return
        if not transaction.wanted():
            unwanted = f"{transaction.label}: nobody waits for it any more"
            transaction.settle(None, TransactionDropped(unwanted))
            return
        self._port.begin()
        result: Any = None
        try:
            with trio.move_on_after(left_s) as scope:
                result = await converse(transaction.dialogue(), self._port)
        except (ProtocolError, ConnectionLost, LineBusy, NoSuchLine) as failure:
            transaction.settle(None, failure)
            return
        finally:
            self._port.end()
        if scope.cancelled_caught:
            late = TransactionExpired(f"{transaction.label}: no end after {left_s:.0f} s")
            transaction.settle(None, late)
        else:
            transaction.settle(result)

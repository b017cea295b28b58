"""Values and parameters that are longer than a PDU: in blocks, each a request with its answer."""

from collections.abc import Callable, Generator
from typing import Any, Final, TypeVar

from protocols.dialogue import Exchange
from protocols.dlms import apdu_action, apdu_get, apdu_set
from protocols.dlms.apdu_action import ActionBlock, ActionBlockTaken, ActionNextBlock
from protocols.dlms.apdu_get import GetBlock, GetResponse
from protocols.dlms.apdu_set import SetBlock, SetBlockResponse
from protocols.dlms.cosem import Refused
from protocols.dlms.refusals import refusal
from protocols.dlms.requester import PRIORITY, Requester
from protocols.errors import RemoteProtocolError

T = TypeVar("T")
Dialogue = Generator[Exchange, bytes | None, T]

VALUE_SIZE_MAX: Final = 1024 * 1024
"""A value in blocks may not be longer: 60 days of a wide profile have 150 KB."""
BLOCKS_MAX: Final = 16_384
"""Nor may it have more of them: of 64 bytes they make that size."""
BLOCK_HEAD_SIZE: Final = 12
"""Bytes of a request with a block that are neither names nor data."""
First = Callable[[bool, int, bytes], bytes]
"""Encodes the first block of a request: last, number, data."""


class _Joining:
    """The blocks of one value, in order."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def take(self, number: int, raw: bytes) -> None:
        """Take a block.

        Raises:
            RemoteProtocolError: it is not the next one, or there is no end.

        """
        expected = len(self._parts) + 1
        if number != expected:
            raise RemoteProtocolError("block", f"block {number}, expected {expected}")
        self._parts.append(raw)
        self._size += len(raw)
        if self._size > VALUE_SIZE_MAX or expected > BLOCKS_MAX:
            raise RemoteProtocolError("size", f"a value of more than {VALUE_SIZE_MAX} bytes")

    def joined(self) -> bytes:
        """Return what they carry."""
        return b"".join(self._parts)


def same_invoke(invoke: int) -> int:
    """Return the invoke-id-and-priority for a further request that belongs to an answer."""
    return PRIORITY | invoke & 0x0F


def got_blocks(requester: Requester, block: GetBlock) -> Dialogue[bytes | Refused]:
    """Collect a value that is read in blocks; ``block`` is the first of them."""
    joining = _Joining()
    while True:
        if block.error is not None:
            return Refused(block.error)
        joining.take(block.block, block.raw)
        if block.last:
            return joining.joined()
        request = apdu_get.GetNext(same_invoke(block.invoke), block.block)
        answer = yield from requester.service(
            apdu_get.encode_request(request), block=block.block + 1
        )
        if isinstance(answer, GetResponse) and isinstance(answer.result, Refused):
            return answer.result  # some give up in the form of a value that was asked for whole
        if not isinstance(answer, GetBlock):
            raise refusal(answer)
        block = answer


def returned_blocks(requester: Requester, block: ActionBlock) -> Dialogue[bytes]:
    """Collect what a method returns in blocks; ``block`` is the first of them."""
    joining = _Joining()
    while True:
        joining.take(block.block, block.raw)
        if block.last:
            return joining.joined()
        request = ActionNextBlock(same_invoke(block.invoke), block.block)
        answer = yield from requester.service(
            apdu_action.encode_request(request), block=block.block + 1
        )
        if not isinstance(answer, ActionBlock):
            raise refusal(answer)
        block = answer


def _cut(data: bytes, first: int, size: int) -> list[bytes]:
    rest = [data[at : at + size] for at in range(first, len(data), size)]
    return [data[:first], *rest]


def set_blocks(requester: Requester, first: First, data: bytes, names_size: int) -> Dialogue[Any]:
    """Write a value in blocks; return the answer to the last, or what came instead of one."""

    def further(invoke: int, last: bool, number: int, raw: bytes) -> bytes:
        return apdu_set.encode_request(SetBlock(invoke, last, number, raw))

    return (yield from _sent(requester, first, further, data, names_size))


def call_blocks(requester: Requester, first: First, data: bytes, names_size: int) -> Dialogue[Any]:
    """Give a method its parameter in blocks; return the answer, or what came instead of one."""

    def further(invoke: int, last: bool, number: int, raw: bytes) -> bytes:
        return apdu_action.encode_request(ActionBlock(invoke, last, number, raw))

    return (yield from _sent(requester, first, further, data, names_size))


def _sent(
    requester: Requester,
    first: First,
    further: Callable[[int, bool, int, bytes], bytes],
    data: bytes,
    names_size: int,
) -> Dialogue[Any]:
    size = max(1, (requester.request_room or len(data)) - BLOCK_HEAD_SIZE)
    pieces = _cut(data, max(1, size - names_size), size)
    request, number = first(len(pieces) == 1, 1, pieces[0]), 1
    while True:
        answer = yield from requester.service(request, block=number)
        if number == len(pieces) or not _goes_on(answer):
            return answer
        if answer.block != number:
            raise RemoteProtocolError("block", f"block {answer.block} has come, not {number}")
        number += 1
        last = number == len(pieces)
        request = further(same_invoke(answer.invoke), last, number, pieces[number - 1])


def _goes_on(answer: Any) -> bool:
    """Whether an answer says: this block has come, send the next."""
    if isinstance(answer, SetBlockResponse):
        return answer.result is None
    return isinstance(answer, ActionBlockTaken)

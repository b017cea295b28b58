"""ACTION: calling methods (IEC 62056-5-3, ACTION service)."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from protocols.dlms.axdr import decode_all
from protocols.dlms.cosem import Attribute, Result
from protocols.dlms.lengths import encode_length
from protocols.dlms.reading import Cursor
from protocols.errors import RemoteProtocolError

REQUEST: Final = 0xC3
RESPONSE: Final = 0xC7
NEXT: Final = 2


class ActionRequest(msgspec.Struct, frozen=True):
    """Call one method."""

    invoke: int
    method: Attribute
    data: bytes | None
    """Encoded A-XDR; None without parameter."""

    @property
    def parameter(self) -> Any:
        """The parameter, decoded."""
        return None if self.data is None else decode_all(self.data)


class ActionNextBlock(msgspec.Struct, frozen=True):
    """Send the next block of the answer."""

    invoke: int
    block: int


class ActionFirstBlock(msgspec.Struct, frozen=True):
    """Call one method whose parameter comes in blocks: the first of them."""

    invoke: int
    method: Attribute
    last: bool
    block: int
    raw: bytes


class ActionBlock(msgspec.Struct, frozen=True):
    """A further block of a parameter (request) or of an answer (response)."""

    invoke: int
    last: bool
    block: int
    raw: bytes
    response: bool = False


class ActionList(msgspec.Struct, frozen=True):
    """Call several methods; each has a parameter, null where it takes none."""

    invoke: int
    methods: tuple[Attribute, ...]
    data: tuple[bytes, ...]
    """Encoded A-XDR."""

    @property
    def parameters(self) -> list[Any]:
        """The parameters, decoded."""
        return [decode_all(data) for data in self.data]


class ActionListFirstBlock(msgspec.Struct, frozen=True):
    """Call several methods whose parameters come in blocks: the first of them."""

    invoke: int
    methods: tuple[Attribute, ...]
    last: bool
    block: int
    raw: bytes


class Called(msgspec.Struct, frozen=True):
    """What came of one call: 0 for done, else the reason; and what the method returned, if any."""

    result: int
    returned: bool = False
    value: Result = None


class ActionListResponse(msgspec.Struct, frozen=True):
    """What came of each call, in the order of the request."""

    invoke: int
    results: tuple[Called, ...]


class ActionResponse(msgspec.Struct, frozen=True):
    """0 for done, else the reason; and what the method returned, if anything."""

    invoke: int
    result: int
    returned: bool = False
    value: Result = None


class ActionBlockTaken(msgspec.Struct, frozen=True):
    """A block of the parameter has come."""

    invoke: int
    block: int


Request = (
    ActionRequest
    | ActionNextBlock
    | ActionFirstBlock
    | ActionBlock
    | ActionList
    | ActionListFirstBlock
)


def _decode_request(apdu: bytes) -> Any:
    cursor = Cursor(apdu, 1)
    kind, invoke = cursor.byte(), cursor.byte()
    request: Any
    if kind == 1:
        method = cursor.attribute()
        request = ActionRequest(invoke, method, cursor.value_bytes() if cursor.byte() else None)
    elif kind == 2:
        request = ActionNextBlock(invoke, cursor.number(4))
    elif kind == 3:
        methods = _methods(cursor)
        data = tuple(cursor.value_bytes() for _ in range(cursor.count()))
        request = ActionList(invoke, methods, data)
    elif kind == 4:
        method = cursor.attribute()
        last, block = bool(cursor.byte()), cursor.number(4)
        request = ActionFirstBlock(invoke, method, last, block, cursor.octets())
    elif kind == 5:
        methods = _methods(cursor)
        last, block = bool(cursor.byte()), cursor.number(4)
        request = ActionListFirstBlock(invoke, methods, last, block, cursor.octets())
    elif kind == 6:
        request = ActionBlock(invoke, bool(cursor.byte()), cursor.number(4), cursor.octets())
    else:
        raise RemoteProtocolError("choice", f"an ACTION request of kind {kind}")
    cursor.end()
    return request


def _methods(cursor: Cursor) -> tuple[Attribute, ...]:
    return tuple(cursor.attribute() for _ in range(cursor.count()))


def _decode_response(apdu: bytes) -> Any:
    cursor = Cursor(apdu, 1)
    kind, invoke = cursor.byte(), cursor.byte()
    response: Any
    if kind == 1:
        called = _called(cursor)
        response = ActionResponse(invoke, called.result, called.returned, called.value)
    elif kind == 2:
        last, block = bool(cursor.byte()), cursor.number(4)
        response = ActionBlock(invoke, last, block, cursor.octets(), response=True)
    elif kind == 3:
        called_ones = tuple(_called(cursor) for _ in range(cursor.count()))
        response = ActionListResponse(invoke, called_ones)
    elif kind == 4:
        response = ActionBlockTaken(invoke, cursor.number(4))
    else:
        raise RemoteProtocolError("choice", f"an ACTION response of kind {kind}")
    cursor.end()
    return response


def _called(cursor: Cursor) -> Called:
    result = cursor.byte()
    return Called(result, returned=True, value=cursor.result()) if cursor.byte() else Called(result)


def called_from_blocks(raw: bytes) -> Called:
    """Return what a long answer to one call says, from its joined blocks.

    They carry the answer as the short form does: result, then what was returned. Some meters leave
    the result out, since there would be no blocks without success, some the marks before the value.

    Raises:
        RemoteProtocolError: it is none of these.

    """
    for read in (_called, _marked, _returned, _bare):
        cursor = Cursor(raw)
        try:
            called = read(cursor)
        except RemoteProtocolError:
            continue
        if cursor.at == len(raw):
            return called
    raise RemoteProtocolError("block", "the joined blocks are no answer to a call")


def _marked(cursor: Cursor) -> Called:
    return _returned(cursor) if cursor.byte() == 1 else Called(0)


def _returned(cursor: Cursor) -> Called:
    return Called(0, returned=True, value=cursor.result())


def _bare(cursor: Cursor) -> Called:
    return Called(0, returned=True, value=cursor.value())


def list_from_blocks(raw: bytes) -> tuple[Called, ...]:
    """Return what a long answer to a list of calls says, from its joined blocks."""
    cursor = Cursor(raw)
    called = tuple(_called(cursor) for _ in range(cursor.count()))
    cursor.end()
    return called


def encode_request(request: Request) -> bytes:
    """Return the bytes of an ACTION request."""
    invoke = request.invoke
    match request:
        case ActionRequest(method=method, data=data):
            optional = b"\x00" if data is None else b"\x01" + data
            return bytes((REQUEST, 1, invoke)) + method.encode() + optional
        case ActionNextBlock(block=block):
            return bytes((REQUEST, 2, invoke)) + block.to_bytes(4)
        case ActionList(data=values):
            return bytes((REQUEST, 3, invoke)) + _described(request) + encode_values(values)
        case ActionFirstBlock(method=method):
            return bytes((REQUEST, 4, invoke)) + method.encode() + _block(request)
        case ActionListFirstBlock():
            return bytes((REQUEST, 5, invoke)) + _described(request) + _block(request)
        case ActionBlock():  # pragma: no branch -- no other
            return bytes((REQUEST, 6, invoke)) + _block(request)


def encode_values(values: Sequence[bytes]) -> bytes:
    """Return the parameters of a list as requests carry them, whole or cut into blocks."""
    return encode_length(len(values)) + b"".join(values)


def _described(request: ActionList | ActionListFirstBlock) -> bytes:
    methods = request.methods
    return encode_length(len(methods)) + b"".join(method.encode() for method in methods)


def _block(request: ActionFirstBlock | ActionListFirstBlock | ActionBlock) -> bytes:
    head = bytes((request.last,)) + request.block.to_bytes(4)
    return head + encode_length(len(request.raw)) + request.raw


def encode_called(result: int, value: bytes | None = None) -> bytes:
    """Return what came of one call; ``value`` comes encoded."""
    return bytes((result,)) + (b"\x00" if value is None else b"\x01\x00" + value)


def encode_response(invoke: int, result: int, value: bytes | None = None) -> bytes:
    """Return the bytes of an ACTION response; ``value`` comes encoded."""
    return bytes((RESPONSE, 1, invoke)) + encode_called(result, value)


def encode_block_response(block: ActionBlock) -> bytes:
    """Return the bytes of a block of a long answer."""
    return bytes((RESPONSE, 2, block.invoke)) + _block(block)


def encode_list_response(invoke: int, called: Sequence[bytes]) -> bytes:
    """Return the bytes of an answer to a list; the parts are those of ``encode_called``."""
    return bytes((RESPONSE, 3, invoke)) + encode_values(called)


def encode_taken(taken: ActionBlockTaken) -> bytes:
    """Return the bytes that say that a block of the parameter has come."""
    return bytes((RESPONSE, 4, taken.invoke)) + taken.block.to_bytes(4)


DECODERS: Final[dict[int, Callable[[bytes], Any]]] = {
    REQUEST: _decode_request,
    RESPONSE: _decode_response,
}

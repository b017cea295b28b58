"""SET: writing attributes (IEC 62056-5-3, SET service)."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from protocols.dlms.axdr import decode_all
from protocols.dlms.cosem import Attribute, Selection
from protocols.dlms.lengths import encode_length
from protocols.dlms.reading import Cursor
from protocols.errors import RemoteProtocolError

REQUEST: Final = 0xC1
RESPONSE: Final = 0xC5


class SetRequest(msgspec.Struct, frozen=True):
    """Write one attribute."""

    invoke: int
    attribute: Attribute
    selection: Selection | None
    data: bytes
    """Encoded A-XDR."""

    @property
    def value(self) -> Any:
        """The value to write, decoded."""
        return decode_all(self.data)


class SetFirstBlock(msgspec.Struct, frozen=True):
    """Write one attribute whose value comes in blocks: the first of them."""

    invoke: int
    attribute: Attribute
    selection: Selection | None
    last: bool
    block: int
    raw: bytes


class SetBlock(msgspec.Struct, frozen=True):
    """A further block."""

    invoke: int
    last: bool
    block: int
    raw: bytes


class SetList(msgspec.Struct, frozen=True):
    """Write several attributes."""

    invoke: int
    wanted: tuple[tuple[Attribute, Selection | None], ...]
    data: tuple[bytes, ...]


class SetListFirstBlock(msgspec.Struct, frozen=True):
    """Write several attributes whose values come in blocks: the first of them."""

    invoke: int
    wanted: tuple[tuple[Attribute, Selection | None], ...]
    last: bool
    block: int
    raw: bytes


class SetResponse(msgspec.Struct, frozen=True):
    """0 for written, else the reason (``DataAccessError``)."""

    invoke: int
    result: int


class SetBlockResponse(msgspec.Struct, frozen=True):
    """A block has come; ``result`` is there with the last one."""

    invoke: int
    block: int
    result: int | None = None


class SetListResponse(msgspec.Struct, frozen=True):
    """One result for each attribute; ``block`` is there when they came in blocks."""

    invoke: int
    results: tuple[int, ...]
    block: int | None = None


Request = SetRequest | SetFirstBlock | SetBlock | SetList | SetListFirstBlock
Response = SetResponse | SetBlockResponse | SetListResponse


def _decode_request(apdu: bytes) -> Any:
    cursor = Cursor(apdu, 1)
    kind, invoke = cursor.byte(), cursor.byte()
    request: Any
    if kind == 1:
        request = SetRequest(invoke, cursor.attribute(), cursor.selection(), cursor.value_bytes())
    elif kind == 2:
        attribute, selection = cursor.attribute(), cursor.selection()
        last, block = bool(cursor.byte()), cursor.number(4)
        request = SetFirstBlock(invoke, attribute, selection, last, block, cursor.octets())
    elif kind == 3:
        request = SetBlock(invoke, bool(cursor.byte()), cursor.number(4), cursor.octets())
    elif kind == 4:
        wanted = _wanted(cursor)
        data = [cursor.value_bytes() for _ in range(cursor.count())]
        request = SetList(invoke, wanted, tuple(data))
    elif kind == 5:
        wanted = _wanted(cursor)
        last, block = bool(cursor.byte()), cursor.number(4)
        request = SetListFirstBlock(invoke, wanted, last, block, cursor.octets())
    else:
        raise RemoteProtocolError("choice", f"a SET request of kind {kind}")
    cursor.end()
    return request


def _wanted(cursor: Cursor) -> tuple[tuple[Attribute, Selection | None], ...]:
    return tuple((cursor.attribute(), cursor.selection()) for _ in range(cursor.count()))


def _decode_response(apdu: bytes) -> Any:
    cursor = Cursor(apdu, 1)
    kind, invoke = cursor.byte(), cursor.byte()
    response: Any
    if kind == 1:
        response = SetResponse(invoke, cursor.byte())
    elif kind == 2:
        response = SetBlockResponse(invoke, cursor.number(4))
    elif kind == 3:
        result = cursor.byte()
        response = SetBlockResponse(invoke, cursor.number(4), result)
    elif kind == 4:
        results = tuple(cursor.byte() for _ in range(cursor.count()))
        response = SetListResponse(invoke, results, cursor.number(4))
    elif kind == 5:
        results = tuple(cursor.byte() for _ in range(cursor.count()))
        response = SetListResponse(invoke, results)
    else:
        raise RemoteProtocolError("choice", f"a SET response of kind {kind}")
    cursor.end()
    return response


def encode_request(request: Request) -> bytes:
    """Return the bytes of a SET request."""
    match request:
        case SetRequest(invoke=invoke, data=data):
            return bytes((REQUEST, 1, invoke)) + _described(request) + data
        case SetFirstBlock(invoke=invoke):
            return bytes((REQUEST, 2, invoke)) + _described(request) + _block(request)
        case SetBlock(invoke=invoke):
            return bytes((REQUEST, 3, invoke)) + _block(request)
        case SetList(invoke=invoke, data=values):
            return bytes((REQUEST, 4, invoke)) + _list(request) + encode_values(values)
        case SetListFirstBlock(invoke=invoke):  # pragma: no branch -- no other
            return bytes((REQUEST, 5, invoke)) + _list(request) + _block(request)


def encode_values(values: Sequence[bytes]) -> bytes:
    """Return the values of a list as requests carry them, whole or cut into blocks."""
    return encode_length(len(values)) + b"".join(values)


def _described(request: SetRequest | SetFirstBlock) -> bytes:
    return request.attribute.encode() + _selected(request.selection)


def _selected(selection: Selection | None) -> bytes:
    return b"\x00" if selection is None else b"\x01" + selection.encode()


def _list(request: SetList | SetListFirstBlock) -> bytes:
    wanted = b"".join(a.encode() + _selected(s) for a, s in request.wanted)
    return encode_length(len(request.wanted)) + wanted


def _block(request: SetFirstBlock | SetBlock | SetListFirstBlock) -> bytes:
    head = bytes((request.last,)) + request.block.to_bytes(4)
    return head + encode_length(len(request.raw)) + request.raw


def encode_response(response: Response) -> bytes:
    """Return the bytes of a SET response."""
    invoke = response.invoke
    match response:
        case SetResponse(result=result):
            return bytes((RESPONSE, 1, invoke, result))
        case SetBlockResponse(result=None, block=block):
            return bytes((RESPONSE, 2, invoke)) + block.to_bytes(4)
        case SetBlockResponse(result=result, block=block):
            return bytes((RESPONSE, 3, invoke, result or 0)) + block.to_bytes(4)
        case SetListResponse(results=results, block=None):
            return bytes((RESPONSE, 5, invoke)) + encode_length(len(results)) + bytes(results)
        case SetListResponse(results=results, block=number):  # pragma: no branch -- no other
            head = bytes((RESPONSE, 4, invoke)) + encode_length(len(results)) + bytes(results)
            return head + (number or 0).to_bytes(4)


DECODERS: Final[dict[int, Callable[[bytes], Any]]] = {
    REQUEST: _decode_request,
    RESPONSE: _decode_response,
}

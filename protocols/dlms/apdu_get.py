"""GET: reading attributes (IEC 62056-5-3, GET service)."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from protocols.dlms.cosem import Attribute, Refused, Result, Selection
from protocols.dlms.lengths import encode_length
from protocols.dlms.reading import Cursor
from protocols.errors import RemoteProtocolError

REQUEST: Final = 0xC0
RESPONSE: Final = 0xC4
NORMAL: Final = 1
NEXT: Final = 2
DATABLOCK: Final = 2
WITH_LIST: Final = 3

Wanted = tuple[Attribute, Selection | None]


class GetRequest(msgspec.Struct, frozen=True):
    """Read one attribute."""

    invoke: int
    attribute: Attribute
    selection: Selection | None = None


class GetNext(msgspec.Struct, frozen=True):
    """Send the block after ``block``."""

    invoke: int
    block: int


class GetList(msgspec.Struct, frozen=True):
    """Read several attributes."""

    invoke: int
    wanted: tuple[Wanted, ...]


class GetResponse(msgspec.Struct, frozen=True):
    """The value, or ``Refused``."""

    invoke: int
    result: Result


class GetBlock(msgspec.Struct, frozen=True):
    """One block of a value that is too long for one APDU; or the reason why there is none."""

    invoke: int
    last: bool
    block: int
    raw: bytes
    error: int | None = None


class GetListResponse(msgspec.Struct, frozen=True):
    """The values in the order of the request."""

    invoke: int
    results: tuple[Result, ...]


def _decode_request(apdu: bytes) -> GetRequest | GetNext | GetList:
    cursor = Cursor(apdu, 1)
    kind, invoke = cursor.byte(), cursor.byte()
    request: GetRequest | GetNext | GetList
    if kind == NORMAL:
        request = GetRequest(invoke, cursor.attribute(), cursor.selection())
    elif kind == NEXT:
        request = GetNext(invoke, cursor.number(4))
    elif kind == WITH_LIST:
        wanted = [(cursor.attribute(), cursor.selection()) for _ in range(cursor.count())]
        request = GetList(invoke, tuple(wanted))
    else:
        raise RemoteProtocolError("choice", f"a GET request of kind {kind}")
    cursor.end()
    return request


def _decode_response(apdu: bytes) -> GetResponse | GetBlock | GetListResponse:
    cursor = Cursor(apdu, 1)
    kind, invoke = cursor.byte(), cursor.byte()
    response: GetResponse | GetBlock | GetListResponse
    if kind == NORMAL:
        response = GetResponse(invoke, cursor.result())
    elif kind == DATABLOCK:
        response = _block(invoke, cursor)
    elif kind == WITH_LIST:
        results = [cursor.result() for _ in range(cursor.count())]
        response = GetListResponse(invoke, tuple(results))
    else:
        raise RemoteProtocolError("choice", f"a GET response of kind {kind}")
    cursor.end()
    return response


def _block(invoke: int, cursor: Cursor) -> GetBlock:
    last, block = bool(cursor.byte()), cursor.number(4)
    if cursor.byte():
        return GetBlock(invoke, last, block, b"", cursor.byte())
    return GetBlock(invoke, last, block, cursor.octets())


def _selected(selection: Selection | None) -> bytes:
    return b"\x00" if selection is None else b"\x01" + selection.encode()


def encode_request(request: GetRequest | GetNext | GetList) -> bytes:
    """Return the bytes of a GET request."""
    if isinstance(request, GetNext):
        return bytes((REQUEST, NEXT, request.invoke)) + request.block.to_bytes(4)
    if isinstance(request, GetRequest):
        head = bytes((REQUEST, NORMAL, request.invoke))
        return head + request.attribute.encode() + _selected(request.selection)
    head = bytes((REQUEST, WITH_LIST, request.invoke)) + encode_length(len(request.wanted))
    return head + b"".join(a.encode() + _selected(s) for a, s in request.wanted)


def encode_result(result: bytes | Refused) -> bytes:
    """Return a Get-Data-Result; values come encoded."""
    return bytes((1, result.code)) if isinstance(result, Refused) else b"\x00" + result


def encode_response(invoke: int, result: bytes | Refused) -> bytes:
    """Return the bytes of a normal response."""
    return bytes((RESPONSE, NORMAL, invoke)) + encode_result(result)


def encode_list_response(invoke: int, results: Sequence[bytes | Refused]) -> bytes:
    """Return the bytes of a response with list."""
    head = bytes((RESPONSE, WITH_LIST, invoke)) + encode_length(len(results))
    return head + b"".join(map(encode_result, results))


def encode_block(block: GetBlock) -> bytes:
    """Return the bytes of a response with data block."""
    head = bytes((RESPONSE, DATABLOCK, block.invoke, block.last)) + block.block.to_bytes(4)
    if block.error is not None:
        return head + bytes((1, block.error))
    return head + b"\x00" + encode_length(len(block.raw)) + block.raw


DECODERS: Final[dict[int, Callable[[bytes], Any]]] = {
    REQUEST: _decode_request,
    RESPONSE: _decode_response,
}

"""SET: writing attributes (IEC 62056-5-3, SET service)."""

from collections.abc import Callable
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
    """One result for each attribute."""

    invoke: int
    results: tuple[int, ...]


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
        wanted = [(cursor.attribute(), cursor.selection()) for _ in range(cursor.count())]
        data = [cursor.value_bytes() for _ in range(cursor.count())]
        request = SetList(invoke, tuple(wanted), tuple(data))
    else:
        raise RemoteProtocolError("choice", f"a SET request of kind {kind}")
    cursor.end()
    return request


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
    elif kind == 5:
        results = [cursor.byte() for _ in range(cursor.count())]
        response = SetListResponse(invoke, tuple(results))
    else:
        raise RemoteProtocolError("choice", f"a SET response of kind {kind}")
    cursor.end()
    return response


def encode_request(request: SetRequest | SetFirstBlock | SetBlock) -> bytes:
    """Return the bytes of a SET request."""
    if isinstance(request, SetBlock):
        head = bytes((REQUEST, 3, request.invoke, request.last)) + request.block.to_bytes(4)
        return head + encode_length(len(request.raw)) + request.raw
    selected = b"\x00" if request.selection is None else b"\x01" + request.selection.encode()
    described = request.attribute.encode() + selected
    if isinstance(request, SetRequest):
        return bytes((REQUEST, 1, request.invoke)) + described + request.data
    block = bytes((request.last,)) + request.block.to_bytes(4)
    raw = encode_length(len(request.raw)) + request.raw
    return bytes((REQUEST, 2, request.invoke)) + described + block + raw


def encode_response(response: SetResponse | SetBlockResponse) -> bytes:
    """Return the bytes of a SET response."""
    if isinstance(response, SetResponse):
        return bytes((RESPONSE, 1, response.invoke, response.result))
    if response.result is None:
        return bytes((RESPONSE, 2, response.invoke)) + response.block.to_bytes(4)
    return bytes((RESPONSE, 3, response.invoke, response.result)) + response.block.to_bytes(4)


DECODERS: Final[dict[int, Callable[[bytes], Any]]] = {
    REQUEST: _decode_request,
    RESPONSE: _decode_response,
}

"""ACTION: calling methods (IEC 62056-5-3, ACTION service)."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from protocols.dlms.axdr import decode_all
from protocols.dlms.cosem import Attribute, Result
from protocols.dlms.lengths import encode_length
from protocols.dlms.reading import Cursor
from protocols.errors import RemoteProtocolError

REQUEST: Final = 0xC3
RESPONSE: Final = 0xC7


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


def _decode_request(apdu: bytes) -> Any:
    cursor = Cursor(apdu, 1)
    kind, invoke = cursor.byte(), cursor.byte()
    request: Any
    if kind == 1:
        method = cursor.attribute()
        request = ActionRequest(invoke, method, cursor.value_bytes() if cursor.byte() else None)
    elif kind == 2:
        request = ActionNextBlock(invoke, cursor.number(4))
    elif kind == 4:
        method = cursor.attribute()
        last, block = bool(cursor.byte()), cursor.number(4)
        request = ActionFirstBlock(invoke, method, last, block, cursor.octets())
    elif kind == 6:
        request = ActionBlock(invoke, bool(cursor.byte()), cursor.number(4), cursor.octets())
    else:
        raise RemoteProtocolError("choice", f"an ACTION request of kind {kind}")
    cursor.end()
    return request


def _decode_response(apdu: bytes) -> Any:
    cursor = Cursor(apdu, 1)
    kind, invoke = cursor.byte(), cursor.byte()
    response: Any
    if kind == 1:
        result = cursor.byte()
        if cursor.byte():
            response = ActionResponse(invoke, result, returned=True, value=cursor.result())
        else:
            response = ActionResponse(invoke, result)
    elif kind == 2:
        last, block = bool(cursor.byte()), cursor.number(4)
        response = ActionBlock(invoke, last, block, cursor.octets(), response=True)
    elif kind == 4:
        response = ActionBlockTaken(invoke, cursor.number(4))
    else:
        raise RemoteProtocolError("choice", f"an ACTION response of kind {kind}")
    cursor.end()
    return response


def encode_request(request: ActionRequest | ActionFirstBlock | ActionBlock) -> bytes:
    """Return the bytes of an ACTION request."""
    if isinstance(request, ActionRequest):
        head = bytes((REQUEST, 1, request.invoke)) + request.method.encode()
        return head + (b"\x00" if request.data is None else b"\x01" + request.data)
    block = bytes((request.last,)) + request.block.to_bytes(4)
    raw = block + encode_length(len(request.raw)) + request.raw
    if isinstance(request, ActionFirstBlock):
        return bytes((REQUEST, 4, request.invoke)) + request.method.encode() + raw
    return bytes((REQUEST, 6, request.invoke)) + raw


def encode_response(invoke: int, result: int, value: bytes | None = None) -> bytes:
    """Return the bytes of an ACTION response; ``value`` comes encoded."""
    head = bytes((RESPONSE, 1, invoke, result))
    return head + (b"\x00" if value is None else b"\x01\x00" + value)


DECODERS: Final[dict[int, Callable[[bytes], Any]]] = {
    REQUEST: _decode_request,
    RESPONSE: _decode_response,
}

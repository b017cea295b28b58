"""ACCESS: reading, writing and calling in one request (IEC 62056-5-3, ACCESS service).

Layout of a request, and of a response::

    D9 | long invoke id(4) | time | count, what to do ... | count, its data ...
    DA | long invoke id(4) | time | 00, or 01 and the request | count, data ... | count, results

Each entry has one datum, null where there is none to give.
"""

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any, Final

import msgspec

from protocols.dlms.axdr import decode_all
from protocols.dlms.axdr_encode import NULL
from protocols.dlms.cosem import Attribute, Selection
from protocols.dlms.lengths import encode_length
from protocols.dlms.reading import Cursor
from protocols.errors import RemoteProtocolError

REQUEST: Final = 0xD9
RESPONSE: Final = 0xDA
ENTRIES_MAX: Final = 255
"""So many fit no PDU that a meter takes."""


class Verb(IntEnum):
    """What to do with an attribute or method."""

    GET = 1
    SET = 2
    ACTION = 3
    GET_SELECTED = 4
    SET_SELECTED = 5


SELECTED: Final = frozenset({Verb.GET_SELECTED, Verb.SET_SELECTED})


class AccessItem(msgspec.Struct, frozen=True):
    """One thing to do: with a selection the verb is one of those with selection."""

    verb: Verb
    attribute: Attribute
    selection: Selection | None = None
    data: bytes = NULL
    """Encoded A-XDR: what to write, or the parameter."""

    @property
    def value(self) -> Any:
        """The data, decoded."""
        return decode_all(self.data)


class AccessRequest(msgspec.Struct, frozen=True):
    """Do these things, in this order."""

    long_invoke_id: int
    time: bytes | None
    items: tuple[AccessItem, ...]


class Accessed(msgspec.Struct, frozen=True):
    """What came of one thing: 0 for done, else the reason; and the value, None where there is none.

    ``verb`` is the one without selection.
    """

    verb: Verb
    result: int
    value: Any


class AccessResponse(msgspec.Struct, frozen=True):
    """What came of each thing, in the order of the request."""

    long_invoke_id: int
    time: bytes | None
    results: tuple[Accessed, ...]


def _verb(cursor: Cursor, last: Verb) -> Verb:
    choice = cursor.byte()
    if not Verb.GET <= choice <= last:
        raise RemoteProtocolError("choice", f"an ACCESS entry of kind {choice}")
    return Verb(choice)


def _count(cursor: Cursor) -> int:
    count = cursor.count()
    if count > ENTRIES_MAX:
        raise RemoteProtocolError("size", f"an ACCESS list of {count} entries")
    return count


def _same_count(cursor: Cursor, count: int) -> None:
    got = _count(cursor)
    if got != count:
        raise RemoteProtocolError("access", f"an ACCESS list of {got} entries beside {count}")


def _specification(cursor: Cursor) -> AccessItem:
    verb, attribute = _verb(cursor, Verb.SET_SELECTED), cursor.attribute()
    if verb not in SELECTED:
        return AccessItem(verb, attribute)
    return AccessItem(verb, attribute, Selection(cursor.byte(), cursor.value_bytes()))


def _decode_request(apdu: bytes) -> AccessRequest:
    cursor = Cursor(apdu, 1)
    invoke, time = cursor.number(4), cursor.octets() or None
    items = [_specification(cursor) for _ in range(_count(cursor))]
    _same_count(cursor, len(items))
    whole = [msgspec.structs.replace(item, data=cursor.value_bytes()) for item in items]
    cursor.end()
    return AccessRequest(invoke, time, tuple(whole))


def _decode_response(apdu: bytes) -> AccessResponse:
    cursor = Cursor(apdu, 1)
    invoke, time = cursor.number(4), cursor.octets() or None
    if cursor.byte():
        for _ in range(_count(cursor)):
            _specification(cursor)  # our own request, sent back
    values = [cursor.value() for _ in range(_count(cursor))]
    _same_count(cursor, len(values))
    results = [Accessed(_verb(cursor, Verb.ACTION), cursor.byte(), value) for value in values]
    cursor.end()
    return AccessResponse(invoke, time, tuple(results))


def encode_request(request: AccessRequest) -> bytes:
    """Return the bytes of an ACCESS request."""
    items = request.items
    what = b"".join(map(_encode_specification, items))
    count = encode_length(len(items))
    head = _head(REQUEST, request.long_invoke_id, request.time)
    return head + count + what + count + b"".join(item.data for item in items)


def _head(tag: int, long_invoke_id: int, time: bytes | None) -> bytes:
    when = time or b""
    return bytes((tag,)) + long_invoke_id.to_bytes(4) + encode_length(len(when)) + when


def _encode_specification(item: AccessItem) -> bytes:
    selected = b"" if item.selection is None else item.selection.encode()
    return bytes((item.verb,)) + item.attribute.encode() + selected


def encode_response(
    long_invoke_id: int, time: bytes | None, results: Sequence[tuple[Verb, int, bytes]]
) -> bytes:
    """Return the bytes of an ACCESS response: verb, result and encoded value for each entry."""
    count = encode_length(len(results))
    values = b"".join(value for _, _, value in results)
    told = b"".join(bytes((verb, result)) for verb, result, _ in results)
    head = _head(RESPONSE, long_invoke_id, time)
    return head + b"\x00" + count + values + count + told


DECODERS: Final[dict[int, Callable[[bytes], Any]]] = {
    REQUEST: _decode_request,
    RESPONSE: _decode_response,
}

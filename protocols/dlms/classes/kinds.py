"""Kinds of COSEM data: how a typed value becomes A-XDR, and how what a meter sent becomes typed.

A kind judges what was decoded (``protocols.dlms.axdr``): the wrong type, a number out of range or a
structure of the wrong size is a ``RemoteProtocolError``. What we want to send and cannot be sent is
a ``LocalProtocolError``.
"""

from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any, Final, Generic, NoReturn, TypeVar

import msgspec

from protocols.dlms import axdr_encode as ax
from protocols.dlms.axdr import BitString
from protocols.dlms.cosem import OBIS_SIZE
from protocols.errors import LocalProtocolError, RemoteProtocolError

T = TypeVar("T")
N = TypeVar("N", bound=tuple[Any, ...])
E = TypeVar("E", bound=IntEnum)


class Kind(msgspec.Struct, Generic[T], frozen=True):
    """One kind of data."""

    encode: Callable[[T], bytes]
    decode: Callable[[Any], T]
    """From a value as ``axdr.decode`` returns it."""


def wrong(value: Any, expected: str) -> NoReturn:
    """Refuse what a meter sent.

    Raises:
        RemoteProtocolError: always.

    """
    shown = repr(value)[:60]
    raise RemoteProtocolError("value", f"{shown} where {expected} belongs")


def impossible(value: Any, expected: str) -> NoReturn:
    """Refuse to send.

    Raises:
        LocalProtocolError: always.

    """
    raise LocalProtocolError("value", f"{value!r} is not {expected}"[:200])


def _number(pack: Callable[[int], bytes], low: int, high: int) -> Kind[int]:
    name = f"a whole number from {low} to {high}"

    def is_one(value: Any) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high

    return Kind(
        lambda value: pack(value) if is_one(value) else impossible(value, name),
        lambda value: int(value) if is_one(value) else wrong(value, name),
    )


U8: Final = _number(ax.u8, 0, 0xFF)
U16: Final = _number(ax.u16, 0, 0xFFFF)
U32: Final = _number(ax.u32, 0, 0xFFFF_FFFF)
I8: Final = _number(ax.i8, -0x80, 0x7F)
I16: Final = _number(ax.i16, -0x8000, 0x7FFF)
ENUM: Final = _number(ax.enum, 0, 0xFF)
"""An enumeration of which makers have values of their own."""
ZERO: Final = ax.i8(0)
"""What methods take that need no parameter: integer(0)."""


def enum_of(members: type[E]) -> Kind[E]:
    """Return the kind of an enumeration that has these members and no others."""

    def decode(value: Any) -> E:
        try:
            return members(ENUM.decode(value))
        except ValueError:
            wrong(value, f"a {members.__name__}")

    return Kind(ax.enum, decode)


def words(member: IntEnum) -> str:
    """Return a member's name as it is shown: ``ready-for-reconnection``."""
    return member.name.lower().replace("_", "-")


def named(members: type[IntEnum], value: int) -> str:
    """Return the name of a number in an enumeration; the number itself when it has none."""
    try:
        return words(members(value))
    except ValueError:
        return str(value)


def _boolean(value: Any) -> bool:
    return value if isinstance(value, bool) else wrong(value, "a boolean")


def _octets(value: Any) -> bytes:
    return value if isinstance(value, bytes) else wrong(value, "an octet-string")


def _bits(value: Any) -> str:
    return str(value) if isinstance(value, BitString) else wrong(value, "a bit-string")


def _text(value: Any) -> str:
    """Return a visible-string, or the octet-string that some meters send in its place."""
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if isinstance(value, BitString) or not isinstance(value, str):
        wrong(value, "a text")
    return value


def _encode_text(value: str) -> bytes:
    try:
        return ax.octets(value.encode("latin-1"))
    except UnicodeEncodeError:
        impossible(value, "a text of latin letters")


BOOLEAN: Final = Kind(ax.boolean, _boolean)
OCTETS: Final = Kind(ax.octets, _octets)
BITS: Final = Kind(ax.bits, _bits)
TEXT: Final = Kind(_encode_text, _text)
"""A text in an octet-string."""
VISIBLE: Final = Kind(ax.visible, _text)


def octets_of(size: int, name: str) -> Kind[bytes]:
    """Return the kind of octet-strings of one size."""
    return Kind(
        lambda value: ax.octets(value) if len(value) == size else impossible(value, name),
        lambda value: value if len(_octets(value)) == size else wrong(value, name),
    )


OBIS: Final = octets_of(OBIS_SIZE, "a logical name")
RAW: Final = Kind[Any](lambda value: ax.NULL if value is None else value, lambda value: value)
"""Of a type that depends on another object: encoded already on its way out, as it is when read."""


def structure_of(make: Callable[..., N], *kinds: Kind[Any], more: bool = False) -> Kind[N]:
    """Return the kind of a structure with these elements; ``make`` is a NamedTuple.

    ``more``: newer versions of the class have further elements behind them, which are left out.
    """
    count = len(kinds)

    def decode(value: Any) -> N:
        if not isinstance(value, list | tuple) or len(value) < count:
            wrong(value, f"a structure of {count}")
        if len(value) > count and not more:
            wrong(value, f"a structure of {count}")
        return make(*(kind.decode(part) for kind, part in zip(kinds, value, strict=False)))

    def encode(value: N) -> bytes:
        parts = zip(kinds, value, strict=True)
        return ax.structure(*(kind.encode(part) for kind, part in parts))

    return Kind(encode, decode)


def array_of(kind: Kind[T]) -> Kind[tuple[T, ...]]:
    """Return the kind of an array; empty where a meter sends nothing at all."""

    def decode(value: Any) -> tuple[T, ...]:
        if value is None:
            return ()
        if not isinstance(value, list | tuple):
            wrong(value, "an array")
        return tuple(kind.decode(part) for part in value)

    def encode(value: Sequence[T]) -> bytes:
        return ax.array(*(kind.encode(part) for part in value))

    return Kind(encode, decode)

"""A-XDR data of COSEM: typed values to bytes.

A Python int does not say whether it is an unsigned or a long, so each type has a function.
Sequences take parts that are encoded: ``structure(u16(8), octets(obis), i8(2))``.
"""

from struct import Struct
from typing import Final

from protocols.dlms.lengths import encode_length

NULL: Final = b"\x00"
_I8: Final = Struct(">Bb").pack
_I16: Final = Struct(">Bh").pack
_I32: Final = Struct(">Bi").pack
_I64: Final = Struct(">Bq").pack
_U16: Final = Struct(">BH").pack
_U32: Final = Struct(">BI").pack
_U64: Final = Struct(">BQ").pack
_F32: Final = Struct(">Bf").pack
_F64: Final = Struct(">Bd").pack


def boolean(value: bool) -> bytes:
    """Encode tag 3."""
    return b"\x03\x01" if value else b"\x03\x00"


def i8(value: int) -> bytes:
    """Encode tag 15, integer."""
    return _I8(15, value)


def i16(value: int) -> bytes:
    """Encode tag 16, long."""
    return _I16(16, value)


def i32(value: int) -> bytes:
    """Encode tag 5, double-long."""
    return _I32(5, value)


def i64(value: int) -> bytes:
    """Encode tag 20, long64."""
    return _I64(20, value)


def u8(value: int) -> bytes:
    """Encode tag 17, unsigned."""
    return bytes((17, value))


def u16(value: int) -> bytes:
    """Encode tag 18, long-unsigned."""
    return _U16(18, value)


def u32(value: int) -> bytes:
    """Encode tag 6, double-long-unsigned."""
    return _U32(6, value)


def u64(value: int) -> bytes:
    """Encode tag 21, long64-unsigned."""
    return _U64(21, value)


def enum(value: int) -> bytes:
    """Encode tag 22."""
    return bytes((22, value))


def f32(value: float) -> bytes:
    """Encode tag 23."""
    return _F32(23, value)


def f64(value: float) -> bytes:
    """Encode tag 24."""
    return _F64(24, value)


def octets(value: bytes) -> bytes:
    """Encode tag 9, octet-string."""
    return b"\x09" + encode_length(len(value)) + value


def visible(value: str) -> bytes:
    """Encode tag 10, visible-string."""
    raw = value.encode("latin-1")
    return b"\x0a" + encode_length(len(raw)) + raw


def utf8(value: str) -> bytes:
    """Encode tag 12, utf8-string."""
    raw = value.encode()
    return b"\x0c" + encode_length(len(raw)) + raw


def bits(value: str) -> bytes:
    """Encode tag 4, bit-string, from text of 0 and 1."""
    padded = value + "0" * (-len(value) % 8)
    raw = int(padded, 2).to_bytes(len(padded) // 8) if padded else b""
    return b"\x04" + encode_length(len(value)) + raw


def compact_array(description: bytes, *elements: bytes) -> bytes:
    """Encode tag 19: the type of all elements once, then their contents without tags."""
    contents = b"".join(elements)
    return b"\x13" + description + encode_length(len(contents)) + contents


def array(*parts: bytes) -> bytes:
    """Encode tag 1."""
    return b"\x01" + encode_length(len(parts)) + b"".join(parts)


def structure(*parts: bytes) -> bytes:
    """Encode tag 2."""
    return b"\x02" + encode_length(len(parts)) + b"".join(parts)

"""The payloads of HML/1 that are no mere tagged values: records, alarms, parts of firmware."""

import struct
from typing import Final

import msgspec

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.hml1.kinds import PipeTag
from protocols.hml1.tlv import encode_tlv

NUMBER: Final = struct.Struct(">Q")
RECORD_MIDDLE: Final = struct.Struct(">BBIBH")
ALARM_HEAD: Final = struct.Struct(">IBB")
PULL: Final = struct.Struct(">IH")
OFFSET: Final = struct.Struct(">I")
LABEL_SIZE_MAX: Final = 255


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One answer of a meter, as a modem stored it."""

    number: int
    meter: str
    protocol: int
    kind: int = 0
    utc_s: int
    clock_quality: int
    label: bytes = b""
    data: bytes


class Alarm(msgspec.Struct, frozen=True, kw_only=True):
    """Something that cannot wait for the next collection."""

    utc_s: int
    clock_quality: int
    code: int
    meter: str


class PipeSettings(msgspec.Struct, frozen=True):
    """How the modem is to use a serial port while a pipe is open."""

    baud: int = 9600
    framing: str = "8N1"
    answer_ms: int = 5000
    """Without a byte for so long the modem says that the meter is silent."""
    gap_ms: int = 50
    """A pause that ends a chunk on its way up."""


def encode_record(record: Record) -> bytes:
    """Return the payload of a RECORD.

    Raises:
        LocalProtocolError: the name of the meter is too long.

    """
    name = record.meter.encode("ascii", "replace")
    if len(name) > 255:
        raise LocalProtocolError("size", f"the name of the meter has {len(name)} bytes")
    middle = RECORD_MIDDLE.pack(
        record.protocol, record.kind, record.utc_s, record.clock_quality, len(record.label)
    )
    head = NUMBER.pack(record.number) + bytes((len(name),)) + name
    return head + middle + record.label + record.data


def decode_record(payload: bytes) -> Record:
    """Return the record.

    Raises:
        RemoteProtocolError: it is not whole, names its meter unreadably, or has a label too long.

    """
    _need(payload, NUMBER.size + 1)
    name_end = NUMBER.size + 1 + payload[NUMBER.size]
    label_at = name_end + RECORD_MIDDLE.size
    _need(payload, label_at)
    protocol, kind, utc_s, quality, size = RECORD_MIDDLE.unpack_from(payload, name_end)
    _need(payload, label_at + size)
    if size > LABEL_SIZE_MAX:
        raise RemoteProtocolError("size", f"label of {size} bytes, at most {LABEL_SIZE_MAX}")
    return Record(
        number=NUMBER.unpack_from(payload)[0],
        meter=_name(payload[NUMBER.size + 1 : name_end]),
        protocol=protocol,
        kind=kind,
        utc_s=utc_s,
        clock_quality=quality,
        label=payload[label_at : label_at + size],
        data=payload[label_at + size :],
    )


def encode_number(number: int) -> bytes:
    """Return the payload of a RECORD_ACK."""
    return NUMBER.pack(number)


def decode_number(payload: bytes) -> int:
    """Return the number of a RECORD_ACK.

    Raises:
        RemoteProtocolError: it is none.

    """
    _need(payload, NUMBER.size)
    return int.from_bytes(payload[: NUMBER.size])


def encode_alarm(alarm: Alarm) -> bytes:
    """Return the payload of an ALARM."""
    head = ALARM_HEAD.pack(alarm.utc_s, alarm.clock_quality, alarm.code)
    return head + alarm.meter.encode("ascii", "replace")


def decode_alarm(payload: bytes) -> Alarm:
    """Return the alarm.

    Raises:
        RemoteProtocolError: it is not whole, or names its meter unreadably.

    """
    _need(payload, ALARM_HEAD.size)
    utc_s, quality, code = ALARM_HEAD.unpack_from(payload)
    meter = _name(payload[ALARM_HEAD.size :])
    return Alarm(utc_s=utc_s, clock_quality=quality, code=code, meter=meter)


def encode_pull(offset: int, size: int) -> bytes:
    """Return the payload of a FW_PULL."""
    return PULL.pack(offset, size)


def decode_pull(payload: bytes) -> tuple[int, int]:
    """Return offset and size that a modem asks for.

    Raises:
        RemoteProtocolError: they are not whole.

    """
    _need(payload, PULL.size)
    offset, size = PULL.unpack_from(payload)
    return offset, size


def encode_part(offset: int, data: bytes) -> bytes:
    """Return the payload of a FW_DATA."""
    return OFFSET.pack(offset) + data


def decode_part(payload: bytes) -> tuple[int, bytes]:
    """Return offset and bytes of a part of firmware.

    Raises:
        RemoteProtocolError: it is not whole.

    """
    _need(payload, OFFSET.size)
    return int.from_bytes(payload[:4]), payload[4:]


def encode_pipe(settings: PipeSettings) -> bytes:
    """Return the payload of a PIPE_OPEN."""
    return encode_tlv(
        {
            PipeTag.BAUD: settings.baud.to_bytes(4),
            PipeTag.FRAMING: settings.framing.encode("ascii"),
            PipeTag.ANSWER_MS: settings.answer_ms.to_bytes(2),
            PipeTag.GAP_MS: settings.gap_ms.to_bytes(2),
        }
    )


def _need(payload: bytes, size: int) -> None:
    if len(payload) < size:
        raise RemoteProtocolError("truncated", f"payload of {len(payload)} bytes, need {size}")


def _name(raw: bytes) -> str:
    text = raw.decode("latin-1")
    if not raw.isascii() or not text.isprintable() or len(raw) > 64:
        raise RemoteProtocolError("meter", f"{raw[:64].hex()} is no name of a meter")
    return text

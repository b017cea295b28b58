"""An engineer's translator of HML/1."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from protocols.capture import captured_chunks
from protocols.errors import ProtocolError, RemoteProtocolError
from protocols.hml1 import frame as hml1, messages, tlv
from protocols.hml1.handshake import SIGNATURE_SIZE, is_same, signature
from protocols.hml1.kinds import ALARM_CODES, Kind
from protocols.links.classify import classify

TRANSLATES: Final = ("hml1",)
TAGGED: Final = frozenset(
    {Kind.HELLO, Kind.WELCOME, Kind.AUTH, Kind.PIPE_OPEN, Kind.CFG_GET, Kind.CFG_VALUE,
     Kind.CFG_SET, Kind.CFG_RESULT, Kind.FW_OFFER, Kind.FW_STATUS}
)  # fmt: skip


def translate(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the frames in ``request`` say; never raises.

    With ``session_key`` in the request signatures are checked.
    """
    try:
        key = _key(request.get("session_key"))
        reader = hml1.FrameReader()
        frames = [frame for chunk in captured_chunks(request) for frame in reader.feed(chunk)]
        frames += reader.idle()
        if not frames:
            raise _nothing(reader)
        shown = [_shown(frame, key) for frame in frames]
    except ProtocolError as problem:
        return {"ok": False, "valid": False, "error": problem.category, "detail": str(problem)}
    return {"ok": True, "valid": True, "decoded": shown} | shown[0]


def _key(told: Any) -> bytes:
    try:
        return bytes.fromhex(told) if told else b""
    except (ValueError, TypeError):
        raise RemoteProtocolError("hex", "the session key is not hex") from None


def _nothing(reader: hml1.FrameReader) -> RemoteProtocolError:
    if reader.bad_frames:
        return RemoteProtocolError("checksum", "no good frame: a CRC-32 is wrong")
    return RemoteProtocolError("framing", "no frame: no head with a good check, or not whole")


def _shown(frame: hml1.Frame, key: bytes) -> dict[str, Any]:
    payload = frame.payload
    shown: dict[str, Any] = {
        "type": Kind(frame.kind).name if frame.kind in set(Kind) else f"{frame.kind:02X}",
        "channel": frame.channel,
        "flags": frame.flags,
        "seq": frame.seq,
        "ack": frame.ack,
        "payload": payload.hex(),
        "sniff": classify(hml1.encode_frame(frame)),
    }
    if frame.flags & hml1.SIGNED:
        payload, told = payload[:-SIGNATURE_SIZE], payload[-SIGNATURE_SIZE:]
        right = signature(key, hml1.encode_head(frame), payload)
        shown |= {"signature": told.hex(), "signature_ok": is_same(told, right) if key else None}
    try:
        return shown | _payload(frame.kind, payload)
    except RemoteProtocolError as problem:
        return shown | {"problem": str(problem)}


def _payload(kind: int, payload: bytes) -> dict[str, Any]:
    if kind in TAGGED:
        return {"tlv": {str(tag): value.hex() for tag, value in tlv.decode_tlv(payload).items()}}
    show = _SHOWN.get(kind)
    return {} if show is None else show(payload)


def _record(record: messages.Record) -> dict[str, Any]:
    return {
        "no": record.number,
        "meter": record.meter,
        "proto": record.protocol,
        "kind": record.kind,
        "at": record.utc_s,
        "clock": record.clock_quality,
        "label": record.label.hex(),
        "data": record.data.hex(),
    }


def _alarm(alarm: messages.Alarm) -> dict[str, Any]:
    return {
        "at": alarm.utc_s,
        "clock": alarm.clock_quality,
        "code": alarm.code,
        "means": ALARM_CODES.get(alarm.code),
        "meter": alarm.meter,
    }


def _pull(payload: bytes) -> dict[str, Any]:
    offset, size = messages.decode_pull(payload)
    return {"offset": offset, "size": size}


def _part(payload: bytes) -> dict[str, Any]:
    offset, data = messages.decode_part(payload)
    return {"offset": offset, "data": data.hex()}


_SHOWN: Final[dict[int, Callable[[bytes], dict[str, Any]]]] = {
    Kind.RECORD: lambda payload: {"record": _record(messages.decode_record(payload))},
    Kind.RECORD_ACK: lambda payload: {"no": messages.decode_number(payload)},
    Kind.ALARM: lambda payload: {"alarm": _alarm(messages.decode_alarm(payload))},
    Kind.FW_PULL: _pull,
    Kind.FW_DATA: _part,
}

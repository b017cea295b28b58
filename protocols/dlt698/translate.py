"""An engineer's translator of DL/T 698.45: frames and link management."""

from collections.abc import Mapping
from typing import Any, Final

from protocols.capture import captured_chunks
from protocols.dlt698 import forward, link_layer as layer
from protocols.dlt698.frame import FRAGMENT, PRIMARY, SCRAMBLED, Frame, FrameReader, encode_frame
from protocols.errors import ProtocolError, RemoteProtocolError
from protocols.links.classify import classify, refusal

TRANSLATES: Final = ("dlt698.45", "dlt698")
KINDS: Final = ("login", "heartbeat", "logout")


def translate(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the frames in ``request`` say; never raises."""
    try:
        chunks = captured_chunks(request)
        reader = FrameReader()
        frames = [frame for chunk in chunks for frame in reader.feed(chunk)]
        frames += reader.idle()
        if not frames:
            raise _nothing(reader)
    except ProtocolError as problem:
        return refusal(problem, request)
    shown = [_shown(frame) for frame in frames]
    return {"ok": True, "valid": True, "decoded": shown} | shown[0]


def _nothing(reader: FrameReader) -> RemoteProtocolError:
    if reader.bad_checksums:
        return RemoteProtocolError("checksum", "no good frame: a check or end mark is wrong")
    return RemoteProtocolError("framing", "no whole frame")


def _shown(frame: Frame) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "func": frame.function,
        "dir_up": frame.from_terminal,
        "prm": bool(frame.control & PRIMARY),
        "fragment": bool(frame.control & FRAGMENT),
        "scrambled": bool(frame.control & SCRAMBLED),
        "sa": frame.address,
        "ca": frame.client,
        "apdu": frame.apdu.hex(),
        "sniff": classify(encode_frame(frame)),
    }
    try:
        return shown | _apdu(frame)
    except RemoteProtocolError as problem:
        return shown | {"problem": str(problem)}


def _apdu(frame: Frame) -> dict[str, Any]:
    if frame.apdu[:2] == forward.REQUEST:
        return {"forwarded": forward.decode_request(frame.apdu).hex()}
    if frame.apdu[:2] == forward.RESPONSE:
        return {"forwarded": forward.decode_answer(frame.apdu).hex()}
    if frame.function != 1:
        return {}
    if frame.apdu[:1] == b"\x81":
        return _response(layer.decode_response(frame.apdu))
    return _request(layer.decode_request(frame.apdu))


def _request(request: layer.LinkRequest) -> dict[str, Any]:
    return {
        "link": KINDS[request.kind],
        "piid": request.piid,
        "heartbeat_s": request.heartbeat_s,
        "at": _time(request.raw_time),
    }


def _response(response: layer.LinkResponse) -> dict[str, Any]:
    return {
        "link": "response",
        "piid": response.piid,
        "result": response.result,
        "clock_trusted": response.clock_trusted,
        "req_at": _time(response.requested),
        "recv_at": _time(response.received),
        "send_at": _time(response.sent),
    }


def _time(raw: bytes) -> str | None:
    at = layer.decode_time(raw)
    return None if at is None else at.isoformat(" ", "milliseconds")

"""An engineer's translator of Q/GDW 376.1."""

from collections.abc import Mapping
from typing import Any, Final

from protocols.capture import captured_chunks
from protocols.errors import ProtocolError, RemoteProtocolError
from protocols.gdw376 import link_layer
from protocols.gdw376.frame import PRIMARY, UP, Frame, FrameReader, encode_frame
from protocols.links.classify import classify, refusal

TRANSLATES: Final = ("q/gdw-376.1", "gdw376")


def translate(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the frames in ``request`` say; never raises."""
    try:
        chunks = captured_chunks(request)
        frames, reader = _read(chunks)
        if not frames:
            raise _nothing(reader)
    except ProtocolError as problem:
        return refusal(problem, request)
    shown = [_shown(frame) for frame in frames]
    return {"ok": True, "valid": True, "decoded": shown} | shown[0]


def _read(chunks: list[bytes]) -> tuple[list[Frame], FrameReader]:
    reader = FrameReader()
    frames = [frame for chunk in chunks for frame in reader.feed(chunk)]
    return frames + reader.idle(), reader


def _nothing(reader: FrameReader) -> RemoteProtocolError:
    if reader.bad_checksums:
        return RemoteProtocolError("checksum", "no good frame: a checksum or end mark is wrong")
    return RemoteProtocolError("framing", "no whole frame")


def _shown(frame: Frame) -> dict[str, Any]:
    named = link_layer.functions(frame.data)
    shown: dict[str, Any] = {
        "addr": frame.terminal,
        "msa": frame.address[4],
        "afn": frame.afn,
        "fn": named[0] if named else None,
        "pseq": frame.seq & 0x0F,
        "con": frame.wants_confirm,
        "up": frame.up,
        "prm": bool(frame.control & PRIMARY),
        "func": frame.control & 0x0F,
        "data": frame.data.hex(),
        "sniff": classify(encode_frame(frame)),
    }
    if frame.control & UP and frame.control & PRIMARY and frame.wants_confirm:
        shown["answer"] = encode_frame(link_layer.confirmation(frame)).hex()
        shown["answer_each"] = encode_frame(link_layer.confirmation(frame, each=True)).hex()
    if frame.afn == link_layer.AFN_FORWARD:
        shown |= _forwarded(frame)
    return shown


def _forwarded(frame: Frame) -> dict[str, Any]:
    read = link_layer.forwarded_answer if frame.up else link_layer.forwarded_request
    try:
        return {"forwarded": read(frame).hex()}
    except RemoteProtocolError as problem:
        return {"forwarded": None, "problem": str(problem)}

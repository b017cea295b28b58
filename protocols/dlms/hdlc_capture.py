"""Strict reading of a whole HDLC capture: what a live line forgives is an error here."""

from collections.abc import Iterable

from protocols.dlms.hdlc import FLAG, FORMAT, SHORTEST, HdlcFrame, Kind, decode_body
from protocols.dlms.llc import strip_llc
from protocols.errors import RemoteProtocolError


def read_capture(capture: bytes) -> list[HdlcFrame]:
    """Return the frames of ``capture``; bytes before a frame that cannot begin one are skipped.

    Raises:
        RemoteProtocolError: a frame is damaged or incomplete, or there is none.

    """
    frames: list[HdlcFrame] = []
    at = 0
    while at + 2 < len(capture):
        if capture[at] != FLAG or capture[at + 1] & 0xF0 != FORMAT:
            at += 1
            continue
        length = (capture[at + 1] & 7) << 8 | capture[at + 2]
        if length < SHORTEST:
            at += 1
            continue
        end = at + 1 + length
        if end >= len(capture):
            raise RemoteProtocolError(
                "truncated", f"a frame of {length} bytes, but {len(capture) - at - 1} are left"
            )
        if capture[end] != FLAG:
            raise RemoteProtocolError("format", f"no flag after the frame at byte {at}")
        frames.append(decode_body(capture[at + 1 : end]))
        at = end
    if not frames:
        raise RemoteProtocolError("truncated", "no HDLC frame in it")
    return frames


def join_information(frames: Iterable[HdlcFrame]) -> list[bytes]:
    """Return the messages in ``frames``: segments joined, LLC header taken off.

    Raises:
        RemoteProtocolError: ``truncated`` when the last segment is missing.

    """
    messages: list[bytes] = []
    parts = b""
    open_segment = False
    for frame in frames:
        if not frame.information:
            continue
        if frame.kind not in {Kind.I, Kind.UI}:
            messages.append(frame.information)
            continue
        parts += frame.information
        open_segment = frame.segmented
        if not open_segment:
            messages.append(strip_llc(parts))
            parts = b""
    if open_segment:
        raise RemoteProtocolError("truncated", "segmented frame without end")
    return messages

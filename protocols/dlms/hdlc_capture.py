"""Strict reading of a whole HDLC capture: what a live line forgives is an error here."""

from collections.abc import Iterable

from protocols.dlms.hdlc import (
    FLAG,
    FORMAT,
    HEADER_SIZE_MAX,
    LENGTH_MAX,
    SHORTEST,
    HdlcFrame,
    Kind,
    decode_body,
    may_be_header,
)
from protocols.dlms.hdlc_limits import PARAMETERS
from protocols.dlms.llc import strip_llc
from protocols.errors import RemoteProtocolError


def read_capture(capture: bytes) -> list[HdlcFrame]:
    """Return the frames of ``capture``; noise around them is skipped.

    Noise is what cannot begin a frame, or looks like it by chance: its header has a wrong check and
    no flag stands where the length says.

    Raises:
        RemoteProtocolError: a frame is damaged or incomplete, or there is none.

    """
    frames: list[HdlcFrame] = []
    doubt: RemoteProtocolError | None = None
    at = 0
    while (at := _next_start(capture, at)) < len(capture):
        try:
            frame, end = _frame_at(capture, at)
        except _NoFrameError as no_frame:
            doubt = doubt or no_frame.reason
            at += 1
            continue
        frames.append(frame)
        at = end
    if not frames:
        raise doubt or RemoteProtocolError("truncated", "no HDLC frame in it")
    return frames


class _NoFrameError(Exception):
    """What looked like a frame may as well be noise."""

    def __init__(self, reason: RemoteProtocolError) -> None:
        super().__init__(str(reason))
        self.reason = reason


def _next_start(capture: bytes, at: int) -> int:
    """Return where a frame may begin, at ``at`` or later; the end when nowhere."""
    while (at := capture.find(FLAG, at)) >= 0:
        if at + 1 < len(capture) and capture[at + 1] & 0xF0 == FORMAT:
            return at
        at += 1
    return len(capture)


def _frame_at(capture: bytes, at: int) -> tuple[HdlcFrame, int]:
    """Return the frame that begins at ``at`` and the index of its closing flag.

    Raises:
        RemoteProtocolError: it is surely a frame, and damaged or incomplete.
        _NoFrameError: it may be none.

    """
    length = int.from_bytes(capture[at + 1 : at + 3]) & LENGTH_MAX
    end = at + 1 + length
    if end < len(capture) and capture[end] == FLAG and length >= SHORTEST:
        return decode_body(capture[at + 1 : end]), end
    if end < len(capture):
        problem = RemoteProtocolError("format", f"no flag after the frame at byte {at}")
    else:
        left = len(capture) - at - 1
        problem = RemoteProtocolError("truncated", f"a frame of {length} bytes, {left} are left")
    if length < SHORTEST or not may_be_header(capture[at + 1 : at + 1 + HEADER_SIZE_MAX]):
        raise _NoFrameError(problem)
    raise problem


def join_information(frames: Iterable[HdlcFrame]) -> list[bytes]:
    """Return the messages in ``frames``: segments joined, LLC header taken off.

    Raises:
        RemoteProtocolError: ``truncated`` when the last segment is missing.

    """
    messages: list[bytes] = []
    parts = b""
    open_segment = False
    before: HdlcFrame | None = None
    for frame in frames:
        if not frame.information or (open_segment and frame == before and frame.kind is Kind.I):
            continue  # a numbered segment that was sent twice
        if frame.kind not in {Kind.I, Kind.UI}:
            if frame.information.startswith(PARAMETERS):
                messages.append(frame.information)
            continue
        before = frame
        parts += frame.information
        open_segment = frame.segmented
        if not open_segment:
            messages.append(strip_llc(parts))
            parts = b""
    if open_segment:
        raise RemoteProtocolError("truncated", "segmented frame without end")
    return messages

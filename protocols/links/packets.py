"""Data whose packets were each given a text by the modem: the text out, frames as they were.

A long frame travels in several packets, so the text may stand inside it; but a frame may also hold
the same bytes by itself, as a meter's serial number. The check of the frame decides; where there is
none, what follows the frame does.
"""

from protocols.dlms.fcs import fcs16
from protocols.links.boundary import HDLC_FLAG, frame_size

Cut = tuple[bytes, bytes]
"""The frame, and what stands behind it."""


def cut_frame(data: bytes, size: int, text: bytes, *, ended: bool = False) -> Cut | None:
    """Return the frame of ``size`` bytes that ``data`` begins with; None when more must come.

    ``ended``: nothing more came for a moment, so what there is must do.
    """
    as_it_is = (data[:size], data[size:]) if len(data) >= size else None
    joined = _joined(data, size, text, ended=ended)
    if as_it_is is None or as_it_is == joined:
        return joined
    if data[0] == HDLC_FLAG:
        if _is_good(as_it_is[0]):
            return as_it_is
        if joined is not None:
            return joined if _is_good(joined[0]) else as_it_is
        return as_it_is if ended else None
    behind = as_it_is[1]
    if (ended and not behind) or (behind and _is_boundary(behind, text)):
        return as_it_is
    return joined


def tail_size(data: bytes, text: bytes) -> int:
    """Return how many bytes at the end of ``data`` are a beginning of ``text``, not all of it."""
    for size in range(min(len(text) - 1, len(data)), 0, -1):
        if data.endswith(text[:size]):
            return size
    return 0


def _joined(data: bytes, size: int, text: bytes, *, ended: bool) -> Cut | None:
    """Return the frame without the texts inside it; None when it is not complete."""
    frame = b""
    while True:
        before, found, data = data.partition(text)
        missing = size - len(frame)
        solid = len(before) if found or ended else len(before) - tail_size(before, text)
        if solid >= missing:
            return frame + before[:missing], before[missing:] + found + data
        if not found:
            return None
        frame += before


def _is_good(frame: bytes) -> bool:
    """Whether the flags and the check of an HDLC frame are right."""
    return frame[-1] == HDLC_FLAG and fcs16(frame[1:-3]) == int.from_bytes(frame[-3:-1], "little")


def _is_boundary(rest: bytes, text: bytes) -> bool:
    """Whether a frame may end in front of ``rest``."""
    return text.startswith(rest[: len(text)]) or frame_size(rest) is not None

"""Wired M-Bus long frames that carry DLMS messages (EN 13757-2), as some customer ports send them.

Layout::

    68 | L | L | 68 | C | A | CI | [source, destination] | data | sum | 16

The low four bits of CI count the pieces of a message; bit 4 marks the last.
"""

from collections.abc import Iterator
from itertools import accumulate
from typing import Final

from protocols.errors import RemoteProtocolError

START: Final = 0x68
STOP: Final = 0x16
HEADER_SIZE: Final = 5
"""C, A, CI, source and destination service access point."""
LAST: Final = 0x10
HEAD_SIZE: Final = 4
TAIL_SIZE: Final = 2
"""Sum and stop."""
FRAME_SIZE_MAX: Final = HEAD_SIZE + 0xFF + TAIL_SIZE


def read_capture(capture: bytes) -> list[bytes]:
    """Return the messages of a whole capture, pieces joined; noise around the frames is skipped.

    Raises:
        RemoteProtocolError: a frame is damaged, a piece or the last frame's end is missing.

    """
    messages: list[bytes] = []
    parts = b""
    expected = 0
    for body in _frames(capture):
        number = body[2] & 0x0F
        if number != expected:
            raise RemoteProtocolError("mbus-gap", f"piece {number}, expected {expected}")
        parts += body[HEADER_SIZE:]
        expected = (expected + 1) & 0x0F
        if body[2] & LAST:
            messages.append(parts)
            parts, expected = b"", 0
    if parts or not messages:
        raise RemoteProtocolError("truncated", "the last piece of the message is missing")
    return messages


def _frames(capture: bytes) -> Iterator[bytes]:
    """Yield what each frame holds.

    Raises:
        RemoteProtocolError: one is damaged, the last one has no end, or there is none.

    """
    at = found = 0
    unfinished = 0
    sums = list(accumulate(capture, initial=0))  # noise of marks alone would be summed for ever
    while (at := capture.find(START, at)) >= 0:
        head = capture[at : at + HEAD_SIZE]
        end = at + _size(head)
        if not _may_begin(head) or end > len(capture):
            unfinished = len(head) if _may_begin(head) else unfinished
            at += 1
            continue
        total = sums[end - TAIL_SIZE] - sums[at + HEAD_SIZE]
        if not _is_frame(total, capture[end - TAIL_SIZE : end]):
            at += 1
            continue
        yield capture[at + HEAD_SIZE : end - TAIL_SIZE]
        found, unfinished, at = found + 1, 0, end
    if unfinished == HEAD_SIZE or (not found and (unfinished or not capture)):
        raise RemoteProtocolError("truncated", "the last M-Bus frame has no end")
    if not found:
        raise RemoteProtocolError("format", "no M-Bus long frame in it")


def _may_begin(head: bytes) -> bool:
    """Whether a frame may begin so; ``head`` is shorter where the capture ends."""
    length = head[1:2] or bytes((HEADER_SIZE,))
    same = head[2:3] in {b"", length} and head[3:4] in {b"", bytes((START,))}
    return same and length[0] >= HEADER_SIZE


def _size(head: bytes) -> int:
    """Return the size of a whole frame; of what has no whole head, one that never ends."""
    return HEAD_SIZE + head[1] + TAIL_SIZE if len(head) == HEAD_SIZE else FRAME_SIZE_MAX


def _is_frame(total: int, tail: bytes) -> bool:
    """Whether the bytes that add up to ``total`` are a frame's: with neither sum nor stop, noise.

    Raises:
        RemoteProtocolError: it is a frame, and damaged.

    """
    good, stopped = total & 0xFF == tail[0], tail[1] == STOP
    if stopped and not good:
        raise RemoteProtocolError("fcs", "the M-Bus checksum is wrong")
    if good and not stopped:
        raise RemoteProtocolError("format", "an M-Bus frame without stop")
    return good

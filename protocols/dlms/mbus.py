"""Wired M-Bus long frames that carry DLMS messages (EN 13757-2), as some customer ports send them.

Layout::

    68 | L | L | 68 | C | A | CI | [source, destination] | data | sum | 16

The low four bits of CI count the pieces of a message; bit 4 marks the last.
"""

from collections.abc import Iterator
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
    while (at := capture.find(START, at)) >= 0:
        head = capture[at : at + HEAD_SIZE]
        end = at + _size(head)
        if not _may_begin(head) or end > len(capture):
            unfinished = len(head) if _may_begin(head) else unfinished
            at += 1
            continue
        body = _checked(capture[at + HEAD_SIZE : end])
        at = at + 1 if body is None else end
        if body is not None:
            found, unfinished = found + 1, 0
            yield body
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


def _checked(rest: bytes) -> bytes | None:
    """Return what stands between head and sum; None: neither sum nor stop is there, so it is noise.

    Raises:
        RemoteProtocolError: it is a frame, and damaged.

    """
    body, (total, stop) = rest[:-TAIL_SIZE], rest[-TAIL_SIZE:]
    good = sum(body) & 0xFF == total
    if not good and stop != STOP:
        return None
    if not good:
        raise RemoteProtocolError("fcs", "the M-Bus checksum is wrong")
    if stop != STOP:
        raise RemoteProtocolError("format", "an M-Bus frame without stop")
    return body

"""Frames of HML/1: bytes in, whole frames out, whatever stands between them.

All numbers big endian; the check of the head is CRC-16/X-25 over its first ten bytes, that of the
frame CRC-32 (IEEE) over everything before it::

    89 | version, flags | type | channel | seq(2) | ack(2) | N(2) | HCS(2) | N bytes | FCS(4)

The head has a check of its own, so that N can be believed before N bytes are waited for.
"""

import struct
from typing import Final
from zlib import crc32

import msgspec

from protocols.dlms.fcs import fcs16
from protocols.errors import LocalProtocolError

MARK: Final = 0x89
VERSION: Final = 1
HEAD: Final = struct.Struct(">BBBBHHHH")
TAIL_SIZE: Final = 4
PAYLOAD_SIZE_MAX: Final = 4096
PAYLOAD_SIZE_GOOD: Final = 1024
"""What we send at most: a modem need not have more room."""

ACK_WANTED: Final = 1
MORE: Final = 2
SIGNED: Final = 4
GOES_ON: Final = 8
"""This frame continues a message; without it a lost first piece would make its rest a message."""


class Frame(msgspec.Struct, frozen=True):
    """One frame, its signature still in the payload."""

    kind: int
    payload: bytes = b""
    channel: int = 0
    flags: int = 0
    seq: int = 0
    ack: int = 0
    version: int = VERSION


def encode_head(frame: Frame) -> bytes:
    """Return the twelve bytes of the head."""
    first = frame.version << 4 | frame.flags
    size = len(frame.payload)
    head = HEAD.pack(MARK, first, frame.kind, frame.channel, frame.seq, frame.ack, size, 0)[:-2]
    return head + fcs16(head).to_bytes(2)


def encode_frame(frame: Frame) -> bytes:
    """Return the bytes of ``frame``.

    Raises:
        LocalProtocolError: the payload is too long.

    """
    if len(frame.payload) > PAYLOAD_SIZE_MAX:
        raise LocalProtocolError("size", f"payload of {len(frame.payload)} bytes, at most 4096")
    body = encode_head(frame) + frame.payload
    return body + crc32(body).to_bytes(4)


def decode_head(head: bytes | bytearray) -> tuple[Frame, int] | None:
    """Return the frame without its payload, and N; None when this is no head."""
    mark, first, kind, channel, seq, ack, size, check = HEAD.unpack(head[: HEAD.size])
    if mark != MARK or size > PAYLOAD_SIZE_MAX or fcs16(bytes(head[:10])) != check:
        return None
    return Frame(kind, b"", channel, first & 0x0F, seq, ack, first >> 4), size


class FrameReader:
    """Cuts a byte stream into frames.

    After a wrong check one byte is dropped and the search goes on: to drop the whole frame would
    take the next one with it when bytes were lost inside.
    """

    __slots__ = ("_buffer", "bad_frames", "skipped")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.bad_frames = 0
        """Frames whose head is right and whose payload is not."""
        self.skipped = 0
        """Bytes that belonged to no frame."""

    @property
    def left_over(self) -> int:
        """Bytes of a frame that is not complete yet."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[Frame]:
        """Take bytes; return the frames that are complete now."""
        self._buffer += data
        buffer, at, end = self._buffer, 0, 0
        found: list[Frame] = []
        while (at := buffer.find(MARK, at)) >= 0 and len(buffer) >= at + HEAD.size:
            head = decode_head(buffer[at : at + HEAD.size])
            whole = HEAD.size + head[1] + TAIL_SIZE if head else 0
            if head and len(buffer) < at + whole:
                break
            frame = self._judge(head[0], bytes(buffer[at : at + whole])) if head else None
            if frame is None:
                at += 1
                continue
            found.append(frame)
            self.skipped += at - end
            at = end = at + whole
        keep = len(buffer) if at < 0 else at
        self.skipped += keep - end
        del buffer[:keep]
        return found

    def idle(self) -> list[Frame]:
        """Give up the frame that never ends: drop its start and look behind it."""
        found: list[Frame] = []
        while self._buffer:
            del self._buffer[:1]
            self.skipped += 1
            found += self.feed(b"")
        return found

    def _judge(self, head: Frame, raw: bytes) -> Frame | None:
        if crc32(raw[:-TAIL_SIZE]).to_bytes(4) != raw[-TAIL_SIZE:]:
            self.bad_frames += 1
            return None
        return msgspec.structs.replace(head, payload=raw[HEAD.size : -TAIL_SIZE])

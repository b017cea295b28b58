"""What both sides of HML/1 do alike: count frames, join pieces, sign, and acknowledge."""

from typing import Final

import msgspec

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.hml1.frame import (
    ACK_WANTED,
    GOES_ON,
    MORE,
    PAYLOAD_SIZE_GOOD,
    SIGNED,
    VERSION,
    Frame,
    FrameReader,
    encode_frame,
    encode_head,
)
from protocols.hml1.handshake import SIGNATURE_SIZE, is_same, signature
from protocols.hml1.kinds import Kind

SEQ_MAX: Final = 0xFFFF
"""It is followed by 1; 0 means that nothing came yet."""
MESSAGE_SIZE_MAX: Final = 64 * 1024
"""A message in pieces; the longest answers of meters have some 40 kB."""
PARTIAL_MAX: Final = 4
"""Messages in pieces at the same time."""
STARTS: Final = (Kind.HELLO, Kind.WELCOME)
"""A frame of these begins the counting of its sender anew."""


class Message(msgspec.Struct, frozen=True):
    """One whole message."""

    kind: int
    channel: int
    payload: bytes
    signature_ok: bool | None = None
    """None: it carries none."""


class Peer:
    """One side of one connection."""

    __slots__ = ("_next", "_parts", "_seen", "acked", "gaps", "key", "owes_ack", "reader",
                 "restart_on")  # fmt: skip

    def __init__(self, restart_on: Kind | None) -> None:
        self.restart_on = restart_on
        """The frame with which the other side may begin anew now; it ends the session's key, so
        that no signed frame of before can be repeated."""
        self.reader = FrameReader()
        self.key = b""
        """The session key; empty until both have proved themselves."""
        self.acked = 0
        """Number of our last frame that the other side has taken."""
        self.gaps = 0
        """How often frames were missing."""
        self.owes_ack = False
        self._next = 1
        self._seen = 0
        self._parts: dict[tuple[int, int], bytearray] = {}

    # -- in

    def receive(self, data: bytes) -> list[Message]:
        """Take bytes; return the messages that are complete now.

        Raises:
            RemoteProtocolError: another version, or a message beyond every limit.

        """
        return self._messages(self.reader.feed(data))

    def idle(self) -> list[Message]:
        """Give up a frame that never ends."""
        return self._messages(self.reader.idle())

    def _messages(self, frames: list[Frame]) -> list[Message]:
        found = [self._take(frame) for frame in frames]
        return [message for message in found if message is not None]

    def _take(self, frame: Frame) -> Message | None:
        if frame.version != VERSION:
            told = f"version {frame.version}, known is {VERSION}"
            raise RemoteProtocolError("version", told)
        if not self._is_new(frame):
            return None
        self.acked = frame.ack
        self.owes_ack = self.owes_ack or bool(frame.flags & ACK_WANTED)
        if frame.flags & SIGNED:
            return self._signed(frame)
        payload = self._joined(frame)
        return None if payload is None else Message(frame.kind, frame.channel, payload)

    def _is_new(self, frame: Frame) -> bool:
        """Note the frame's number; a number that was here already is a repetition."""
        if frame.kind == self.restart_on:
            self._seen, self.key = 0, b""
            self._parts.clear()
        ahead = (frame.seq - self._seen) % SEQ_MAX
        if self._seen == 0:
            ahead = frame.seq
        if frame.seq == 0 or ahead == 0 or ahead > SEQ_MAX // 2:
            return False
        if ahead > 1:
            self.gaps += 1
            self._parts.clear()
        self._seen = frame.seq
        return True

    def _signed(self, frame: Frame) -> Message:
        """Judge a signature; what is signed never comes in pieces."""
        payload, told = frame.payload[:-SIGNATURE_SIZE], frame.payload[-SIGNATURE_SIZE:]
        right = signature(self.key, encode_head(frame), payload) if self.key else b""
        whole = not frame.flags & (MORE | GOES_ON)
        good = bool(right) and whole and is_same(told, right)
        return Message(frame.kind, frame.channel, payload, good)

    def _joined(self, frame: Frame) -> bytes | None:
        """Return the whole payload; None while pieces are missing or when the first is lost."""
        name = frame.kind, frame.channel
        part = self._parts.pop(name, None)
        if frame.flags & GOES_ON:
            if part is None:
                return None
            part += frame.payload
        elif not frame.flags & MORE:
            return frame.payload
        else:
            part = bytearray(frame.payload)
        if len(part) > MESSAGE_SIZE_MAX or len(self._parts) >= PARTIAL_MAX:
            raise RemoteProtocolError("size", "a message in more pieces than there may be")
        if frame.flags & MORE:
            self._parts[name] = part
            return None
        return bytes(part)

    # -- out

    def send(
        self, kind: Kind, payload: bytes = b"", *, channel: int = 0, ack: bool = False
    ) -> bytes:
        """Return the bytes of a message, in pieces if it is long.

        ``ack``: ask for an acknowledgement of its last piece.

        Raises:
            LocalProtocolError: it is too long.

        """
        if len(payload) > MESSAGE_SIZE_MAX:
            raise LocalProtocolError("size", f"message of {len(payload)} bytes, at most 65536")
        if kind in STARTS:
            self._next = 1
        starts = range(0, max(1, len(payload)), PAYLOAD_SIZE_GOOD)
        sent = b""
        for start in starts:
            last = start == starts[-1]
            flags = (GOES_ON if start else 0) | (0 if last else MORE)
            flags |= ACK_WANTED if ack and last else 0
            piece = payload[start : start + PAYLOAD_SIZE_GOOD]
            sent += encode_frame(self._frame(kind, piece, channel, flags))
        return sent

    def send_signed(self, kind: Kind, payload: bytes, *, channel: int = 0) -> bytes:
        """Return the bytes of a message with a signature; it asks for an acknowledgement.

        Raises:
            LocalProtocolError: there is no session, or it does not fit into one frame.

        """
        if not self.key or len(payload) > PAYLOAD_SIZE_GOOD - SIGNATURE_SIZE:
            raise LocalProtocolError("signature", "no session, or too much for one frame")
        blank = payload + bytes(SIGNATURE_SIZE)
        frame = self._frame(kind, blank, channel, ACK_WANTED | SIGNED)
        seal = signature(self.key, encode_head(frame), payload)
        return encode_frame(msgspec.structs.replace(frame, payload=payload + seal))

    def acknowledge(self) -> bytes:
        """Return an ACK if one is owed and nothing else has carried it."""
        return self.send(Kind.ACK) if self.owes_ack else b""

    def _frame(self, kind: int, payload: bytes, channel: int, flags: int) -> Frame:
        seq, self._next = self._next, self._next % SEQ_MAX + 1
        self.owes_ack = False
        return Frame(kind, payload, channel, flags, seq, self._seen)

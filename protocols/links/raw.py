"""Raw pipe with a registration text: most GPRS modems ("DTU" in transparent mode).

The modem sends a configured text when it connects, perhaps a heartbeat by itself, and otherwise the
bytes of the serial line as they come. The text may arrive in pieces, glued to the first data, or
again and again as a heartbeat; in ``data`` mode it stands in front of every packet. Both are taken
out between frames only: inside a frame the same bytes are the meter's own.
"""

from typing import TYPE_CHECKING, Final

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.links.base import (
    IDENTITY_SIZE_MAX,
    Heartbeat,
    Held,
    Identified,
    LinkEvent,
    LinkKind,
    LinkSettings,
    MeterBytes,
    Verdict,
)
from protocols.links.boundary import frame_size, is_one_frame
from protocols.links.packets import cut_frame, tail_size
from protocols.links.texts import TEXT_SIZE_MAX, compile_text, match_text, may_grow

if TYPE_CHECKING:
    import regex

PADDING: Final = b"\x00\r\n \t"
"""What modems put in front of their text when they wake up."""


class RawLink:
    """One connection of a modem that is a transparent pipe."""

    __slots__ = ("_buffer", "_heartbeat", "_left", "_packets", "_registration", "_text", "name")

    pipe = True

    def __init__(self, settings: LinkSettings) -> None:
        if settings.registration is None:
            raise LocalProtocolError("registration", "a raw link needs a registration expression")
        self.name = "raw"
        self._registration = compile_text(settings.registration)
        self._packets = settings.registration_mode != "link"
        """Whether every packet begins with the text."""
        self._heartbeat = compile_text(settings.heartbeat) if settings.heartbeat else None
        self._buffer = b""
        self._text = b""
        """The registration as this modem sent it; empty until it did."""
        self._left = 0
        """Bytes of the frame under way that have not come yet; 0 between frames."""

    def receive(self, data: bytes) -> list[LinkEvent]:
        """See ``Link.receive``."""
        if self.is_plain(data):
            return [MeterBytes(data)]
        events: list[LinkEvent] = []
        self._buffer += data
        if not self._text:
            self._register(events, ended=False)
        if self._text:
            self._carry(events, ended=False)
            if self._buffer:
                events.append(Held())
        return events

    def idle(self) -> list[LinkEvent]:
        """See ``Link.idle``: a text without an end mark ends here; held bytes are let go."""
        events: list[LinkEvent] = []
        if not self._buffer:
            return events
        if not self._text:
            self._register(events, ended=True)
        if self._text:
            self._carry(events, ended=True)
        return events

    def wrap(self, data: bytes) -> bytes:
        """See ``Link.wrap``: the pipe carries bytes as they are."""
        return data

    def is_plain(self, data: bytes) -> bool:
        """See ``Transparent.is_plain``: one frame and nothing else, as most reads are."""
        if self._buffer or self._left or not self._text or self._heartbeat is not None:
            return False
        if self._packets or not data or data[0] == self._text[0]:
            return False
        return is_one_frame(data)

    # -- who is calling

    def _register(self, events: list[LinkEvent], *, ended: bool) -> None:
        text = self._buffer = self._buffer.lstrip(PADDING)
        if not text:
            return
        match = match_text(self._registration, text)
        if match is None:
            raise RemoteProtocolError("registration", "the first bytes are no registration")
        if match.partial or not match.group():
            return
        if not ended and may_grow(self._registration, text[:TEXT_SIZE_MAX], match.end()):
            return
        self._text = match.group()
        self._buffer = text[match.end() :]
        events.append(Identified(_identity(match), "registration"))

    # -- what it carries

    def _carry(self, events: list[LinkEvent], *, ended: bool) -> None:
        """Take as much from the buffer as can be told; ``ended``: all of it."""
        while self._buffer:
            size = 0 if self._left else self._noise_size(ended=ended)
            if size is None:
                return
            if size:
                self._buffer = self._buffer[size:]
                events.append(Heartbeat())
            elif not self._pass_some(events, ended=ended):
                return

    def _noise_size(self, *, ended: bool) -> int | None:
        """Size of the registration or heartbeat at the start; 0 none, None maybe."""
        if self._buffer.startswith(self._text):
            return len(self._text)
        maybe = self._text.startswith(self._buffer)
        match = None if self._heartbeat is None else match_text(self._heartbeat, self._buffer)
        if match is not None and match.end():
            if not match.partial:
                return match.end()
            maybe = True
        return None if maybe and not ended else 0

    def _pass_some(self, events: list[LinkEvent], *, ended: bool) -> bool:
        """Pass a frame on, or what there is of it; False when it must wait for more bytes."""
        size = self._left or frame_size(self._buffer)
        if size == 0 and not ended:
            return False
        if not self._packets:
            self._left = size or 0
            return self._pass(events, min(size or len(self._buffer), len(self._buffer)))
        if size and not self._left:
            cut = cut_frame(self._buffer, size, self._text, ended=ended)
            if cut is not None:
                frame, self._buffer = cut
                events.append(MeterBytes(frame))
                return True
            if not ended:
                return False
            self._left = size
        return self._pass_unframed(events, ended=ended)

    def _pass(self, events: list[LinkEvent], size: int) -> bool:
        events.append(MeterBytes(self._buffer[:size]))
        self._buffer = self._buffer[size:]
        self._left = max(0, self._left - size)
        return True

    def _pass_unframed(self, events: list[LinkEvent], *, ended: bool) -> bool:
        """Pass bytes on whose packets are not to be told from their contents, without the text."""
        self._buffer = self._buffer.replace(self._text, b"")
        held = 0 if ended else tail_size(self._buffer, self._text)
        size = len(self._buffer) - held
        if size:
            self._pass(events, size)
        return False


def _identity(match: "regex.Match[bytes]") -> str:
    named = match.groupdict().get("modem_id")
    raw = named if named is not None else match.group()
    text = raw.decode("latin-1").strip()
    return text[:IDENTITY_SIZE_MAX] if text.isprintable() else raw.hex()[:IDENTITY_SIZE_MAX]


def sniff(first: bytes, settings: LinkSettings) -> Verdict:
    """Judge the first bytes by the listener's registration expression."""
    if settings.registration is None:
        return Verdict.NO
    text = first.lstrip(PADDING)
    if not text:
        return Verdict.MORE
    # The text may be glued to any amount of data; only it is looked at.
    match = match_text(compile_text(settings.registration), text)
    if match is None:
        return Verdict.NO
    return Verdict.MORE if match.partial else Verdict.YES


LINK: Final = LinkKind(name="raw", order=50, sniff=sniff, make=RawLink)

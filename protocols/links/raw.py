"""Raw pipe with a registration text: most GPRS modems ("DTU" in transparent mode).

The modem sends a configured text when it connects, perhaps a heartbeat by itself, and otherwise the
bytes of the serial line as they come. The text may arrive in pieces, glued to the first data, or
again and again as a heartbeat; in ``data`` mode it stands in front of every packet.
"""

from typing import Final

import regex

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.links.base import (
    IDENTITY_SIZE_MAX,
    Heartbeat,
    Identified,
    LinkEvent,
    LinkKind,
    LinkSettings,
    MeterBytes,
    Verdict,
)
from protocols.links.boundary import frame_size

TEXT_SIZE_MAX: Final = 256
"""Registration texts have at most 80 bytes in the manuals; three times that is surely none."""
MATCH_TIMEOUT_S: Final = 0.05
"""A pathological expression may not stop the reader of all sockets."""
PADDING: Final = b"\x00\r\n \t"
"""What modems put in front of their text when they wake up."""

_compiled: dict[str, "regex.Pattern[bytes]"] = {}


def compile_text(expression: str) -> "regex.Pattern[bytes]":
    """Return the compiled expression over bytes, cached.

    Raises:
        LocalProtocolError: it is no regular expression.

    """
    pattern = _compiled.get(expression)
    if pattern is None:
        try:
            pattern = regex.compile(expression.encode("latin-1"))
        except (regex.error, UnicodeEncodeError) as problem:
            raise LocalProtocolError("expression", f"{expression!r}: {problem}") from None
        _compiled[expression] = pattern
    return pattern


def _match(pattern: "regex.Pattern[bytes]", text: bytes) -> "regex.Match[bytes] | None":
    try:
        return pattern.match(text, partial=True, timeout=MATCH_TIMEOUT_S)
    except TimeoutError:
        raise RemoteProtocolError("registration", "matching the text took too long") from None


def _may_grow(pattern: "regex.Pattern[bytes]", text: bytes, end: int) -> bool:
    """Whether one more byte like the last could still belong to the match that ends the text."""
    if end < len(text):
        return False
    longer = _match(pattern, text + text[-1:])
    return longer is not None and longer.end() > end


class RawLink:
    """One connection of a modem that is a transparent pipe."""

    __slots__ = (
        "_buffer",
        "_heartbeat",
        "_held",
        "_left",
        "_mode",
        "_registration",
        "_text",
        "name",
    )

    pipe = True

    def __init__(self, settings: LinkSettings) -> None:
        if settings.registration is None:
            raise LocalProtocolError("registration", "a raw link needs a registration expression")
        self.name = "raw"
        self._registration = compile_text(settings.registration)
        self._mode = settings.registration_mode
        self._heartbeat = compile_text(settings.heartbeat) if settings.heartbeat else None
        self._buffer = b""
        self._held = b""
        """In ``data`` mode, what may be the beginning of the next packet's text."""
        self._text = b""
        """The registration as this modem sent it; empty until it did."""
        self._left = 0
        """Bytes of the frame under way that have not come yet; 0 between frames."""

    def receive(self, data: bytes) -> list[LinkEvent]:
        """See ``Link.receive``."""
        events: list[LinkEvent] = []
        self._buffer += data if not self._held else self._held + data
        self._held = b""
        if not self._text:
            self._register(events, ended=False)
        if self._text:
            self._carry(events)
        return events

    def idle(self) -> list[LinkEvent]:
        """See ``Link.idle``: a text without an end mark ends here; held bytes are let go."""
        events: list[LinkEvent] = []
        self._buffer += self._held
        self._held = b""
        if not self._buffer:
            return events
        if not self._text:
            self._register(events, ended=True)
        if self._text and self._buffer:
            events.append(MeterBytes(self._buffer))
            self._buffer = b""
        return events

    def wrap(self, data: bytes) -> bytes:
        """See ``Link.wrap``: the pipe carries bytes as they are."""
        return data

    def _register(self, events: list[LinkEvent], *, ended: bool) -> None:
        text = self._buffer.lstrip(PADDING)
        head = text[:TEXT_SIZE_MAX]
        match = _match(self._registration, head) if text else None
        if match is None or match.partial:
            if len(text) > TEXT_SIZE_MAX or (text and match is None):
                raise RemoteProtocolError("registration", "the first bytes are no registration")
            return
        if not ended and _may_grow(self._registration, head, match.end()):
            return
        self._text = match.group()
        self._buffer = text[match.end() :]
        events.append(Identified(_identity(match), "registration"))

    def _carry(self, events: list[LinkEvent]) -> None:
        if self._mode != "link":
            self._drop_prefixes()
        while self._buffer:
            if self._left:
                self._pass(min(self._left, len(self._buffer)), events)
            elif not self._between_frames(events):
                return

    def _between_frames(self, events: list[LinkEvent]) -> bool:
        """Take one thing from the start of the buffer; False when it must wait for more bytes."""
        noise = self._noise_size()
        if noise is None:
            return False
        if noise:
            self._buffer = self._buffer[noise:]
            events.append(Heartbeat())
            return True
        size = frame_size(self._buffer)
        if size == 0:
            return False
        self._left = size or 0
        if size is None:
            self._pass(len(self._buffer), events)
        return True

    def _noise_size(self) -> int | None:
        """Size of the registration or heartbeat at the start; 0 none, None maybe."""
        if self._buffer.startswith(self._text):
            return len(self._text)
        maybe = self._text.startswith(self._buffer)
        if self._heartbeat is not None:
            match = _match(self._heartbeat, self._buffer)
            if match is not None and match.end():
                if not match.partial:
                    return match.end()
                maybe = True
        return None if maybe else 0

    def _pass(self, size: int, events: list[LinkEvent]) -> None:
        events.append(MeterBytes(self._buffer[:size]))
        self._buffer = self._buffer[size:]
        self._left = max(0, self._left - size)

    def _drop_prefixes(self) -> None:
        """Take the text out wherever it stands: packets are glued and cut on their way.

        A text of some bytes of ASCII inside meter data is far rarer than the next cell change, and
        a frame hurt by it fails its check and is read again.
        """
        self._buffer = self._buffer.replace(self._text, b"")
        self._held = _tail_of(self._buffer, self._text)
        if self._held:
            self._buffer = self._buffer[: -len(self._held)]


def _tail_of(data: bytes, text: bytes) -> bytes:
    """Return the end of ``data`` that is a beginning of ``text``; a single byte is no sign."""
    for size in range(min(len(text) - 1, len(data)), 1, -1):
        if data.endswith(text[:size]):
            return text[:size]
    return b""


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
    match = _match(compile_text(settings.registration), text[:TEXT_SIZE_MAX])
    if match is None:
        return Verdict.NO
    if match.partial:
        return Verdict.NO if len(text) > TEXT_SIZE_MAX else Verdict.MORE
    return Verdict.YES


LINK: Final = LinkKind(name="raw", order=50, sniff=sniff, make=RawLink)

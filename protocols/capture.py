"""The bytes of a captured exchange, as a person hands them to a translator."""

from collections.abc import Mapping
from typing import Any, Final

from protocols.errors import RemoteProtocolError

SIZE_MAX: Final = 2 * 1024 * 1024
"""Bytes of one capture; the longest known one has 40 kB."""


def captured_chunks(request: Mapping[str, Any]) -> list[bytes]:
    """Return the pieces in which the bytes arrived: ``chunks_hex``, else ``hex`` or ``raw_hex``.

    Raises:
        RemoteProtocolError: there are none, or they are not hex digits.

    """
    chunks = request.get("chunks_hex")
    if chunks is None:
        whole = request.get("hex")
        chunks = [request.get("raw_hex") if whole is None else whole]
    if not isinstance(chunks, list) or sum(map(_size, chunks)) > SIZE_MAX:
        raise RemoteProtocolError("hex", f"the capture must be up to {SIZE_MAX} bytes as hex")
    return [_bytes(chunk) for chunk in chunks]


def _size(text: Any) -> int:
    return len(text) // 2 if isinstance(text, str) else 0


def _bytes(text: Any) -> bytes:
    if not isinstance(text, str):
        raise RemoteProtocolError("hex", "the capture must be given as hex digits")
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise RemoteProtocolError("hex", "the capture is not hex") from None

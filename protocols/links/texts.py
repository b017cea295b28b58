"""Regular expressions over what modems say by themselves: registrations, heartbeats.

Matching is bounded in time and size: it runs in the reader of all sockets.
"""

from typing import Final

import regex

from protocols.errors import LocalProtocolError, RemoteProtocolError

TEXT_SIZE_MAX: Final = 256
"""Registration texts have at most 80 bytes in the manuals; three times that is surely none."""
MATCH_TIMEOUTS_S: Final = (0.05, 0.25)
"""A pathological expression may not stop the reader of all sockets. The limit is of wall time, in
which a busy machine may do something else: an innocent text gets a second try."""

_compiled: dict[str, "regex.Pattern[bytes]"] = {}


def compile_text(expression: str) -> "regex.Pattern[bytes]":
    r"""Return the compiled expression over bytes, cached.

    An end mark (``$``, ``\Z``) says that the text ends there, not that the stream does: data may
    be glued to it. So it is left out.

    Raises:
        LocalProtocolError: it is no regular expression.

    """
    pattern = _compiled.get(expression)
    if pattern is None:
        try:
            regex.compile(expression.encode("latin-1"))
            pattern = regex.compile(_without_end_mark(expression).encode("latin-1"))
        except (regex.error, UnicodeEncodeError) as problem:
            raise LocalProtocolError("expression", f"{expression!r}: {problem}") from None
        _compiled[expression] = pattern
    return pattern


def _without_end_mark(expression: str) -> str:
    for mark in ("$", "Z"):
        body = expression.removesuffix(mark)
        escaped = (len(body) - len(body.rstrip("\\"))) % 2 == 1
        if body != expression and escaped == (mark == "Z"):
            return body.removesuffix("\\") if escaped else body
    return expression


def match_text(pattern: "regex.Pattern[bytes]", text: bytes) -> "regex.Match[bytes] | None":
    """Return what stands at the start of ``text``: whole, or ``partial`` when more may come.

    Raises:
        RemoteProtocolError: it took too long.

    """
    head = text[:TEXT_SIZE_MAX]
    match = _match(pattern, head)
    too_long = match is not None and match.partial and len(text) > TEXT_SIZE_MAX
    return None if too_long else match


def _match(pattern: "regex.Pattern[bytes]", text: bytes) -> "regex.Match[bytes] | None":
    for timeout_s in MATCH_TIMEOUTS_S:
        try:
            return pattern.match(text, partial=True, timeout=timeout_s)
        except TimeoutError:
            continue
    raise RemoteProtocolError("registration", "matching the text took too long")


def may_grow(pattern: "regex.Pattern[bytes]", text: bytes, end: int) -> bool:
    """Whether one more byte like the last could still belong to the match that ends the text."""
    if end < len(text):
        return False
    longer = match_text(pattern, text + text[-1:])
    return longer is not None and longer.end() > end

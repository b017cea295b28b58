"""What do these first bytes look like? For people: a broken frame is named by what it looks like.

The listener decides by checks alone (``registry.detect``); this goes on where a check fails.
"""

from collections.abc import Mapping
from typing import Any, Final

from protocols.capture import captured_chunks
from protocols.ddp.frame import MARK, packet_size
from protocols.dlt645.frame import FrameReader as Dlt645Reader
from protocols.errors import ProtocolError
from protocols.links import ddp, dlms_push, dlt698, dsmr4, forcecontrol, gdw376, hml1, prot
from protocols.links.base import LinkSettings, Verdict

_SETTINGS: Final = LinkSettings()
_BY_CHECK: Final = (
    ("four-faith-prot", prot.sniff),
    ("hml1", hml1.sniff),
    ("q/gdw-376.1", gdw376.sniff),
    ("dlt698.45", dlt698.sniff),
    ("ddp", ddp.sniff),
    ("forcecontrol-bridge", forcecontrol.sniff),
    ("dsmr4-alarm", dsmr4.sniff),
)
IEC_STARTS: Final = (0x2F, 0xAF)
UNKNOWN: Final = "unknown"


def classify(first: bytes) -> str:
    """Return the name of the link or protocol that ``first`` belongs to, or ``unknown``."""
    for name, sniff in _BY_CHECK:
        if sniff(first, _SETTINGS) is Verdict.YES:
            return name
    return _by_meter(first) or _by_looks(first)


def _by_meter(first: bytes) -> str:
    """Return the protocol of a meter that speaks without any link."""
    if Dlt645Reader().feed(first):
        return "dlt645"
    if dlms_push.sniff(first, _SETTINGS) is Verdict.YES:
        return "hdlc" if first[0] == 0x7E else "dlms-wrapper"
    return "iec62056-21" if first[:1] and first[0] in IEC_STARTS else ""


def _by_looks(first: bytes) -> str:
    start = first.lstrip(b"\xfe")
    if start[:1] == b"\x68":
        return _by_marks(start)
    if start[:1] == bytes((MARK,)):
        looks = packet_size(start[:1] + start[1:2]) is None
        return "ddp" if looks else UNKNOWN
    text = first.strip(b"\r\n\0 ")
    readable = text.isascii() and text.decode("ascii").isprintable()
    return "ascii-registration" if text and readable else UNKNOWN


def _by_marks(start: bytes) -> str:
    """Tell broken frames that begin with 68H apart by their other marks."""
    if len(start) > 5 and start[1:3] == start[3:5] and start[5] == 0x68:
        return "q/gdw-376.1"
    if len(start) > 7 and start[7] == 0x68:
        return "dlt645"
    return "dlt698.45"


def refusal(problem: ProtocolError, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return a translator's answer to a capture that is no good: why, and what it looks like."""
    shown = {"ok": False, "valid": False, "error": problem.category, "detail": str(problem)}
    try:
        return shown | {"sniff": classify(b"".join(captured_chunks(request)))}
    except ProtocolError:
        return shown

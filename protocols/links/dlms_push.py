"""No modem protocol at all: the device speaks DLMS from the first byte, HDLC or wrapper.

Who it is stands in its messages: a system title, a logical device name, a serial number.
"""

from typing import Final

from protocols.links.base import LinkEvent, LinkKind, LinkSettings, MeterBytes, Verdict


class DlmsPushLink:
    """One connection of a device that sends DLMS frames by itself."""

    __slots__ = ("name",)

    pipe = False

    def __init__(self, _settings: LinkSettings) -> None:
        self.name = "dlms-push"

    def receive(self, data: bytes) -> list[LinkEvent]:
        """See ``Link.receive``."""
        return [MeterBytes(data)]

    def is_plain(self, _data: bytes) -> bool:
        """See ``Transparent.is_plain``: always."""
        return True

    def idle(self) -> list[LinkEvent]:
        """See ``Link.idle``."""
        return []

    def wrap(self, data: bytes) -> bytes:
        """See ``Link.wrap``."""
        return data


def sniff(first: bytes, _settings: LinkSettings) -> Verdict:
    """Judge the first bytes: an HDLC flag and frame format, or a wrapper header."""
    start = first.lstrip(b"\x7e") if first[:1] == b"\x7e" else first
    if first[:1] == b"\x7e":
        if not start:
            return Verdict.MORE
        return Verdict.YES if start[0] & 0xF0 == 0xA0 else Verdict.NO
    header = first[:8]
    if not b"\x00\x01".startswith(header[:2]):
        return Verdict.NO
    if len(header) < 8:
        return Verdict.MORE
    return Verdict.YES if header[6:8] != b"\x00\x00" else Verdict.NO


LINK: Final = LinkKind(name="dlms-push", order=40, sniff=sniff, make=DlmsPushLink)

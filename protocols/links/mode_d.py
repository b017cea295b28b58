"""No modem protocol at all: a meter of IEC 62056-21 sends telegrams by itself (mode D).

Who it is stands in its telegrams: an address, a serial number, or the identification. Noise of a
line that has just been opened may stand in front of the first one.
"""

from typing import Final

from protocols.iec62056_21.block_check import SEVEN_BIT
from protocols.links.base import LinkKind, LinkSettings, Verdict
from protocols.links.dlms_push import DlmsPushLink

FILLERS: Final = b"\x00\x7f\r\n "
"""What lines say when they wake up, bit 7 taken off: any number of them is no noise."""
NOISE_SIZE_MAX: Final = 4
"""Other bytes in front of the first slash: of more, a caller that nobody knows is told at once."""
LETTERS: Final = 3
"""Of the maker."""
IDENTIFICATION_SIZE_MAX: Final = 60
NOT_IN_IT: Final = b"/!?"
"""Marks of messages, which no identification holds."""
STX: Final = 0x02


class ModeDLink(DlmsPushLink):
    """One connection of a meter that sends telegrams, bytes as they are; nothing is asked of it."""

    __slots__ = ()

    def __init__(self, _settings: LinkSettings) -> None:
        self.name = "mode-d"


def sniff(first: bytes, _settings: LinkSettings) -> Verdict:
    """Judge the first bytes: a whole identification, and the beginning of data behind it."""
    text = first.translate(SEVEN_BIT)
    at = text.find(b"/")
    while at >= 0 and not _is_noisy(text[:at]):
        verdict = _judge(text[at + 1 :])
        if verdict is not Verdict.NO:
            return verdict
        at = text.find(b"/", at + 1)
    return Verdict.NO if at >= 0 or _is_noisy(text) else Verdict.MORE


def _is_noisy(before: bytes) -> bool:
    """Whether more stands in front of a meter's first slash than noise of a line."""
    return len(before.translate(None, FILLERS)) > NOISE_SIZE_MAX


def _judge(text: bytes) -> Verdict:
    """Judge what stands behind a slash."""
    line, end, behind = text.partition(b"\n")
    line = line.removesuffix(b"\r")
    if len(line) > IDENTIFICATION_SIZE_MAX or not _may_identify(line, whole=bool(end)):
        return Verdict.NO
    if not behind:
        return Verdict.MORE
    # An empty line, data at once, or a readout in its frame.
    fits = behind[0] in b"\r\n" or behind[0] == STX or 0x20 < behind[0] < 0x7F
    return Verdict.YES if fits else Verdict.NO


def _may_identify(line: bytes, *, whole: bool) -> bool:
    """Whether this is an identification, or the beginning of one."""
    maker, rest = line[:LETTERS], line[LETTERS:]
    if (maker and not maker.isalpha()) or (whole and not rest):
        return False
    return all(0x20 <= byte < 0x7F and byte not in NOT_IN_IT for byte in rest)


LINK: Final = LinkKind(name="mode-d", order=60, sniff=sniff, make=ModeDLink)

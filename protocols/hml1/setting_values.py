"""Settings of a modem as people write them: a name and a text; on the wire, a tag and bytes."""

import re
from typing import Final

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.hml1 import tlv
from protocols.hml1.kinds import PipeTag, Setting
from protocols.hml1.messages import PipeSettings, encode_pipe

TEXTS: Final = frozenset({Setting.SERVER, Setting.APN, Setting.SERVER_2, Setting.SCHEDULE})
NUMBERS: Final = {Setting.COLLECT_S: 4, Setting.PING_S: 2}
"""And their bytes."""
NAMES: Final = {setting.name.lower(): int(setting) for setting in Setting}
MAKER_TAGS: Final = range(128, 256)
_LINE: Final = re.compile(r"([0-9]{1,7}) ([5-8][NEO][12])")


def encode_setting(name: str, text: str) -> tuple[int, bytes]:
    """Return tag and value; tags of the maker are written as numbers, their values as hex.

    Raises:
        LocalProtocolError: there is no such setting, or no such value of it.

    """
    tag = NAMES.get(name)
    if tag is None:
        return _maker_tag(name), _hex(name, text)
    if tag in TEXTS:
        return tag, _ascii(name, text)
    size = NUMBERS.get(Setting(tag))
    return (tag, _line(text)) if size is None else (tag, _number(name, text, size))


def decode_setting(tag: int, value: bytes) -> tuple[str, str]:
    """Return name and text; a value that is not as it should be, and a maker's, as hex."""
    name = next((name for name, known in NAMES.items() if known == tag), str(tag))
    if tag in TEXTS and value.isascii() and value.decode("ascii").isprintable():
        return name, value.decode("ascii")
    if tag in NUMBERS:
        return name, str(int.from_bytes(value))
    line = _shown_line(value) if tag == Setting.SERIAL_1 else None
    return name, value.hex() if line is None else line


def _maker_tag(name: str) -> int:
    if name.isascii() and name.isdecimal() and len(name) <= 3 and int(name) in MAKER_TAGS:
        return int(name)
    known = ", ".join(NAMES)
    raise LocalProtocolError("setting", f"no setting {name!r}; known are {known}, and 128 to 255")


def _hex(name: str, text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise LocalProtocolError("setting", f"{name}: hex digits are needed") from None


def _ascii(name: str, text: str) -> bytes:
    if not (text.isascii() and text.isprintable()) or len(text) > 512:
        raise LocalProtocolError("setting", f"{name}: up to 512 printable characters of ASCII")
    return text.encode("ascii")


def _number(name: str, text: str, size: int) -> bytes:
    good = text.isascii() and text.isdecimal() and len(text) <= 10
    if not good or not 0 < int(text) < 1 << 8 * size:
        told = f"{name}: a whole number from 1 to {(1 << 8 * size) - 1}"
        raise LocalProtocolError("setting", told)
    return int(text).to_bytes(size)


def _line(text: str) -> bytes:
    found = _LINE.fullmatch(text)
    if found is None:
        raise LocalProtocolError("setting", 'serial_1: write it like "9600 8N1"')
    return encode_pipe(PipeSettings(int(found[1]), found[2]))


def _shown_line(value: bytes) -> str | None:
    try:
        told = tlv.decode_tlv(value)
    except RemoteProtocolError:
        return None
    baud, framing = tlv.number(told, PipeTag.BAUD), tlv.text(told, PipeTag.FRAMING)
    return f"{baud} {framing}" if baud and framing else None

"""An engineer's translator: what stood on a line in, everything that it says out, as plain data.

The answer's shape is that of CONTRACT: ``hes decode``. Recorded exchanges hold both directions, and
some were written down without their STX, ETX and check: those are read by their text alone.

``iec62056-21`` alone stands for fragments: one message, whose check may not have been recorded.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from protocols.capture import captured_chunks
from protocols.errors import ProtocolError, RemoteProtocolError
from protocols.iec62056_21.block_check import CHECKS, SEVEN_BIT
from protocols.iec62056_21.datasets import NEW_LINE, DataSet, parse_lines
from protocols.iec62056_21.frame import ACK, Block, Control, Line, Message, MessageReader, Option
from protocols.iec62056_21.identification import (
    Identification,
    is_request,
    parse_identification,
)
from protocols.iec62056_21.options import Iec62056Options
from protocols.iec62056_21.profile import (
    NO_ENTRIES,
    complete_rows,
    is_log,
    is_profile,
    parse_log,
    parse_profile,
)
from protocols.iec62056_21.telegram import Telegram, TelegramReader

FRAGMENT: Final = "iec62056-21"
MODES: Final = ("A", "B", "C", "E")
TRANSLATES: Final = (
    FRAGMENT, *(f"{FRAGMENT}-{mode}" for mode in MODES),
    f"{FRAGMENT}-D", f"{FRAGMENT}-profile", f"{FRAGMENT}-log",
)  # fmt: skip
REPEAT: Final = "15"
GO_ON: Final = "06"
STX: Final = "\x02"
ETX: Final = "\x03"


def translate(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is to be said about the bytes in ``request``; never raises.

    ``check`` in the request: ``sum`` for meters that add where the standard says xor; or
    ``options``, those of the meter type.
    """
    try:
        chunks = captured_chunks(request)
        if request.get("protocol") == f"{FRAGMENT}-D":
            return _telegrams(chunks)
        return _Capture(chunks, request).shown()
    except ProtocolError as problem:
        return _refusal(problem.category, str(problem))


def _refusal(category: str, detail: str) -> dict[str, Any]:
    return {"ok": False, "valid": False, "error": category, "detail": detail}


# -- messages


class _Capture:
    """One recorded exchange."""

    def __init__(self, chunks: Sequence[bytes], request: Mapping[str, Any]) -> None:
        options = request.get("options")
        usual = options.check if isinstance(options, Iec62056Options) else None
        check = request.get("check") or usual
        reader = MessageReader(check if check in CHECKS else "xor", both_ways=True)
        self.messages = [message for chunk in chunks for message in reader.feed(chunk)]
        self.messages += reader.idle()
        self.parity = reader.parity_seen
        self.text = b"".join(chunks).translate(SEVEN_BIT).decode("ascii")
        self.fragment = request.get("protocol") == FRAGMENT
        self.blocks = [message for message in self.messages if isinstance(message, Block)]
        self.identification = self._identification()
        self.open = self.text.rfind(STX) > self._identified_at()

    def _identified_at(self) -> int:
        found = self.identification
        return -1 if found is None else self.text.rfind("/" + found.text)

    def _identification(self) -> Identification | None:
        found = None
        for message in self.messages:
            if isinstance(message, Line) and _listed(message):
                found = None if is_request(message.text) else parse_identification(message.text)
        return found

    def shown(self) -> dict[str, Any]:
        """Return everything that is to be said."""
        listed = [entry for message in self.messages if (entry := _listed(message))]
        shown = self._who() | {"messages": listed}
        if self.fragment and not any(block.good for block in self.blocks):
            unchecked = self._unchecked()
            if unchecked is not None:
                return {"ok": True, "valid": True} | shown | unchecked
        if self.blocks:
            return shown | self._framed()
        if self.open:
            return shown | self._broken_off()
        return self._unframed(shown)

    def _who(self) -> dict[str, Any]:
        found = self.identification
        if found is None:
            return {"ident": None}
        shown: dict[str, Any] = {
            "ident": found.text,
            "manufacturer": found.manufacturer,
            "z": found.baud_char,
            "escapes": list(found.escapes),
            "rest": found.rest,
            "fast": found.fast,
            "mode": found.mode,
        }
        return shown | self._stripped(f"/{found.text}")

    def _stripped(self, text: str) -> dict[str, Any]:
        return {"after_strip": text} if self.parity else {}

    # -- with STX, ETX and check

    def _framed(self) -> dict[str, Any]:
        data = [block for block in self.blocks if not block.command]
        commands = [block for block in self.blocks if block.command]
        shown = self._checked((data or commands)[-1])
        if len(self.blocks) == 1 and self.identification is None:
            shown |= _single(self.blocks[0])
        chain = _Chain(data)
        shown |= chain.shown()
        bad = [block for block in commands if not block.good]
        if bad or not chain.good:
            return shown | _refusal("bcc", "a block check character is wrong")
        if chain.open:
            return shown | self._broken_off()
        if data:
            shown |= _told(chain.text)
        return {"ok": True, "valid": True} | shown

    def _checked(self, block: Block) -> dict[str, Any]:
        shown = {"bcc": f"{block.check:02X}", "bcc_computed": f"{block.computed:02X}"}
        if self.identification is None and not block.command:
            shown |= self._stripped(f"{STX}{block.data}{ETX}")
        return shown

    def _broken_off(self) -> dict[str, Any]:
        body = self.text[self.text.rfind(STX) + 1 :]
        detail = "the message has no end: ask again from the last whole interval on"
        return _refusal("truncated", detail) | {"complete_rows": complete_rows(body)}

    def _unchecked(self) -> dict[str, Any] | None:
        """Return what a message says whose check was not written down."""
        start = self.text.rfind(STX)
        end = self.text.find(ETX, start)
        # A last character behind the end is a check, and wrong; more than that is something else.
        if start < 0 or end < 0 or end + 2 == len(self.text):
            return None
        told = {"bcc": None} | _told(self.text[start + 1 : end])
        return told | self._stripped(self.text[start : end + 1])

    # -- text only

    def _unframed(self, shown: dict[str, Any]) -> dict[str, Any]:
        body = self.text
        if self.identification is not None:
            body = body[self._identified_at() :].partition("\n")[2]
        try:
            told = _told(body)
        except RemoteProtocolError as problem:
            broken = {"complete_rows": complete_rows(body)}
            return shown | _refusal(problem.category, str(problem)) | broken
        if told["data_lines"]:
            return self._readout(shown, told, body)
        listed = shown["messages"]
        lone = [_control(message) for message in self.messages if isinstance(message, Control)]
        if not listed and len(lone) == len(self.text) == 1:
            listed += [[kind, "", True] for kind in lone]
            shown |= {"kind": lone[0], "command": "", "data": ""}
        if not listed:
            return shown | _refusal("framing", "there is no whole message in it")
        if len(listed) == 1:
            shown.setdefault("kind", listed[0][0])
        return {"ok": True, "valid": True} | shown

    def _readout(self, shown: dict[str, Any], told: dict[str, Any], body: str) -> dict[str, Any]:
        table = told.get("rows") or told.get("entries")
        ended = any(line.startswith("!") for line in body.split(NEW_LINE))
        if self.identification is not None and not ended and not table:
            return shown | _refusal("truncated", "the readout has no end")
        shown["messages"].append(["data", "", True])
        return {"ok": True, "valid": True, "bcc": None} | shown | told


class _Chain:
    """The data blocks of a capture, as a client takes them: a bad one is asked for again."""

    def __init__(self, blocks: Sequence[Block]) -> None:
        self._blocks = blocks
        partial = any(block.more for block in blocks)
        kept = [block for block in blocks if block.good]
        repaired = partial and bool(blocks) and blocks[-1].good
        self.good = len(kept) == len(blocks) or repaired
        self.open = bool(kept) and kept[-1].more
        self.partial = partial
        joined = kept if partial else kept[-1:]
        self.text = "".join(block.data for block in joined)

    def shown(self) -> dict[str, Any]:
        """Return the parts of an answer, and what a client says to each."""
        if not self.partial:
            return {}
        replies = [
            (GO_ON if block.more else None) if block.good else REPEAT for block in self._blocks
        ]
        return {"blocks": len(self._blocks), "replies": replies}


def _listed(message: Message) -> list[Any]:
    """Return kind, text and whether its check is right; nothing for what is no message."""
    match message:
        case Line(text=text) if is_request(text):
            return ["request", text, True]
        case Line(text=text):
            try:
                return ["ident", parse_identification(text).text, True]
            except RemoteProtocolError:
                return []
        case Option(text=text):
            return ["option", text, True]
        case Block(command=command):
            return ["command" if command else "data", command, message.good]
        case _:
            return []


def _control(message: Control) -> str:
    return "ack" if message.code == ACK else "nak"


def _single(block: Block) -> dict[str, Any]:
    kind = "command" if block.command else "data"
    return {"kind": kind, "command": block.command, "data": block.data}


# -- data


def _told(text: str) -> dict[str, Any]:
    """Return what the lines of a text say."""
    lines = parse_lines(text)
    sets = [data_set for line in lines for data_set in line]
    told: dict[str, Any] = {"data_lines": len(lines), "values": _values(sets)}
    if _tells(sets, is_profile):
        told["rows"] = _rows(text)
    if _tells(sets, is_log):
        entries = parse_log(text)
        told["entries"] = [{"at": e.at, "status": e.status, "rest": list(e.rest)} for e in entries]
    return told


def _tells(sets: Sequence[DataSet], named: Callable[[str | None], bool]) -> bool:
    """Whether there is a table of this kind, or the word that it is empty."""
    return any(
        named(found.code) and (len(found.values) > 1 or found.values in NO_ENTRIES)
        for found in sets
    )


def _values(sets: Sequence[DataSet]) -> dict[str, list[str]]:
    return {"null" if found.code is None else found.code: list(found.values) for found in sets}


def _rows(text: str) -> list[dict[str, Any]]:
    return [
        {
            "at": row.ends.local.isoformat(sep=" "),
            "status": row.status,
            "values": dict(zip((c.code for c in row.channels), row.values, strict=True)),
        }
        for row in parse_profile(text).rows
    ]


# -- mode D


def _telegrams(chunks: Sequence[bytes]) -> dict[str, Any]:
    reader = TelegramReader()
    telegrams = [found for chunk in chunks for found in reader.feed(chunk)]
    telegrams += reader.end()
    if not telegrams:
        detail = "the telegram has no end" if reader.pending else "there is no telegram in it"
        return _refusal("truncated" if reader.pending else "framing", detail)
    shown = [_telegram(telegram) for telegram in telegrams]
    return shown[0] if len(shown) == 1 else shown[0] | {"telegrams": shown}


def _telegram(telegram: Telegram) -> dict[str, Any]:
    shown = {
        "ident": telegram.identification,
        "crc": telegram.crc or None,
        "crc_computed": telegram.computed if telegram.crc else None,
    }
    if not telegram.good:
        return shown | _refusal("crc", "the CRC is wrong")
    told = _told(telegram.data)
    return {"ok": True, "valid": True} | shown | told

"""Recorded frames from a file, made ready for a TCP connection.

A file is a JSON list of entries, or a line of JSON for each: ``{"name", "framing", "hex"}`` as for
DLMS, ``{"name", "raw_hex"}`` or ``{"name", "chunks_hex"}`` for what is sent as it is. DLMS entries
which are no pushes are told apart: a head-end that has not asked can do nothing with an answer.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

from protocols.dlms import apdu_push, hdlc
from protocols.dlms.apdu_ciphered import GENERAL_DED, GENERAL_GLO
from protocols.dlms.gbt import TAG as GBT_TAG
from protocols.dlms.llc import HEADERS, RESPONSE, strip_llc
from protocols.dlms.wrapper import HEADER, encode_wpdu
from protocols.errors import LocalProtocolError

FILE_SIZE_MAX: Final = 64 * 1024 * 1024
METER: Final = 1
"""The logical device from which bare messages are made to come."""
PUSH_WPORT: Final = 103
PUSH_TAGS: Final = frozenset({
    apdu_push.DATA_NOTIFICATION, apdu_push.EVENT_NOTIFICATION, GENERAL_GLO, GENERAL_DED, GBT_TAG,
})  # fmt: skip
_SESSION: Final = "a session: it needs a head-end that asks the very same"
_UNFIT: Final = {"hdlc-session": _SESSION, "apdu-session": _SESSION}
_TITLE: Final = re.compile(r"[0-9A-Fa-f]{16}")

Framing = Literal["auto", "hdlc", "wrapper"]


class VectorKeys(msgspec.Struct, frozen=True):
    """The keys with which an entry's frames were ciphered, hex."""

    ek: str | None = None
    ak: str | None = None
    system_title: str | None = None


class Vector(msgspec.Struct, frozen=True):
    """One entry of the file."""

    name: str = ""
    framing: str = ""
    """Empty: send the bytes as they are."""
    hex: str = ""
    raw_hex: str = ""
    chunks_hex: Annotated[list[str], msgspec.Meta(max_length=100_000)] = []
    keys: VectorKeys | None = None


class VectorsError(Exception):
    """The file with recorded frames cannot be used."""


class Sendable(msgspec.Struct, frozen=True):
    """An entry ready to be sent: the pieces in which it goes, one after the other."""

    pieces: list[bytes]
    framing: str
    """``hdlc``, ``wrapper``, or empty when it goes as it is."""
    apdu: bytes = b""
    """The beginning of its first message, for those that are DLMS."""


class Skipped(msgspec.Struct, frozen=True):
    """An entry that is not sent."""

    reason: str


def load_vectors(file: Path) -> list[Vector]:
    """Return the entries of a file; those without a name are called ``frame-1``, ``frame-2``...

    Raises:
        OSError: it cannot be read.
        VectorsError: it is too long, or no list of entries.

    """
    if file.stat().st_size > FILE_SIZE_MAX:
        raise VectorsError(f"{file} is longer than {FILE_SIZE_MAX} bytes")
    data = file.read_bytes().strip()
    try:
        if data.startswith(b"["):
            vectors = msgspec.json.decode(data, type=list[Vector])
        else:
            vectors = msgspec.json.Decoder(Vector).decode_lines(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        raise VectorsError(f"{file} holds no recorded frames: {problem}") from None
    return [
        vector if vector.name else msgspec.structs.replace(vector, name=f"frame-{number}")
        for number, vector in enumerate(vectors, start=1)
    ]


def prepare(vector: Vector, framing: Framing = "auto") -> Sendable | Skipped:
    """Return the entry as it is sent, or why it is not."""
    try:
        return _prepare(vector, framing)
    except ValueError:
        return Skipped("its bytes are no hex digits")
    except LocalProtocolError as problem:
        return Skipped(str(problem))


def _prepare(vector: Vector, framing: Framing) -> Sendable | Skipped:
    data = bytes.fromhex(vector.hex)
    match vector.framing:
        case "":
            return _as_it_is(vector)
        case "hdlc" | "hdlc-gbt":
            return _if_push(Sendable([data], "hdlc", first_message(data)))
        case "wrapper":
            return _if_push(Sendable([data], "wrapper", data[HEADER.size :]))
        case "llc":
            return _if_push(_framed(strip_llc(data), "hdlc" if framing == "auto" else framing))
        case "apdu":
            return _if_push(_framed(data, "wrapper" if framing == "auto" else framing))
        case other:
            return Skipped(_UNFIT.get(other, f"the framing {other!r} does not travel on TCP"))


def _as_it_is(vector: Vector) -> Sendable | Skipped:
    texts = vector.chunks_hex or [vector.raw_hex or vector.hex]
    pieces = [piece for text in texts if (piece := bytes.fromhex(text))]
    return Sendable(pieces, "") if pieces else Skipped("it has no bytes")


def _framed(apdu: bytes, framing: str) -> Sendable:
    if framing == "wrapper":
        return Sendable([encode_wpdu(METER, PUSH_WPORT, apdu)], framing, apdu)
    client, server = hdlc.encode_address(PUSH_WPORT, None, 1), hdlc.encode_address(METER, None, 1)
    frame = hdlc.encode_frame(client, server, hdlc.UI, RESPONSE + apdu)
    return Sendable([frame], "hdlc", apdu)


def _if_push(sendable: Sendable) -> Sendable | Skipped:
    if not sendable.apdu:
        return Skipped("no message in it")
    tag = sendable.apdu[0]
    return sendable if tag in PUSH_TAGS else Skipped(f"no push: its first message is {tag:#04x}")


def first_message(capture: bytes) -> bytes:
    """Return what follows the first LLC header; its frame need not be whole, nor its check good."""
    found = [at for header in HEADERS if (at := capture.find(header)) >= 0]
    return capture[min(found) + 3 :] if found else b""


def select(vectors: Iterable[Vector], only: Iterable[str]) -> Iterator[Vector]:
    """Yield the entries with the names ``only``; all of them when there are no names.

    Raises:
        VectorsError: no entry has one of the names.

    """
    wanted = set(only)
    chosen = [vector for vector in vectors if not wanted or vector.name in wanted]
    missing = wanted - {vector.name for vector in chosen}
    if missing:
        raise VectorsError(f"no entry is named {', '.join(sorted(missing))}")
    yield from chosen


def title_of(vector: Vector, sendable: Sendable) -> bytes:
    """Return the system title of the sender of a ciphered push; empty without."""
    apdu = sendable.apdu
    if apdu[:1] == bytes((GBT_TAG,)):
        apdu = apdu[apdu.find(bytes((GENERAL_GLO, 8))) :]
    if apdu[:1] in {bytes((GENERAL_GLO,)), bytes((GENERAL_DED,))} and apdu[1:2] == b"\x08":
        return apdu[2:10]
    told = (vector.keys.system_title if vector.keys else None) or ""
    return bytes.fromhex(told) if _TITLE.fullmatch(told) else b""

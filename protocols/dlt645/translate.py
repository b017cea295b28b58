"""An engineer's translator: frames of DL/T 645 in, everything that they say out, as plain data.

The answer's shape is that of CONTRACT: ``hes decode``. A capture without one good frame gives
``{"ok": false, "error": category, "detail": ...}``.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from protocols.capture import captured_chunks
from protocols.dlt645 import exchange, load_record
from protocols.dlt645.codes import CodeTable
from protocols.dlt645.errors import reasons
from protocols.dlt645.frame import (
    ANY,
    BROADCAST,
    Frame,
    FrameReader,
    address_matches,
    encode_frame,
)
from protocols.dlt645.items import Item, Kind, is_block_2007
from protocols.dlt645.options import Dlt645Options
from protocols.dlt645.values import Value, decode_values
from protocols.errors import ProtocolError, RemoteProtocolError

TRANSLATES: Final = ("dlt645-2007", "dlt645-1997")
NAMED_2007: Final = (exchange.READ, exchange.FOLLOW, exchange.WRITE)
NAMED_1997: Final = (exchange.READ_1997, exchange.FOLLOW_1997, exchange.WRITE_1997)
FLAGS: Final = exchange.ANSWER | exchange.REFUSED | exchange.MORE
BROADCASTS: Final = (exchange.BROADCAST_TIME, exchange.FREEZE, 0x1D)
"""The time, a freeze, what a pin shows: all that meters of 2007 take under everybody's address."""
CHANGES: Final = (exchange.WRITE, 0x17, 0x19, 0x1A, 0x1B, 0x1C)
"""Writes, the bit rate, three kinds of clearing, and the switch."""
CHANGES_1997: Final = (exchange.WRITE_1997,)


def translate(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is to be said about the frames in ``request``; never raises.

    ``own`` in the request: the address of a meter, to be told whether a request means it.
    ``options``: those of the meter type that sent them, for values that it sends otherwise.
    """
    try:
        return _translate(request)
    except ProtocolError as problem:
        return _refusal(problem.category, str(problem))


def _refusal(category: str, detail: str) -> dict[str, Any]:
    return {"ok": False, "valid": False, "error": category, "detail": detail}


def _translate(request: Mapping[str, Any]) -> dict[str, Any]:
    reader = FrameReader()
    frames = [frame for chunk in captured_chunks(request) for frame in reader.feed(chunk)]
    left_over, after_idle = reader.left_over, bool(reader.overlong)
    late = reader.idle()
    if late:  # a false start held them back
        frames += late
        left_over, after_idle = reader.left_over, True
    old = request.get("protocol") == "dlt645-1997"
    options = request.get("options")
    codes = CodeTable(options if isinstance(options, Dlt645Options) else Dlt645Options(), old=old)
    shown = {
        "frames": _frames(frames),
        "left_over": left_over,
        "bad_checksums": reader.bad_checksums,
        "after_idle_timeout": after_idle,
    }
    if not frames:
        return _nothing(reader, left_over) | shown
    shown |= {"ok": True, "valid": True, "decoded": [_decoded(f, codes, old=old) for f in frames]}
    if len(frames) == 1:
        shown |= shown["decoded"][0] | _meant(frames[0], request.get("own"), old=old)
    return shown | _follow_up(frames, old=old)


def _nothing(reader: FrameReader, left_over: int) -> dict[str, Any]:
    if reader.bad_checksums:
        return _refusal("checksum", "no good frame: a checksum is wrong")
    if left_over:
        return _refusal("truncated", f"no good frame: {left_over} bytes of one that does not end")
    return _refusal("framing", "no frame")


def _frames(frames: Sequence[Frame]) -> Any:
    """Return the frames one by one; only their number when they are parts of one answer."""
    if any(frame.control & exchange.MORE and frame.from_meter for frame in frames):
        return len(frames)
    return [f"{frame.address} {frame.control:02X} {frame.data.hex()}" for frame in frames]


# -- one frame


def _decoded(frame: Frame, codes: CodeTable, *, old: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "addr": frame.address,
        "ctrl": f"{frame.control:02X}",
        "data_plain": frame.data.hex(),
        "preamble": frame.preamble,
        "checksum": f"{frame.checksum:02X}",
    }
    if frame.from_meter and frame.control & exchange.REFUSED:
        return shown | {"errors": reasons(frame.data[0]) if frame.data else []}
    size = 2 if old else 4
    named = frame.control & ~FLAGS in (NAMED_1997 if old else NAMED_2007)
    if not named or len(frame.data) < size:
        return shown
    di = int.from_bytes(frame.data[:size], "little")
    shown["di"] = f"{di:0{size * 2}X}"
    read = exchange.READ_1997 if old else exchange.READ
    if frame.control == read | exchange.ANSWER:
        shown |= _shown_values(di, frame.data[size:], codes, old=old)
    return shown


def _shown_values(di: int, data: bytes, codes: CodeTable, *, old: bool) -> dict[str, Any]:
    item = codes.item(di)
    try:
        if item.kind is Kind.RECORDS:
            return {"values": [_record(record) for record in load_record.decode_records(data)]}
        values = decode_values(di, data, old=old, item=item)
    except RemoteProtocolError as problem:
        return {"values": None, "problem": str(problem)}
    told = [_value(value) for value in values]
    single = values[0].item.kind in {Kind.DIGITS, Kind.COUNT, Kind.TEXT, Kind.TIME}
    if not old:
        return {"values": told[0] if single and not is_block_2007(di) else told}
    name = f"{di:04X}"
    return {"values": {name: told[0] if len(told) == 1 else told}}


def _value(value: Value) -> Any:
    item = value.item
    if item.kind is Kind.DEMAND:
        if value.number is None:
            return None
        return {
            "value": _decimal(item, value.number),
            "unit": item.symbol,
            "at": _time(value.at) if value.at else None,
        }
    if item.kind is Kind.TIME:
        return _time(value.at) if value.at else None
    if value.text is not None or value.number is None:
        return value.text
    return _decimal(item, value.number)


def _decimal(item: Item, number: int) -> str:
    return f"{Decimal(number).scaleb(-item.decimals):f}"


def _time(raw: bytes) -> str:
    """Return mm hh DD MM YY as a person writes it; digits that are no time stay digits."""
    year, month, day, hour, minute = (f"{part:02x}" for part in raw[::-1])
    return f"20{year}-{month}-{day} {hour}:{minute}"


def _record(record: load_record.LoadRecord) -> dict[str, Any]:
    values: dict[str, str | None] = {}
    for obis, number in record.values.items():
        item = load_record.item_of(obis)
        values[obis] = None if number is None else _decimal(item, number)
    return {"at": _time(record.time), "values": values}


def _meant(frame: Frame, own: Any, *, old: bool) -> dict[str, Any]:
    """Return whom a request asks, and whether that is ``own``."""
    if frame.from_meter:
        return {}
    told: dict[str, Any] = {"asked": frame.address}
    if isinstance(own, str):
        told |= {"own": own, "match": _is_taken(frame, own, old=old)}
    return told


def _is_taken(frame: Frame, own: str, *, old: bool) -> bool:
    """Return whether a meter takes a request for its own.

    To everybody at once are broadcasts, and what meters of 1997 are asked; nobody is changed by a
    command to whoever there is.
    """
    if frame.address == BROADCAST and not old:
        return frame.control in BROADCASTS
    changes = frame.control in (CHANGES_1997 if old else CHANGES)
    return address_matches(own, frame.address) and not (changes and frame.address == ANY)


# -- several frames of one answer


def _follow_up(frames: Sequence[Frame], *, old: bool) -> dict[str, Any]:
    """Return the joined data of an answer in several frames, and the requests for the rest."""
    parts = [frame for frame in frames if frame.from_meter]
    if not any(frame.control & exchange.MORE for frame in parts):
        return {}
    size = 2 if old else 4
    name = parts[0].data[:size]
    if any(frame.data[:size] != name or frame.address != parts[0].address for frame in parts):
        raise RemoteProtocolError("follow-up", "the frames belong to different answers")
    tail = 0 if old else 1
    bodies = [parts[0].data[size:], *(f.data[size : len(f.data) - tail] for f in parts[1:])]
    numbers = [None, *(f.data[-1] if tail and f.data else None for f in parts[1:])]
    if not old and numbers[1:] != list(range(1, len(parts))):
        raise RemoteProtocolError("follow-up", f"follow-up frames in the order {numbers[1:]}")
    return {
        "reassembled": b"".join(bodies).hex(),
        "seq": numbers,
        "requests": [_request(parts[0].address, name, n, old=old) for n in range(1, len(parts))],
    }


def _request(address: str, name: bytes, number: int, *, old: bool) -> str:
    control = exchange.FOLLOW_1997 if old else exchange.FOLLOW
    sequence = b"" if old else bytes((number & 0xFF,))
    return encode_frame(address, control, name + sequence).hex()

"""Values in an answer that somebody else has asked for and kept: no conversation, only its end."""

from collections.abc import Iterator
from typing import Final

from protocols.dlt645 import bcd, exchange
from protocols.dlt645.codes import CodeTable
from protocols.dlt645.frame import Frame, FrameReader
from protocols.dlt645.items import Kind
from protocols.dlt645.options import Dlt645Options
from protocols.dlt645.registers import take_value
from protocols.dlt645.values import Value, decode_values
from protocols.errors import RemoteProtocolError
from protocols.values import RegistersRead

FRAMES_MAX: Final = 64
"""In one record: a modem keeps the answers of one round."""
ALL: Final = {False: (8, 0xFF), True: (4, 0xF)}
"""Bits of the part of an identifier that may ask for all, and its value: 2007, 1997."""


def registers_in(
    data: bytes, *, old: bool, utc_offset_min: int, options: Dlt645Options | None = None
) -> tuple[RegistersRead, set[str]]:
    """Return the registers in the answers that ``data`` holds, and the addresses of who told them.

    Raises:
        RemoteProtocolError: there is none, or it is no such value.

    """
    codes = CodeTable(options or Dlt645Options(), old=old)
    found, addresses = RegistersRead([], {}), set()
    read = exchange.READ_1997 if old else exchange.READ
    for frame in FrameReader().feed(data)[:FRAMES_MAX]:
        if frame.control == read | exchange.ANSWER:
            addresses.add(frame.address)
            _take_frame(found, frame, codes, old=old, utc_offset_min=utc_offset_min)
    if not found.values:
        raise RemoteProtocolError("frame", "no answer with a value of a known register")
    return found, addresses


def _take_frame(
    found: RegistersRead, frame: Frame, codes: CodeTable, *, old: bool, utc_offset_min: int
) -> None:
    size = 2 if old else 4
    if len(frame.data) <= size:
        raise RemoteProtocolError("size", "an answer without a value")
    di = int.from_bytes(frame.data[:size], "little")
    values = decode_values(di, frame.data[size:], old=old, item=codes.item(di))
    for obis, value in _named(di, values, codes, old=old):
        at = value.at if value.item.kind is Kind.DEMAND and len(value.at) == 5 else b""
        take_value(found, obis, value, bcd.instant(at, utc_offset_min) if at else None)


def _named(
    di: int, values: list[Value], codes: CodeTable, *, old: bool
) -> Iterator[tuple[str, Value]]:
    """Yield each value with its code; those that nobody has a code for are left out."""
    whole = codes.obis(di)
    if whole is not None and len(values) == 1:
        yield whole, values[0]
        return
    for place, value in enumerate(values):
        obis = next(iter(_at(di, place, codes, old=old)), None)
        if obis is not None:
            yield obis, value


def _at(block: int, place: int, codes: CodeTable, *, old: bool) -> Iterator[str]:
    """Yield the code of the value at a place of a block, if it has one."""
    bits, every = ALL[old]
    for shift in range(0, 32, bits):
        if block >> shift & every != every:
            continue
        for number in (place, place + 1):  # rates count from 0, phases from 1
            di = block & ~(every << shift) | number << shift
            obis = codes.obis(di)
            if obis is not None and codes.block(di) == (block, place):
                yield obis

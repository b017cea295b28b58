"""Load records of DL/T 645-2007, class 06: what a meter stored every few minutes.

One record; each of the six classes is ended by AA and empty when it is not recorded::

    A0 A0 | length | mm hh DD MM YY | class 1 AA class 2 AA .. class 6 AA | CS | E5
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from protocols.dlt645 import bcd
from protocols.dlt645.items import AMPERE, HERTZ, RATIO, VAR, VARH, VOLT, WH, Item, W
from protocols.errors import RemoteProtocolError

MARK: Final = b"\xa0\xa0"
CLASS_END: Final = 0xAA
RECORD_END: Final = 0xE5
HEAD_SIZE: Final = 8
"""Mark, length and time."""
RECORDS_MAX: Final = 4096

_POWER: Final = Item(3, 4, W, kilo=True, signed=True)
_REACTIVE: Final = Item(3, 4, VAR, kilo=True, signed=True)
_ENERGY: Final = Item(4, 2, WH, kilo=True)
_REACTIVE_ENERGY: Final = Item(4, 2, VARH, kilo=True, signed=True)

COLUMNS: Final[tuple[tuple[tuple[str, Item], ...], ...]] = (
    tuple(
        [(f"1.0.{32 + 20 * n}.7.0.255", Item(2, 1, VOLT)) for n in range(3)]
        + [(f"1.0.{31 + 20 * n}.7.0.255", Item(3, 3, AMPERE, signed=True)) for n in range(3)]
        + [("1.0.14.7.0.255", Item(2, 2, HERTZ))]
    ),
    tuple(
        [(f"1.0.{c}.7.0.255", _POWER) for c in (1, 21, 41, 61)]
        + [(f"1.0.{c}.7.0.255", _REACTIVE) for c in (3, 23, 43, 63)]
    ),
    tuple((f"1.0.{c}.7.0.255", Item(2, 3, RATIO, signed=True)) for c in (13, 33, 53, 73)),
    (
        ("1.0.1.8.0.255", _ENERGY),
        ("1.0.2.8.0.255", _ENERGY),
        ("1.0.3.8.0.255", _REACTIVE_ENERGY),
        ("1.0.4.8.0.255", _REACTIVE_ENERGY),
    ),
    tuple((f"1.0.{c}.8.0.255", Item(4, 2, VARH, kilo=True)) for c in (5, 6, 7, 8)),
    (("1.0.1.4.0.255", _POWER), ("1.0.3.4.0.255", _REACTIVE)),
)
"""What each class holds: voltages, currents, frequency; powers; factors; energies; demands."""


class LoadRecord(msgspec.Struct, frozen=True):
    """One record; ``values`` by OBIS code, None where the meter has no such value."""

    time: bytes
    """mm hh DD MM YY."""
    values: dict[str, int | None]


_ITEMS: Final = {obis: item for columns in COLUMNS for obis, item in columns}
CODES: Final = tuple(_ITEMS)
"""All columns, in the order in which they are sent."""


def item_of(obis: str) -> Item:
    """Return how a column is sent."""
    return _ITEMS[obis]


def decode_records(data: bytes, *, only: int = 0) -> list[LoadRecord]:
    """Return the records of an answer, oldest first as sent.

    ``only``: the class that was asked for; a meter may then leave out the ends of the others.

    Raises:
        RemoteProtocolError: a record is cut, its checksum is wrong, or a class has a wrong size.

    """
    records: list[LoadRecord] = []
    at = 0
    while at < len(data):
        end = _end_of_record(data, at)
        records.append(_decode_record(data[at:end], only))
        at = end
        if len(records) > RECORDS_MAX:
            raise RemoteProtocolError("size", f"more than {RECORDS_MAX} load records")
    return records


def _end_of_record(data: bytes, at: int) -> int:
    """Return where the record ends.

    Firmware disagrees on what its length counts, so checksum and end mark decide.
    """
    if data[at : at + 2] != MARK or at + HEAD_SIZE > len(data):
        raise RemoteProtocolError("load-record", f"no load record begins at byte {at}")
    for more in (5, 0, 2, 3, 8, 10):
        end = at + data[at + 2] + more
        if at + HEAD_SIZE + 2 > end or end > len(data) or data[end - 1] != RECORD_END:
            continue
        if sum(data[at : end - 2]) & 0xFF == data[end - 2]:
            return end
    raise RemoteProtocolError("load-record", f"the load record at byte {at} does not end well")


def _decode_record(record: bytes, only: int) -> LoadRecord:
    values: dict[str, int | None] = {}
    at, last = HEAD_SIZE, len(record) - 2
    for columns in _classes(record, only):
        if at >= last:
            break
        if record[at] != CLASS_END:  # no decimal number begins with AA: else the class is empty
            at = _decode_class(record[:last], at, columns, values)
        if at >= last or record[at] != CLASS_END:
            raise RemoteProtocolError("load-record", "a class of a load record has a wrong size")
        at += 1
    if at != last:
        raise RemoteProtocolError("load-record", "more than six classes in a load record")
    return LoadRecord(record[3:HEAD_SIZE], values)


def _classes(record: bytes, only: int) -> Sequence[Sequence[tuple[str, Item]]]:
    if not only:
        return COLUMNS
    alone = HEAD_SIZE + sum(item.size for _, item in COLUMNS[only - 1]) + 1
    return (COLUMNS[only - 1],) if len(record) - 2 == alone else COLUMNS


def _decode_class(
    body: bytes, at: int, columns: Sequence[tuple[str, Item]], values: dict[str, int | None]
) -> int:
    """Put the values of a class into ``values``; return where it ends."""
    for obis, item in columns:
        raw = body[at : at + item.size]
        if len(raw) < item.size:
            raise RemoteProtocolError("load-record", "a class of a load record is cut off")
        values[obis] = None if bcd.is_absent(raw) else bcd.decode(raw, signed=item.signed)
        at += item.size
    return at


def encode_record(time: bytes, classes: list[bytes]) -> bytes:
    """Return a record as a meter sends it; ``classes``: six, empty where not recorded."""
    body = time + b"".join(values + bytes((CLASS_END,)) for values in classes)
    head = MARK + bytes((len(body),)) + body
    return head + bytes((sum(head) & 0xFF, RECORD_END))

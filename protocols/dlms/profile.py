"""Load profiles and other tables of a meter: columns read from the meter, rows made whole again."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import repeat
from typing import Any, Final

import msgspec

from protocols.dlms import cosem
from protocols.dlms.axdr import Delta
from protocols.dlms.client import Dialogue, DlmsClient
from protocols.dlms.cosem import Attribute, Refused, obis_bytes
from protocols.dlms.objects import Column, ObjectCache, Scale
from protocols.dlms.profile_selection import Wanted, Way, read_buffer
from protocols.dlms.reader import TimeRules, learn_scales
from protocols.errors import MeterRefused, RemoteProtocolError

ROWS_MAX: Final = 20_000
"""A year of half hours has 17,568."""
STATUS_CODES: Final = ("96.10", "97.97", "96.5")
"""C.D of objects that hold a status word (profile status 0.x.96.10.e)."""


class ProfileRow(msgspec.Struct, frozen=True):
    """One row: end of the interval (UTC), status word, the other columns."""

    time: datetime
    status: int | None
    values: tuple[Any, ...]


class ProfileData(msgspec.Struct, frozen=True):
    """Rows of a profile with what their columns are."""

    obis: str
    period_s: int | None
    columns: list[Column]
    """The value columns, without clock and status."""
    scales: list[Scale]
    rows: list[ProfileRow]


class _Shape(msgspec.Struct, frozen=True):
    """Where the clock and the status stand among the columns."""

    clock: int
    status: int | None
    values: list[int]


def _shape(columns: Sequence[Column]) -> _Shape:
    clocks = [n for n, c in enumerate(columns) if c.class_id == cosem.CLASS_CLOCK]
    if not clocks:
        raise RemoteProtocolError("profile", "the profile has no clock column")
    statuses = [
        n for n, c in enumerate(columns) if ".".join(c.obis.split(".")[2:4]) in STATUS_CODES
    ]
    status = statuses[0] if statuses else None
    values = [n for n in range(len(columns)) if n not in {clocks[0], status}]
    return _Shape(clocks[0], status, values)


def read_profile(
    client: DlmsClient,
    code: str,
    begin: datetime,
    end: datetime,
    cache: ObjectCache,
    rules: TimeRules,
) -> Dialogue[ProfileData]:
    """Read the rows from ``begin`` to ``end``, both included.

    Selects by range, or as the meter can (``profile_selection``); the rows are filtered.

    Raises:
        MeterRefused: the meter has no such profile or does not let us read it.

    """
    yield from _learn_columns(client, code, cache)
    columns = cache.columns[code]
    shape = _shape(columns)
    period_s = cache.periods.get(code)
    wanted = Wanted(
        obis=obis_bytes(code), clock=obis_bytes(columns[shape.clock].obis), begin=begin, end=end,
        period_s=period_s, time_of=lambda row: _lone_time(row, shape, rules),
        selection=tuple(map(Way, cache.selection)) or tuple(Way),
    )  # fmt: skip
    known = cache.ways.get(code)
    result, way = yield from read_buffer(client, wanted, rules, Way(known) if known else None)
    if isinstance(result, Refused):
        raise MeterRefused(f"the meter does not let profile {code} be read ({result})")
    cache.ways[code] = way
    if not isinstance(result, list) or len(result) > ROWS_MAX:
        raise RemoteProtocolError("profile", f"the buffer of {code} is no table")
    rows = rebuild(result, len(columns), shape, period_s, rules)
    scaled = [columns[n] for n in shape.values]
    yield from learn_scales(client, [c.obis for c in scaled if _is_register(c)], cache)
    scales = [cache.scales.get(c.obis, Scale(None, None)) for c in scaled]
    kept = [row for row in rows if begin <= row.time <= end]
    return ProfileData(code, period_s, scaled, scales, kept)


def _is_register(column: Column) -> bool:
    return column.class_id in {3, 4, 5} and column.attribute in {2, 3}


def _learn_columns(client: DlmsClient, code: str, cache: ObjectCache) -> Dialogue[None]:
    """Read capture objects and period, once for each profile."""
    if code in cache.columns:
        return
    obis = obis_bytes(code)
    objects = yield from client.get(Attribute(cosem.CLASS_PROFILE, obis, 3))
    if isinstance(objects, Refused):
        raise MeterRefused(f"the meter has no profile {code} ({objects})")
    columns = _columns(objects)
    for column in columns:
        if _is_register(column):
            cache.classes.setdefault(column.obis, column.class_id)
    period = yield from client.get(Attribute(cosem.CLASS_PROFILE, obis, 4))
    if isinstance(period, int) and period > 0:
        cache.periods[code] = period
    cache.columns[code] = columns


def _columns(objects: Any) -> list[Column]:
    if not isinstance(objects, list) or not all(map(_is_capture_object, objects)):
        raise RemoteProtocolError("profile", "the capture objects are no list of columns")
    return [Column(class_id, cosem.obis_text(obis), a, n) for class_id, obis, a, n in objects]


def _is_capture_object(part: Any) -> bool:
    if not isinstance(part, list | tuple) or len(part) != 4:
        return False
    class_id, obis, attribute, index = part
    numbers = all(isinstance(number, int) for number in (class_id, attribute, index))
    return numbers and isinstance(obis, bytes) and len(obis) == cosem.OBIS_SIZE


def rebuild(
    table: Sequence[Any], width: int, shape: _Shape, period_s: int | None, rules: TimeRules
) -> list[ProfileRow]:
    """Return the rows of a buffer with the null-compression undone.

    Null means: the same as in the row before; for the clock, one capture period later. A delta is
    what a cell is more than the one above it.

    Raises:
        RemoteProtocolError: a row has another width, or no time can be told.

    """
    if _is_plain(table, width):
        return _plain_rows(table, shape, rules)
    rows: list[ProfileRow] = []
    before: list[Any] = [None] * width
    time: datetime | None = None
    for cells in table:
        if not isinstance(cells, list | tuple) or len(cells) != width:
            raise RemoteProtocolError("profile", f"a row that has not {width} cells")
        whole = [old if new is None else new for new, old in zip(cells, before, strict=True)]
        if any(type(cell) is Delta for cell in cells):
            whole = list(map(_summed, whole, before))
        clock = None if cells[shape.clock] is None else whole[shape.clock]
        time = _row_time(clock, time, period_s, rules)
        status = None if shape.status is None else _status(whole[shape.status])
        rows.append(ProfileRow(time, status, tuple(whole[n] for n in shape.values)))
        before = whole
    return rows


def _summed(cell: Any, before: Any) -> Any:
    if not isinstance(cell, Delta):
        return cell
    if not isinstance(before, int) or isinstance(before, bool):
        raise RemoteProtocolError("profile", "a difference, and no number above it")
    return before + cell.difference


def _is_plain(table: Sequence[Any], width: int) -> bool:
    """Return whether every row was read by a layout (``rows``): whole, with nothing left out."""
    return set(map(type, table)) == {tuple} and set(map(len, table)) == {width}


def _plain_rows(table: Sequence[Any], shape: _Shape, rules: TimeRules) -> list[ProfileRow]:
    """Return the rows of such a table: column by column, several times as fast as row by row."""
    columns = list(zip(*table, strict=True))
    times = _column_times(columns[shape.clock], rules)
    statuses: Iterable[int | None] = repeat(None)
    if shape.status is not None:
        statuses = map(_status, columns[shape.status])
    values: Iterable[tuple[Any, ...]] = repeat(())
    if shape.values:
        values = zip(*(columns[n] for n in shape.values), strict=True)
    return list(map(ProfileRow, times, statuses, values))


def _column_times(cells: Sequence[Any], rules: TimeRules) -> list[datetime]:
    if set(map(type, cells)) != {bytes}:
        return [_row_time(cell, None, None, rules) for cell in cells]
    times = [time for time in rules.decode_many(cells) if time is not None]
    if len(times) != len(cells):
        raise RemoteProtocolError("profile", "a row whose time is not specified")
    return times


def _row_time(
    cell: Any,
    before: datetime | None,
    period_s: int | None,
    rules: TimeRules,
) -> datetime:
    if cell is None:
        if before is None or not period_s:
            raise RemoteProtocolError("profile", "a row without time, and none to count from")
        return _later(before, period_s)
    if isinstance(cell, int):  # some meters store UNIX time
        return _later(datetime(1970, 1, 1, tzinfo=UTC), cell)
    time = rules.decode(cell) if isinstance(cell, bytes) else None
    if time is None:
        raise RemoteProtocolError("profile", "a row whose time is not specified")
    return time


def _later(time: datetime, seconds: int) -> datetime:
    try:
        return time + timedelta(seconds=seconds)
    except OverflowError:
        raise RemoteProtocolError("profile", "a row whose time is beyond the calendar") from None


def _lone_time(row: Any, shape: _Shape, rules: TimeRules) -> datetime | None:
    """Return the time of a row that stands alone; None when it does not tell."""
    try:
        return _row_time(row[shape.clock], None, None, rules)
    except (RemoteProtocolError, TypeError, LookupError):
        return None


def _status(cell: Any) -> int | None:
    if isinstance(cell, bool | int):
        return int(cell)
    if isinstance(cell, str):
        return int(cell, 2) if cell and set(cell) <= {"0", "1"} else None
    return int.from_bytes(cell) if isinstance(cell, bytes) and cell else None

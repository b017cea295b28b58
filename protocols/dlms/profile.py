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
from protocols.dlms.cosem_time import SIZE as TIME_SIZE
from protocols.dlms.objects import Column, ObjectCache, Scale, is_unix_clock
from protocols.dlms.profile_selection import Wanted, Way, read_buffer
from protocols.dlms.reader import TimeRules, learn_scales
from protocols.errors import MeterNonsense, MeterRefused, RemoteProtocolError

ROWS_MAX: Final = 20_000
"""A year of half hours has 17,568."""
STATUS_CODES: Final = ("96.10", "97.97", "96.5")
"""C.D of objects that hold a status word (profile status 0.x.96.10.e)."""


class NoSuchProfile(MeterRefused):
    """The meter does not tell what a profile holds: it has none of that code, or not for us."""


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
    clocks = clocks or [n for n, c in enumerate(columns) if is_unix_clock(c)]
    if not clocks:
        raise MeterNonsense("profile", "the profile has no clock column")
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
    result = yield from _buffer(client, code, begin, end, cache, rules)
    try:
        rows = _rows(result, code, cache, rules)
    except MeterNonsense:
        if not (yield from _has_changed(client, code, cache)):
            raise
        rows = _rows(result, code, cache, rules)
    columns, period_s = cache.columns[code], cache.periods.get(code)
    scaled = [columns[n] for n in _shape(columns).values]
    yield from learn_scales(client, [c.obis for c in scaled if _is_register(c)], cache)
    scales = [cache.scales.get(c.obis, Scale(None, None)) for c in scaled]
    kept = [row for row in rows if begin <= row.time <= end]
    return ProfileData(code, period_s, scaled, scales, kept)


def has_profile(client: DlmsClient, code: str, cache: ObjectCache) -> Dialogue[bool]:
    """Whether the meter has such a profile; what it holds is known then."""
    try:
        yield from _learn_columns(client, code, cache)
    except NoSuchProfile:
        return False
    return True


def _buffer(
    client: DlmsClient,
    code: str,
    begin: datetime,
    end: datetime,
    cache: ObjectCache,
    rules: TimeRules,
) -> Dialogue[list[Any]]:
    """Read the rows as the meter sends them, at least those that are wanted."""
    columns = cache.columns[code]
    shape = _shape(columns)
    wanted = Wanted(
        obis=obis_bytes(code), clock=columns[shape.clock], begin=begin, end=end,
        period_s=cache.periods.get(code), time_of=lambda row: _lone_time(row, shape, rules),
        selection=tuple(map(Way, cache.selection)) or tuple(Way),
    )  # fmt: skip
    known = cache.ways.get(code)
    result, way = yield from read_buffer(client, wanted, rules, Way(known) if known else None)
    if isinstance(result, Refused):
        raise MeterRefused(f"the meter does not let profile {code} be read ({result})")
    cache.ways[code] = way
    if not isinstance(result, list) or len(result) > ROWS_MAX:
        raise MeterNonsense("profile", f"the buffer of {code} is no table")
    return result


def _rows(
    table: Sequence[Any], code: str, cache: ObjectCache, rules: TimeRules
) -> list[ProfileRow]:
    columns = cache.columns[code]
    return rebuild(table, len(columns), _shape(columns), cache.periods.get(code), rules)


def _has_changed(client: DlmsClient, code: str, cache: ObjectCache) -> Dialogue[bool]:
    """Ask once more what a profile holds: somebody may have set the meter up anew meanwhile."""
    known = cache.columns.pop(code)
    try:
        yield from _learn_columns(client, code, cache)
    except (NoSuchProfile, MeterNonsense):
        return False
    finally:
        cache.columns.setdefault(code, known)
    return cache.columns[code] != known


def _is_register(column: Column) -> bool:
    return column.class_id in {3, 4, 5} and column.attribute in {2, 3}


def _learn_columns(client: DlmsClient, code: str, cache: ObjectCache) -> Dialogue[None]:
    """Read capture objects and period, once for each profile."""
    if code in cache.columns:
        return
    obis = obis_bytes(code)
    objects = yield from client.get(Attribute(cosem.CLASS_PROFILE, obis, 3))
    if isinstance(objects, Refused):
        raise NoSuchProfile(f"the meter has no profile {code} ({objects})")
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
        raise MeterNonsense("profile", "the capture objects are no list of columns")
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
    what a cell is more than the one above it. A row whose clock shows no date, captured while the
    clock was not set, is left out, with those that count from it: nobody knows when they were.

    Raises:
        MeterNonsense: a row has another width, or no time can be told.

    """
    if _is_plain(table, width) and (plain := _plain_rows(table, shape, rules)) is not None:
        return plain
    rows: list[ProfileRow] = []
    before: list[Any] = [None] * width
    time: datetime | None = None
    for number, cells in enumerate(table):
        whole = _whole(cells, before)
        clock = None if cells[shape.clock] is None else whole[shape.clock]
        before = whole
        if clock is None and time is None and number:
            continue
        time = _row_time(clock, time, period_s, rules)
        if time is not None:
            status = None if shape.status is None else _status(whole[shape.status])
            rows.append(ProfileRow(time, status, tuple(whole[n] for n in shape.values)))
    if len(table) and not rows:
        raise MeterNonsense("profile", "no row tells its time")
    return rows


def _whole(cells: Any, before: Sequence[Any]) -> list[Any]:
    """Return the cells of a row with what stands above in the place of nulls and deltas."""
    if not isinstance(cells, list | tuple) or len(cells) != len(before):
        raise MeterNonsense("profile", f"a row that has not {len(before)} cells")
    whole = [old if new is None else new for new, old in zip(cells, before, strict=True)]
    if any(type(cell) is Delta for cell in cells):
        whole = list(map(_summed, whole, before))
    return whole


def _summed(cell: Any, before: Any) -> Any:
    if not isinstance(cell, Delta):
        return cell
    if not isinstance(before, int) or isinstance(before, bool):
        raise MeterNonsense("profile", "a difference, and no number above it")
    return before + cell.difference


def _is_plain(table: Sequence[Any], width: int) -> bool:
    """Return whether every row was read by a layout (``rows``): whole, with nothing left out."""
    return set(map(type, table)) == {tuple} and set(map(len, table)) == {width}


def _plain_rows(table: Sequence[Any], shape: _Shape, rules: TimeRules) -> list[ProfileRow] | None:
    """Return the rows of such a table: column by column, several times as fast as row by row.

    None: some row does not tell its time.
    """
    columns = list(zip(*table, strict=True))
    times = _column_times(columns[shape.clock], rules)
    if times is None:
        return None
    statuses: Iterable[int | None] = repeat(None)
    if shape.status is not None:
        statuses = map(_status, columns[shape.status])
    values: Iterable[tuple[Any, ...]] = repeat(())
    if shape.values:
        values = zip(*(columns[n] for n in shape.values), strict=True)
    return list(map(ProfileRow, times, statuses, values))


def _column_times(cells: Sequence[Any], rules: TimeRules) -> list[datetime] | None:
    if set(map(type, cells)) != {bytes}:
        return None
    try:
        times = [time for time in rules.decode_many(cells) if time is not None]
    except RemoteProtocolError:
        return None
    return times if len(times) == len(cells) else None


def _row_time(
    cell: Any,
    before: datetime | None,
    period_s: int | None,
    rules: TimeRules,
) -> datetime | None:
    """Return the time of a row; None when its clock shows no date."""
    if cell is None:
        if before is None or not period_s:
            raise MeterNonsense("profile", "a row without time, and none to count from")
        return _later(before, period_s)
    if isinstance(cell, int):  # some meters store UNIX time
        return _later(datetime(1970, 1, 1, tzinfo=UTC), cell)
    if not isinstance(cell, bytes) or len(cell) != TIME_SIZE:
        raise MeterNonsense("profile", "a row whose time is no date-time")
    return rules.instant(cell)


def _later(time: datetime, seconds: int) -> datetime:
    try:
        return time + timedelta(seconds=seconds)
    except OverflowError:
        raise MeterNonsense("profile", "a row whose time is beyond the calendar") from None


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

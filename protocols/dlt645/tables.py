"""Reading what a DL/T 645 meter keeps by time: load records, ends of billing, daily freezes."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from protocols.dialogue import Dialogue
from protocols.dlt645 import bcd, clock, load_record
from protocols.dlt645.client import Dlt645Client
from protocols.dlt645.codes import LATCHED, SETTLEMENTS_MAX_1997
from protocols.dlt645.errors import NO_DATA
from protocols.dlt645.exchange import Refusal, insist
from protocols.dlt645.registers import NOT_ASKED, read_registers
from protocols.errors import MeterRefused, MeterSilent
from protocols.values import ProfileRead, ReadValue, TableRow

LOAD_PROFILE: Final = "1.0.99.1.0.255"
BILLING: Final = "0.0.98.1.0.255"
DAILY: Final = "1.0.98.2.0.255"
LOAD: Final = 0x06000000
"""Load records; DI2 is the class, DI0 says from when on."""
FROM_TIME: Final = 1
NEWEST: Final = 2
LOAD_PERIOD: Final = 0x04000A01
"""Minutes between the load records of class 1; the other classes follow."""
ENERGY_CLASS: Final = 4
QUESTIONS_MAX: Final = 200
HALF_HOUR_S: Final = 1800
"""Between load records, where nobody says."""
MISSES_MAX: Final = 8
"""Intervals in a row that a meter may not have, before what follows is given up."""
DAILY_TIME: Final = 0x05060001
DAILY_VALUE: Final = 0x05060101
DAILY_FREEZES_MAX: Final = 62
SETTLEMENT_DAYS: Final = (0x04000B01, 0x04000B02, 0x04000B03)
SETTLEMENT_DAY_1997: Final = 0xC117
SETTLED: Final = (
    *(f"1.0.{c}.8.{e}" for c in (1, 2) for e in range(5)), "1.0.3.8.0", "1.0.4.8.0", "1.0.1.6.0",
)  # fmt: skip
"""The columns of the billing profile, without group F."""
MINUTE: Final = timedelta(minutes=1)
Records = dict[datetime, dict[str, int | None]]


# -- load records


def read_load(client: Dlt645Client, begin: datetime, end: datetime) -> Dialogue[ProfileRead]:
    """Read the load records from ``begin`` to ``end``.

    Raises:
        MeterRefused: it keeps none.

    """
    if client.old:
        raise MeterRefused("meters of the standard of 1997 keep no load records")
    period_s = yield from _load_period(client)
    rows: Records | None = None
    if client.settings.options.load_by == "time":
        rows = yield from _from_time_on(client, begin, end, period_s or HALF_HOUR_S)
    if rows is None:
        rows = yield from _newest(client)
    codes = [o for o in load_record.CODES if any(o in values for values in rows.values())]
    table = [
        TableRow(time, None, tuple(rows[time].get(obis) for obis in codes))
        for time in sorted(rows)
        if begin <= time <= end
    ]
    return ProfileRead(LOAD_PROFILE, period_s, [_column(obis) for obis in codes], table)


def _column(obis: str) -> ReadValue:
    item = load_record.item_of(obis)
    return ReadValue(obis, None, *item.told, 3, 2)


def _load_period(client: Dlt645Client) -> Dialogue[int | None]:
    options, memory = client.settings.options, client.memory
    if options.load_period_s:
        return options.load_period_s
    if memory.load_period_s is None:
        answer = yield from client.line.read(LOAD_PERIOD + (options.load_class or ENERGY_CLASS))
        told = "" if isinstance(answer, Refusal) else bcd.backwards(answer)
        memory.load_period_s = int(told) * 60 if told.isdecimal() and len(told) == 4 else 0
    return memory.load_period_s or None


def _from_time_on(
    client: Dlt645Client, begin: datetime, end: datetime, period_s: int
) -> Dialogue[Records | None]:
    """Read on from ``begin``; None when the meter has nothing to begin with.

    Some meters want the very time of a record: after the first miss only such are asked for.
    """
    rows: Records = {}
    at, misses, step_s = _not_before(client, begin, 60), 0, 60
    for _ in range(QUESTIONS_MAX):
        if at > end or misses > MISSES_MAX:
            break
        local = at.astimezone(client.settings.zone)
        found = yield from _ask_records(client, FROM_TIME, bcd.time_bytes(local, "%y%m%d%H%M"))
        if found is None and not rows and misses:
            return None
        later = [time for time in found or () if time >= at]
        if found and later:
            rows |= {time: found[time] for time in later}
            at, misses = _not_before(client, max(later) + MINUTE, step_s), 0
            continue
        misses += 1
        if not found:  # else it was a late answer to the question before
            at = _not_before(client, at + (misses > 1) * MINUTE, period_s)
            step_s = period_s
    return rows


def _not_before(client: Dlt645Client, instant: datetime, step_s: int) -> datetime:
    """Return the next time that is a multiple of ``step_s`` by the meter's clock."""
    local_s = instant.timestamp() + client.settings.utc_offset_min * 60
    return instant + timedelta(seconds=-local_s % step_s)


def _newest(client: Dlt645Client) -> Dialogue[Records]:
    found = yield from _ask_records(client, NEWEST)
    if found is None:
        raise MeterRefused("the meter has no load records")
    return found


def _ask_records(client: Dlt645Client, where: int, since: bytes = b"") -> Dialogue[Records | None]:
    """Return some load records by time; None when there are none.

    Raises:
        MeterRefused: for another reason.

    """
    options = client.settings.options
    count = bytes.fromhex(f"{options.load_records:02d}")
    name = LOAD | options.load_class << 16 | where
    answer = yield from client.line.read(name, count + since)
    if isinstance(answer, Refusal) and answer.code & NO_DATA:
        return None
    records: Records = {}
    for record in load_record.decode_records(
        insist(answer, "its load records"), only=options.load_class
    ):
        time = client.instant(record.time)
        if time is not None:
            records[time] = record.values
    return records


# -- ends of billing periods


def read_billing(client: Dlt645Client, begin: datetime, end: datetime) -> Dialogue[ProfileRead]:
    """Read what was latched at the ends of billing periods from ``begin`` to ``end``.

    The meter numbers its settlements and keeps no times with them: those follow from its
    settlement days and its clock.

    Raises:
        MeterRefused: it does not tell its clock or its settlement days.
        MeterSilent: it stopped answering: nothing half read is told.

    """
    columns = {f"{code}.255": ReadValue(f"{code}.255", None, class_id=3) for code in SETTLED}
    rows: list[TableRow] = []
    times = yield from _settlement_times(client)
    for back, time in enumerate(times, start=1):
        if time < begin:
            break
        if time > end:
            continue
        asked = {f"{code}.{LATCHED + back}": f"{code}.255" for code in SETTLED}
        read = yield from read_registers(client, list(asked))
        if NOT_ASKED in read.refused.values():
            raise MeterSilent("the meter stopped answering within a settlement")
        values = {asked[value.obis]: value for value in read.values}
        if not values:
            break
        columns |= {
            code: ReadValue(code, None, v.scaler, v.unit, v.class_id, 2)
            for code, v in values.items()
        }
        cells = tuple(values[c].value if c in values else None for c in columns)
        rows.append(TableRow(time, None, cells))
    return ProfileRead(BILLING, None, list(columns.values()), rows[::-1])


def _settlement_times(client: Dlt645Client) -> Dialogue[list[datetime]]:
    """Return when the meter settled, the last one first."""
    now = yield from clock.read_clock(client)
    most = SETTLEMENTS_MAX_1997 if client.old else client.settings.options.settlements
    days = yield from _settlement_days(client)
    local = now.astimezone(client.settings.zone)
    times: list[datetime] = []
    for months in range(most + 1):
        year, month = divmod(local.year * 12 + local.month - 1 - months, 12)
        times += [
            datetime(year, month + 1, day, hour, tzinfo=client.settings.zone).astimezone(UTC)
            for day, hour in days
        ]
    return sorted((time for time in times if time <= now), reverse=True)[:most]


def _settlement_days(client: Dlt645Client) -> Dialogue[list[tuple[int, int]]]:
    """Return day and hour of each settlement in a month."""
    days: list[tuple[int, int]] = []
    for di in (SETTLEMENT_DAY_1997,) if client.old else SETTLEMENT_DAYS:
        answer = yield from client.line.read(di)
        if isinstance(answer, Refusal):
            break
        text = bcd.backwards(answer)
        if len(text) == 4 and text.isdecimal():
            day, hour = int(text[:2]), int(text[2:])
            if 1 <= day <= 28 and hour <= 23:  # 99 99: not used
                days.append((day, hour))
    if not days:
        raise MeterRefused("the meter does not tell its settlement days")
    return sorted(set(days))


# -- daily freezes


def read_daily(client: Dlt645Client, begin: datetime, end: datetime) -> Dialogue[ProfileRead]:
    """Read the daily freezes of imported energy, total and rates."""
    if client.old:
        raise MeterRefused("meters of the standard of 1997 keep no daily freezes")
    rows: list[tuple[datetime, Sequence[int | None]]] = []
    for back in range(DAILY_FREEZES_MAX):
        answer = yield from client.line.read(DAILY_TIME + back)
        time = None if isinstance(answer, Refusal) else client.instant(answer)
        if time is None or time < begin:
            break
        if time > end:
            continue
        values = yield from client.read(DAILY_VALUE + back)
        if isinstance(values, Refusal):
            break
        rows.append((time, [value.number for value in values]))
    width = max((len(values) for _, values in rows), default=0)
    item = client.codes.item(DAILY_VALUE)
    names = [client.codes.obis(0x00010000 | rate << 8) or "" for rate in range(width)]
    kept = [at for at, name in enumerate(names) if name]
    table = [
        TableRow(time, None, tuple(v[at] if at < len(v) else None for at in kept))
        for time, v in reversed(rows)
    ]
    columns = [ReadValue(names[at], None, *item.told, 3, 2) for at in kept]
    return ProfileRead(DAILY, 86_400, columns, table)

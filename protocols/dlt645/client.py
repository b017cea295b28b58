"""A DL/T 645 client: reads registers, settlements, freezes, load records and the clock; sets it."""

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from typing import Final

import msgspec

from protocols.dialogue import Dialogue
from protocols.dlt645 import bcd, codes, load_record
from protocols.dlt645.exchange import (
    BROADCAST_TIME,
    FREEZE,
    WRITE,
    WRITE_1997,
    Dlt645Timers,
    Line,
    Refusal,
    insist,
)
from protocols.dlt645.frame import BROADCAST
from protocols.dlt645.values import Value, decode_values
from protocols.errors import LocalProtocolError, MeterRefused, RemoteProtocolError
from protocols.values import ReadValue

DATE: Final = 0x04000101
TIME: Final = 0x04000102
DATE_1997: Final = 0xC010
TIME_1997: Final = 0xC011
LOAD_FROM: Final = 0x06000001
"""Load records from a given time on; the request adds a count and the time."""
RECORDS_PER_READ: Final = 10
DAILY_TIME: Final = 0x05060001
DAILY_VALUE: Final = 0x05060101
DAILY_FREEZES_MAX: Final = 62


class Dlt645Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How to talk to one meter."""

    address: str
    old: bool = False
    """The standard of 1997."""
    password: str = ""
    """Level and password, 8 digits; 6 digits are a password of level 2."""
    operator: str = "00000000"
    utc_offset_min: int = 0
    """The meter's clock runs on this local time."""
    timers: Dlt645Timers = Dlt645Timers()

    @property
    def zone(self) -> timezone:
        """Return the meter's time zone."""
        return timezone(timedelta(minutes=self.utc_offset_min))


class Dlt645Client:
    """Asks one meter. It keeps nothing between two questions."""

    def __init__(self, settings: Dlt645Settings) -> None:
        self._settings = settings
        self.line = Line(settings.address, settings.timers, old=settings.old)

    # -- values

    def read(self, di: int) -> Dialogue[list[Value] | Refusal]:
        """Read one identifier, a single value or a block; a refusal is a result."""
        answer = yield from self.line.read(di)
        if isinstance(answer, Refusal):
            return answer
        return decode_values(di, answer, old=self._settings.old)

    def registers(self, asked: Sequence[str]) -> Dialogue[tuple[list[ReadValue], dict[str, str]]]:
        """Read OBIS codes: blocks where several are in one. Returns values and refusals."""
        old = self._settings.old
        wanted = {obis: codes.identifier(obis, old=old) for obis in asked}
        known = {obis: di for obis, di in wanted.items() if di is not None}
        refused = {obis: "unknown to this protocol" for obis in wanted if obis not in known}
        found: dict[str, Value] = {}
        yield from self._read_blocks(known, found)
        for obis, di in known.items():
            if obis in found:
                continue
            answer = yield from self.read(di)
            if isinstance(answer, Refusal):
                refused[obis] = answer.reason
            else:
                found[obis] = answer[0]
        values: list[ReadValue] = []
        for obis in known:
            if (value := found.get(obis)) is None:
                continue
            if value.number is None and value.text is None:
                refused[obis] = "the meter has no such value"
            else:
                values.append(self._neutral(obis, value))
        return values, refused

    def _read_blocks(self, known: dict[str, int], found: dict[str, Value]) -> Dialogue[None]:
        """Read the blocks that hold two or more of what is wanted; a refused one is left."""
        blocks: dict[int, dict[str, int]] = {}
        for obis, di in known.items():
            place = codes.block_of(di, old=self._settings.old)
            if place is not None:
                blocks.setdefault(place[0], {})[obis] = place[1]
        for block, places in blocks.items():
            if len(places) < 2:
                continue
            answer = yield from self.read(block)
            if isinstance(answer, Refusal):
                continue
            found |= {obis: answer[at] for obis, at in places.items() if at < len(answer)}

    def _neutral(self, obis: str, value: Value) -> ReadValue:
        item = value.item
        if value.number is None:
            return ReadValue(obis, value.text)
        at = bcd.local_time(value.at, self._settings.utc_offset_min) if value.at else None
        return ReadValue(obis, value.number, item.scaler, item.unit, time=at)

    # -- tables

    def load_records(
        self, begin: datetime, end: datetime
    ) -> Dialogue[list[tuple[datetime, dict[str, int | None]]]]:
        """Read the load records from ``begin`` to ``end``.

        Raises:
            MeterRefused: it keeps none.

        """
        if self._settings.old:
            raise MeterRefused("meters of the standard of 1997 keep no load records")
        rows: dict[datetime, dict[str, int | None]] = {}
        at = begin.astimezone(self._settings.zone)
        while at <= end:
            asked = bytes((RECORDS_PER_READ,)) + bcd.time_bytes(at, "%y%m%d%H%M")
            answer = yield from self.line.read(LOAD_FROM, asked)
            if isinstance(answer, Refusal) and not rows:
                insist(answer, "its load records")
            records = [] if isinstance(answer, Refusal) else self._dated(answer)
            later = {time: values for time, values in records if time >= at}
            if not later:
                break
            rows |= {time: values for time, values in later.items() if time <= end}
            at = max(later) + timedelta(minutes=1)
        return [(time, rows[time]) for time in sorted(rows) if time >= begin]

    def _dated(self, answer: bytes) -> list[tuple[datetime, dict[str, int | None]]]:
        dated: list[tuple[datetime, dict[str, int | None]]] = []
        for record in load_record.decode_records(answer):
            time = bcd.local_time(record.time, self._settings.utc_offset_min)
            if time is not None:
                dated.append((time, record.values))
        return dated

    def daily_freezes(
        self, begin: datetime, end: datetime
    ) -> Dialogue[list[tuple[datetime, list[int | None]]]]:
        """Read the daily freezes of imported energy, total and rates, oldest first."""
        if self._settings.old:
            raise MeterRefused("meters of the standard of 1997 keep no daily freezes")
        rows: list[tuple[datetime, list[int | None]]] = []
        for back in range(DAILY_FREEZES_MAX):
            moment = yield from self.read(DAILY_TIME + back)
            if isinstance(moment, Refusal):
                break
            time = bcd.local_time(moment[0].at, self._settings.utc_offset_min)
            if time is None or time < begin:
                break
            if time > end:
                continue
            values = yield from self.read(DAILY_VALUE + back)
            if isinstance(values, Refusal):
                break
            rows.append((time, [value.number for value in values]))
        return rows[::-1]

    # -- the clock

    def clock(self) -> Dialogue[datetime]:
        """Read the meter's time.

        Date and time are two questions; when midnight falls between them, they are asked again.

        Raises:
            MeterRefused: it tells no time.
            RemoteProtocolError: what it tells is none.

        """
        old = self._settings.old
        names = (DATE_1997, TIME_1997) if old else (DATE, TIME)
        digits = ""
        for _ in range(2):
            date = yield from self._digits(names[0])
            time = yield from self._digits(names[1])
            digits = date[:6] + time
            if not time.startswith("0000"):
                break
        raw = bytes.fromhex(digits)[::-1]
        instant = bcd.local_time(raw, self._settings.utc_offset_min) if len(raw) == 6 else None
        if instant is None:
            raise RemoteProtocolError("time", f"the meter's clock says {digits}")
        return instant

    def _digits(self, di: int) -> Dialogue[str]:
        answer = yield from self.line.read(di)
        return bcd.backwards(insist(answer, "its clock"))

    def broadcast_clock(self, instant: datetime) -> Dialogue[None]:
        """Tell the time to all meters on the line; each decides whether it takes it."""
        local = instant.astimezone(self._settings.zone)
        yield from self.line.broadcast(BROADCAST_TIME, bcd.time_bytes(local, "%y%m%d%H%M%S"))

    def write_clock(self, instant: datetime) -> Dialogue[None]:
        """Write date and time to this meter, with its password.

        Raises:
            MeterRefused: wrong password, or the meter wants its programming button pressed.
            MeterSilent: it did not say whether it took it: read the clock.

        """
        local = instant.astimezone(self._settings.zone)
        weekday = bytes((local.isoweekday() % 7,))  # 0 is Sunday
        date = weekday + bcd.time_bytes(local, "%y%m%d")
        old = self._settings.old
        yield from self.write(DATE_1997 if old else DATE, date, "to change its date")
        time = bcd.time_bytes(local, "%H%M%S")
        yield from self.write(TIME_1997 if old else TIME, time, "to change its time")

    def write(self, di: int, data: bytes, what: str) -> Dialogue[None]:
        """Write one item, with password (and operator, 2007)."""
        settings = self._settings
        if "a" in settings.address.lower() or settings.address == BROADCAST:
            raise LocalProtocolError("address", "a write needs the address of one meter")
        head = self.line.identifier_bytes(di) + _password(settings.password)
        if not settings.old:
            head += bytes.fromhex(settings.operator)[::-1]
        control = WRITE_1997 if settings.old else WRITE
        insist((yield from self.line.command(control, head + data)), what)

    def freeze(self, when: bytes) -> Dialogue[None]:
        """Have values kept: ``mm hh DD MM``, 99 in place of what is to repeat."""
        insist((yield from self.line.command(FREEZE, when)), "to keep its values")

    def freeze_all(self) -> Dialogue[None]:
        """Have every meter on the line keep its values now."""
        yield from self.line.broadcast(FREEZE, b"\x99\x99\x99\x99")


def _password(text: str) -> bytes:
    """Return PA and P0 P1 P2, least significant byte first."""
    digits = text or "00000000"
    if len(digits) == 6:
        digits = "02" + digits
    if len(digits) != 8 or not digits.isdecimal():
        raise LocalProtocolError("password", "a password has 6 digits, or 8 with its level")
    raw = bytes.fromhex(digits)
    return raw[:1] + raw[:0:-1]

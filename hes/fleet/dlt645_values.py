"""What a simulated DL/T 645 meter holds: data identifier to bytes, as of an instant of its clock.

Identifiers of 1997 are looked up under their names of 2007, so both kinds tell the same.
"""

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Final

from hes.fleet.model import Consumption, interval_end
from protocols.dlt645 import bcd, items, load_record
from protocols.dlt645.values import encode_value

UTC_OFFSET_MIN: Final = 420
ZONE: Final = timezone(timedelta(minutes=UTC_OFFSET_MIN))
PERIOD_S: Final = 1800
LOAD_DAYS: Final = 60
RATES: Final = 4
ALL: Final = 0xFF
SETTLEMENTS: Final = 12
SETTLEMENTS_1997: Final = 2
DAILY_FREEZES: Final = 62
EVENTS_KEPT: Final = 10
STEP_WH: Final = 10
"""Energies are shown in hundredths of a kilowatt-hour."""
KINDS: Final = (0x00, 0x01, 0x02, 0x03, 0x04)
"""Combined, import, export, reactive import and export."""
OF_1997: Final = {0x9000: 0, 0x9010: 1, 0x9020: 2, 0x9110: 3, 0x9120: 4}


class Dlt645Values:
    """Everything that one meter holds."""

    def __init__(self, number: str, consumption: Consumption, *, old: bool) -> None:
        self.number = number.rjust(12, "0")
        self.consumption = consumption
        self.old = old
        self.events: dict[int, list[tuple[datetime, datetime]]] = {}
        """Identifier of a kind of event to when each began and ended, the newest first."""
        self.freezes: list[datetime] = []
        """When values were kept by command, the newest first."""

    def read(self, di: int, now: datetime) -> bytes | None:
        """Return the data behind an identifier; None when there are none."""
        return self._read_1997(di, now) if self.old else self._read_2007(di, now)

    # -- numbers, in the steps in which they are sent

    def energy(self, kind: int, rate: int, at: datetime) -> int:
        """Return an energy; the rates of the import add up to its total."""
        c = self.consumption
        steps = [wh // STEP_WH for wh in c.rate_energy_wh(at)] + [0]
        imported = steps[rate - 1] if rate else sum(steps)
        factor = (1 + c.export_part, 1.0, c.export_part, c.reactive_part, 0.0)[kind]
        return int(imported * factor)

    def _demand(self, kind: int, rate: int, at: datetime) -> tuple[int, datetime]:
        """Return the maximum of the month up to ``at``, and when it occurred."""
        c = self.consumption
        when = self.settled(at, 1) + timedelta(hours=c.phase_h)
        part = (1.0, 1.0, c.export_part, c.reactive_part, 0.0)[kind] if rate <= 1 else 0.0
        return int(c.mean_w * (1 + c.swing) * 10 * part), when

    def settled(self, at: datetime, back: int) -> datetime:
        """Return the ``back``-th last beginning of a month, when the meter settles."""
        local = at.astimezone(ZONE)
        year, month = divmod(local.year * 12 + local.month - back, 12)
        return datetime(year, month + 1, 1, tzinfo=ZONE)

    def _instants(self, di2: int, at: datetime) -> list[int] | None:
        """Return the values of total and phases, or of the phases, in watt-like steps."""
        c = self.consumption
        shares = (1.0, 0.4, 0.35, 0.25)
        watts = [c.power_w(at) * share for share in shares]
        return {
            0x01: [round(volts * 10) for volts in c.voltages_v(at)],
            0x02: [round(amperes * 1000) for amperes in c.currents_a(at)],
            0x03: [round(power * 10) for power in watts],
            0x04: [round(power * c.reactive_part * 10) for power in watts],
            0x05: [round(power / c.power_factor * 10) for power in watts],
            0x06: [round(c.power_factor * 1000)] * 4,
        }.get(di2)

    # -- 2007

    def _read_2007(self, di: int, now: datetime) -> bytes | None:
        readers: dict[int, Callable[[int, datetime], bytes | None]] = {
            0: self._cumulated, 1: self._cumulated, 2: self._instant, 3: self._event,
            4: self._parameter, 5: self._frozen,
        }  # fmt: skip
        read = readers.get(di >> 24)
        return None if read is None else read(di, now)

    def _cumulated(self, di: int, now: datetime) -> bytes | None:
        _, di2, rate, back = di.to_bytes(4)
        most = SETTLEMENTS_1997 if self.old else SETTLEMENTS
        if di2 not in KINDS or back > most or (rate > RATES and rate != ALL):
            return None
        # A settlement is what stood there at the last moment of its month.
        at = self.settled(now, back) - timedelta(seconds=bool(di >> 24)) if back else now
        rates = range(RATES + 1) if rate == ALL else (rate,)
        return b"".join(self._one(di >> 24, di2, number, at) for number in rates)

    def _one(self, di3: int, kind: int, rate: int, at: datetime) -> bytes:
        if di3 == 0:
            return encode_value(items.ENERGY[kind], self.energy(kind, rate, at))
        number, when = self._demand(kind, rate, at)
        time = bcd.time_bytes(when, "%y%m%d%H%M") if number else bytes(5)
        return encode_value(items.DEMAND[kind], number, time)

    def _instant(self, di: int, now: datetime) -> bytes | None:
        _, di2, di1, di0 = di.to_bytes(4)
        if di2 == 0x80:
            state = {1: 0, 2: 5000, 4: round(self.consumption.power_w(now) * 10), 7: 250, 8: 360}
            number = state.get(di0)
            return None if number is None else encode_value(items.STATE[di0], number)
        numbers = self._instants(di2, now)
        if numbers is None or di0:
            return None
        item = items.INSTANT[di2]
        first = 1 if len(numbers) == 3 else 0
        if di1 != ALL and not first <= di1 < first + len(numbers):
            return None
        chosen = numbers if di1 == ALL else [numbers[di1 - first]]
        return b"".join(encode_value(item, number) for number in chosen)

    def _event(self, di: int, _now: datetime) -> bytes | None:
        kind, number = di & ~0xFF, di & 0xFF
        kept = self.events.get(kind)
        if kept is None or number > EVENTS_KEPT:
            return None
        if number == 0:
            return bcd.encode(len(kept), 3)
        if number > len(kept):
            return bytes(12)
        return b"".join(
            bcd.time_bytes(t.astimezone(ZONE), "%y%m%d%H%M%S") for t in kept[number - 1]
        )

    def _parameter(self, di: int, now: datetime) -> bytes | None:
        local = now.astimezone(ZONE)
        number = bytes.fromhex(self.number)[::-1]
        fixed = {
            0x04000101: bytes((local.isoweekday() % 7,)) + bcd.time_bytes(local, "%y%m%d"),
            0x04000102: bcd.time_bytes(local, "%H%M%S"),
            0x04000306: bcd.encode(1, 3),
            0x04000307: bcd.encode(1, 3),
            0x04000401: number,
            0x04000402: number,
            0x04000403: b"SIM".rjust(32, b"\x00")[::-1],
            0x04000409: bcd.encode(6400, 3),
            0x0400040A: bcd.encode(6400, 3),
            0x0400040D: b"SIM 1.0".rjust(16, b"\x00")[::-1],
            0x04000503: bytes(2),
            **{0x04000A01 + n: bcd.encode(PERIOD_S // 60, 2) for n in range(1, 7)},
            0x04000B01: bytes.fromhex("0001"),
            0x04000B02: b"\x99\x99",
            0x04000B03: b"\x99\x99",
        }
        return fixed.get(di)

    def _frozen(self, di: int, now: datetime) -> bytes | None:
        _, how, what, back = di.to_bytes(4)
        at = self._freeze_time(how, back, now)
        if at is None:
            return None
        if what == 0:
            return bcd.time_bytes(at, "%y%m%d%H%M")
        if what not in {1, 2}:
            return None
        rates = range(RATES + 1)
        return b"".join(encode_value(items.FREEZE[what], self.energy(what, n, at)) for n in rates)

    def _freeze_time(self, how: int, back: int, now: datetime) -> datetime | None:
        if how == 0x06 and 1 <= back <= DAILY_FREEZES:
            midnight = now.astimezone(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
            return midnight - timedelta(days=back - 1)
        if how == 0x01 and 1 <= back <= len(self.freezes):
            return self.freezes[back - 1].astimezone(ZONE)
        return None

    # -- load records

    def records(self, since: datetime | None, count: int, now: datetime) -> list[bytes]:
        """Return up to ``count`` load records from ``since`` on, or the newest ones."""
        last = interval_end(now, PERIOD_S)
        period = timedelta(seconds=PERIOD_S)
        first = last - period * (count - 1)
        if since is not None:
            first = interval_end(since + period - timedelta(seconds=1), PERIOD_S)
            first = max(first, last - timedelta(days=LOAD_DAYS))
        times = [first + period * n for n in range(count)]
        return [self._record(time) for time in times if time <= last]

    def _record(self, at: datetime) -> bytes:
        energies = b"".join(bcd.encode(self.energy(kind, 0, at), 4) for kind in (1, 2, 3, 4))
        time = bcd.time_bytes(at.astimezone(ZONE), "%y%m%d%H%M")
        return load_record.encode_record(time, [b"", b"", b"", energies, b"", b""])

    # -- 1997

    def _read_1997(self, di: int, now: datetime) -> bytes | None:
        group, back, rate = di >> 12, di >> 10 & 3, di & 0xF
        if group in {0x9, 0xA} or (group == 0xB and di >> 8 & 3 != 2):
            return self._cumulated_1997(group, OF_1997.get(0x9000 | di & 0x3F0), rate, back, now)
        if di >> 8 == 0xB6:
            return self._instant_1997(di >> 4 & 0xF, rate, now)
        plain = {0xC010: 0x04000101, 0xC011: 0x04000102, 0xC032: 0x04000402, 0xC117: 0x04000B01}
        return None if di not in plain else self._parameter(plain[di], now)

    def _cumulated_1997(
        self, group: int, kind: int | None, rate: int, back: int, now: datetime
    ) -> bytes | None:
        if kind is None:
            return None
        what = 0 if group == 0x9 else 0x01000000
        rate = ALL if rate == 0xF else rate
        data = self._cumulated(what | kind << 16 | rate << 8 | back, now)
        if data is None or group == 0x9:
            return data
        demands = [data[at : at + 8] for at in range(0, len(data), 8)]
        return b"".join(one[:3] if group == 0xA else one[3:7] for one in demands)

    def _instant_1997(self, kind: int, phase: int, now: datetime) -> bytes | None:
        di2 = {1: 0x01, 2: 0x02, 3: 0x03, 4: 0x04, 5: 0x06}.get(kind)
        numbers = None if di2 is None else self._instants(di2, now)
        if numbers is None:
            return None
        coarser = {1: 10, 2: 10, 4: 100}.get(kind, 1)
        first = 1 if len(numbers) == 3 else 0
        if phase != 0xF and not first <= phase < first + len(numbers):
            return None
        chosen = numbers if phase == 0xF else [numbers[phase - first]]
        item = items.item_1997(0xB600 | kind << 4)
        return b"".join(encode_value(item, number // coarser) for number in chosen)

"""What a simulated meter of IEC 62056-21 shows: registers, load profile, log, as text."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Final

from hes.fleet.model import Consumption, interval_end, interval_ends
from protocols.iec62056_21.stamps import StampRules

PERIOD_S: Final = 1800
PROFILE_DAYS: Final = 60
CHANNELS: Final = ("1.8.0", "2.8.0", "3.8.0", "4.8.0")
"""What the columns of the load profile hold: register readings, as the DLMS meters' do."""
UNITS: Final = ("kWh", "kWh", "kvarh", "kvarh")
POWER_DOWN: Final = 0x80
POWER_UP: Final = 0x40
CLOCK_SET: Final = 0x8020
HISTORY: Final = 2
"""Settlements that it remembers."""
LINES_PER_PART: Final = 20

Value = Callable[[datetime], str]


class ShownValues:
    """Everything that one meter shows, as of an instant of its clock."""

    def __init__(self, serial: str, consumption: Consumption, rules: StampRules) -> None:
        self.serial = serial
        self.consumption = consumption
        self._rules = rules
        self.log: list[tuple[datetime, int]] = []
        """Instants and status words."""
        self.registers: dict[str, Value] = self._table()

    def _table(self) -> dict[str, Value]:
        c = self.consumption
        table: dict[str, Value] = {
            "F.F": lambda _: "(00000000)",
            "0.0.0": lambda _: f"({self.serial})",
            "C.1.0": lambda _: f"({self.serial})",
            "0.2.0": lambda _: "(SIM 1.0)",
            "0.9.1": lambda t: f"({self._local(t):0%H%M%S})",
            "0.9.2": lambda t: f"({self._local(t):0%y%m%d})",
            "0.1.0": lambda _: f"({HISTORY:02})",
            "1.8.0": lambda t: self.energies(t)[0],
            "2.8.0": lambda t: self.energies(t)[1],
            "3.8.0": lambda t: self.energies(t)[2],
            "4.8.0": lambda t: self.energies(t)[3],
            "1.6.0": self._maximum,
            "1.7.0": lambda t: f"({c.power_w(t) / 1000:08.3f}*kW)",
            "13.7.0": lambda _: f"({c.power_factor:.3f})",
            "14.7.0": lambda _: "(50.00*Hz)",
        }
        for n in range(3):
            table[f"1.8.{n + 1}"] = self._rate(n)
            table[f"{32 + 20 * n}.7.0"] = self._phase(n, "{:05.1f}*V", c.voltages_v)
            table[f"{31 + 20 * n}.7.0"] = self._phase(n, "{:06.2f}*A", c.currents_a)
        for back in range(1, HISTORY + 1):
            table[f"1.8.0*{back:02}"] = self._latched(back)
        return table

    def _local(self, at: datetime) -> datetime:
        return self._rules.local(at)

    def _rate(self, n: int) -> Value:
        return lambda t: _energy(self.consumption.rate_energy_wh(t)[n], "kWh")

    def _phase(
        self, n: int, shape: str, values: Callable[[datetime], tuple[float, float, float]]
    ) -> Value:
        return lambda t: f"({shape.format(values(t)[n])})"

    def _latched(self, back: int) -> Value:
        return lambda t: _energy(self.consumption.energy_wh(self._month(t, back)), "kWh")

    def _month(self, at: datetime, back: int) -> datetime:
        """Return the ``back``-th last beginning of a month."""
        first = self._local(at).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        for _ in range(back - 1):
            first = (first - timedelta(days=1)).replace(day=1)
        return first

    def _maximum(self, at: datetime) -> str:
        c = self.consumption
        when = self._month(at, 1) + timedelta(hours=c.phase_h)
        return f"({c.mean_w * (1 + c.swing) / 1000:08.3f}*kW)({when:%y%m%d%H%M})"

    def energies(self, at: datetime) -> tuple[str, str, str, str]:
        """Return the four register readings with their units, in brackets."""
        c = self.consumption
        wh = c.energy_wh(at)
        numbers = (wh, int(wh * c.export_part), int(wh * c.reactive_part), 0)
        one, two, three, four = (
            _energy(number, unit) for number, unit in zip(numbers, UNITS, strict=True)
        )
        return one, two, three, four

    # -- what is read

    def readout(self, at: datetime) -> str:
        """Return the data block of the readout."""
        lines = (f"{code}{value(at)}\r\n" for code, value in self.registers.items())
        return "".join(lines) + "!\r\n"

    def profile(self, begin: datetime, end: datetime, now: datetime) -> list[str]:
        """Return the lines of the load profile from ``begin`` to ``end``; a header every day."""
        last = interval_end(now, PERIOD_S)
        first = max(begin, last - timedelta(days=PROFILE_DAYS))
        lines: list[str] = []
        day = None
        for ends in interval_ends(first, min(end, last), PERIOD_S):
            local = self._local(ends)
            if local.date() != day:
                day = local.date()
                lines.append(self._header(local))
            values = (value.partition("*")[0] + ")" for value in self.energies(ends))
            lines.append("".join(values))
        return lines or ["P.01(ERROR)"]

    def _header(self, local: datetime) -> str:
        channels = "".join(f"({c})({u})" for c, u in zip(CHANNELS, UNITS, strict=True))
        return f"P.01({local:0%y%m%d%H%M%S})(00)({PERIOD_S // 60})({len(CHANNELS)}){channels}"

    def events(self, begin: datetime, end: datetime) -> list[str]:
        """Return the lines of the log."""
        lines = [
            f"P.98({self._local(at):0%y%m%d%H%M%S})({status:08X})()(0)"
            for at, status in self.log
            if begin <= at <= end
        ]
        return lines or ["P.98(ERROR)"]


def parts(lines: list[str]) -> Iterator[str]:
    """Yield the text of an answer in parts of some lines."""
    for at in range(0, len(lines), LINES_PER_PART):
        yield "".join(f"{line}\r\n" for line in lines[at : at + LINES_PER_PART])


def _energy(number: int, unit: str) -> str:
    return f"({number // 1000:06}.{number % 1000:03}*{unit})"

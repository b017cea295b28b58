"""What a simulated customer consumes: a pure function of time, so that any past can be asked.

Power is a daily curve whose integral has a closed form; energy at an instant needs no history, and
the rows of a load profile add up to the register, to the watt-hour.
"""

import math
import random
from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

DAY_S: Final = 86_400.0
EPOCH: Final = datetime(2024, 1, 1, tzinfo=UTC)
"""The meters were installed then."""
UTC_OFFSET_S: Final = 7 * 3600
PEAK: Final = ((17.5, 22.5),)
OFF_PEAK: Final = ((0.0, 6.0),)
"""Hours of the day, local time (see reference: time of use)."""
RATES: Final = ("normal", "peak", "off-peak")
NOMINAL_V: Final = 230.0


class Consumption(msgspec.Struct, frozen=True, kw_only=True):
    """The customer behind one meter."""

    mean_w: float
    swing: float
    """Part of the mean by which the day curve swings, below 1: power stays positive."""
    phase_h: float
    """Hour of the highest power, local time."""
    export_part: float
    """Part of the import that flows back (a roof with solar cells); often 0."""
    reactive_part: float
    voltage_v: float
    ripple_v: float

    @classmethod
    def of(cls, seed: str) -> "Consumption":
        """Return the customer of a seed."""
        rng = random.Random(seed)  # noqa: S311 -- a simulation
        return cls(
            mean_w=rng.uniform(200, 4000),
            swing=rng.uniform(0.2, 0.8),
            phase_h=rng.uniform(17, 21),
            export_part=rng.choice((0.0, 0.0, 0.0, 0.3)),
            reactive_part=rng.uniform(0.05, 0.4),
            voltage_v=rng.uniform(225, 234),
            ripple_v=rng.uniform(0.5, 4.0),
        )

    # -- power and energy, import

    def power_w(self, at: datetime) -> float:
        """Return the active power drawn at an instant."""
        return self.mean_w * (1 + self.swing * math.cos(self._angle(_local_s(at))))

    def energy_wh(self, at: datetime) -> int:
        """Return the energy drawn since the installation; never falls."""
        return int(self._integral_wh(0, _local_s(at)))

    def rate_energy_wh(self, at: datetime) -> tuple[int, int, int]:
        """Return the energy by rate: normal, peak, off-peak; together the total, exactly."""
        total = self.energy_wh(at)
        peak = self._window_wh(PEAK, at)
        off_peak = self._window_wh(OFF_PEAK, at)
        return total - peak - off_peak, peak, off_peak

    def _angle(self, second: float) -> float:
        return 2 * math.pi * (second / DAY_S - self.phase_h / 24)

    def _integral_wh(self, begin_s: float, end_s: float) -> float:
        wave = math.sin(self._angle(end_s)) - math.sin(self._angle(begin_s))
        seconds = (end_s - begin_s) + self.swing * wave * DAY_S / (2 * math.pi)
        return self.mean_w * seconds / 3600

    def _window_wh(self, windows: tuple[tuple[float, float], ...], at: datetime) -> int:
        days, today_s = divmod(_local_s(at), DAY_S)
        energy = 0.0
        for begin_h, end_h in windows:
            begin_s, end_s = begin_h * 3600, end_h * 3600
            energy += days * self._integral_wh(begin_s, end_s)
            if today_s > begin_s:
                energy += self._integral_wh(begin_s, min(today_s, end_s))
        return int(energy)

    # -- the rest, derived

    def voltages_v(self, at: datetime) -> tuple[float, float, float]:
        """Return the three phase voltages."""
        minute = at.timestamp() / 60
        return tuple(  # type: ignore[return-value]  # three of them
            round(self.voltage_v + self.ripple_v * math.sin(minute / 7 + phase), 1)
            for phase in (0, 2.1, 4.2)
        )

    def currents_a(self, at: datetime) -> tuple[float, float, float]:
        """Return the three phase currents."""
        apparent_w = self.power_w(at) * math.hypot(1, self.reactive_part)
        shares = (0.4, 0.35, 0.25)
        volts = self.voltages_v(at)
        return tuple(  # type: ignore[return-value]  # three of them
            round(apparent_w * share / v, 2) for share, v in zip(shares, volts, strict=True)
        )

    @property
    def power_factor(self) -> float:
        """Return cos phi."""
        return round(1 / math.hypot(1, self.reactive_part), 3)


def _local_s(at: datetime) -> float:
    return (at - EPOCH).total_seconds() + UTC_OFFSET_S


def interval_end(at: datetime, period_s: int) -> datetime:
    """Return the end of the last whole interval at ``at``."""
    return datetime.fromtimestamp(at.timestamp() // period_s * period_s, UTC)


def interval_ends(begin: datetime, end: datetime, period_s: int) -> list[datetime]:
    """Return the ends of intervals from ``begin`` to ``end``, both included."""
    first = datetime.fromtimestamp(-(-begin.timestamp() // period_s) * period_s, UTC)
    count = int((end - first).total_seconds() // period_s) + 1
    return [first + timedelta(seconds=period_s * n) for n in range(max(0, count))]

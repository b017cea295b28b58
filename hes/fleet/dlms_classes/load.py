"""The customer's load behind the relay of the meter: no current and no energy while it is open."""

from datetime import datetime

from hes.fleet.model import Consumption


class SwitchedLoad:
    """What ``Consumption`` says, less what was not drawn while the relay was open."""

    def __init__(self, customer: Consumption) -> None:
        self.customer = customer
        self._cuts: list[tuple[datetime, datetime | None]] = []
        """From when to when the relay was open."""

    def switch(self, *, closed: bool, now: datetime) -> None:
        """Open or close the relay."""
        if closed and self._is_cut:
            self._cuts[-1] = (self._cuts[-1][0], now)
        elif not closed and not self._is_cut:
            self._cuts.append((now, None))

    @property
    def _is_cut(self) -> bool:
        return bool(self._cuts) and self._cuts[-1][1] is None

    def flows(self, at: datetime) -> bool:
        """Whether the relay was closed at an instant."""
        return not any(since <= at and (until is None or at < until) for since, until in self._cuts)

    def power_w(self, at: datetime) -> float:
        """Return the active power drawn at an instant."""
        return self.customer.power_w(at) if self.flows(at) else 0.0

    def currents_a(self, at: datetime) -> tuple[float, float, float]:
        """Return the three phase currents."""
        return self.customer.currents_a(at) if self.flows(at) else (0.0, 0.0, 0.0)

    def energy_wh(self, at: datetime) -> int:
        """Return the energy drawn since the installation; never falls."""
        return self.customer.energy_wh(at) - sum(
            self.customer.energy_wh(end) - self.customer.energy_wh(begin)
            for begin, end in self._before(at)
        )

    def rate_energy_wh(self, at: datetime) -> tuple[int, int, int]:
        """Return the energy by rate; together the total, exactly."""
        normal, peak, off_peak = self.customer.rate_energy_wh(at)
        for begin, end in self._before(at):
            before, after = self.customer.rate_energy_wh(begin), self.customer.rate_energy_wh(end)
            normal -= after[0] - before[0]
            peak -= after[1] - before[1]
            off_peak -= after[2] - before[2]
        return normal, peak, off_peak

    def _before(self, at: datetime) -> list[tuple[datetime, datetime]]:
        return [
            (since, at if until is None else min(until, at))
            for since, until in self._cuts
            if since < at
        ]

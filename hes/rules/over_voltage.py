"""Over-voltage per phase with hysteresis: raised high, cleared lower, never on one sample."""

import math
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import Final

import msgspec

from hes.events.base import DomainEvent
from hes.events.layout import Layout
from hes.events.reading import Reading
from hes.events.voltage import OverVoltage, OverVoltageCleared
from hes.quantities import UNIT_CODES, base_scale, scaled
from hes.rules.limits import OverVoltageLimits

VOLTS: Final = UNIT_CODES["V"]
PHASES: Final = {"32.7.0": "L1", "52.7.0": "L2", "72.7.0": "L3"}
"""C, D and E of the OBIS code of an instantaneous phase voltage (IEC 62056-6-1)."""
LAYOUTS_CACHED: Final = 4096


class PhaseWatch(msgspec.Struct, array_like=True):
    """What one phase did lately."""

    raised: bool = False
    streak: int = 0
    """Samples in a row that speak for changing ``raised``."""
    sampled_at: datetime | None = None
    """When the newest sample was taken; what is older came late and says nothing about now."""


@lru_cache(maxsize=LAYOUTS_CACHED)
def phase_columns(layout: Layout) -> tuple[tuple[int, str, int | None], ...]:
    """Return place, phase and scaler of every phase voltage in ``layout`` whose unit is known."""
    return tuple(
        (number, phase, scaler)
        for number, channel in enumerate(layout.channels)
        for scaler, unit in (base_scale(channel.scaler, channel.unit),)
        if unit == VOLTS
        and (phase := PHASES.get(channel.obis.split(".", 2)[2].removesuffix(".255"))) is not None
    )


def voltages(reading: Reading) -> Iterator[tuple[str, float]]:
    """Yield phase and volts for every phase voltage in ``reading`` whose unit is known."""
    for number, phase, scaler in phase_columns(reading.layout):
        value = reading.values[number]
        if isinstance(value, int | float) and math.isfinite(value):
            yield phase, float(scaled(value, scaler))


def judge(
    watches: dict[str, PhaseWatch], reading: Reading, limits: OverVoltageLimits
) -> list[DomainEvent]:
    """Return what ``reading`` says about the phases; the watches are brought up to date."""
    events: list[DomainEvent] = []
    if not phase_columns(reading.layout):
        return events
    taken_at = sampled_at(reading)
    for phase, voltage_v in voltages(reading):
        watch = watches.setdefault(phase, PhaseWatch())
        if watch.sampled_at is not None and taken_at < watch.sampled_at:
            continue
        watch.sampled_at = taken_at
        if _turns(watch, voltage_v, limits):
            events.append(_event(watch, phase, voltage_v, limits, reading))
    return events


def sampled_at(event: DomainEvent) -> datetime:
    """Return the meter's time of a sample, ours when it has none or one that is yet to come."""
    return min(event.device_time or event.received_at, event.received_at)


def _turns(watch: PhaseWatch, voltage_v: float, limits: OverVoltageLimits) -> bool:
    """Count the sample; True when the phase changed its state with it."""
    against = voltage_v < limits.off_v if watch.raised else voltage_v > limits.on_v
    watch.streak = watch.streak + 1 if against else 0
    if watch.streak < limits.samples:
        return False
    watch.raised, watch.streak = not watch.raised, 0
    return True


def _event(
    watch: PhaseWatch, phase: str, voltage_v: float, limits: OverVoltageLimits, reading: Reading
) -> DomainEvent:
    received_at: datetime = reading.received_at
    limit_v = limits.on_v
    if watch.raised:
        return OverVoltage(
            received_at=received_at,
            device_time=reading.device_time,
            phase=phase,
            voltage_v=voltage_v,
            limit_v=limit_v,
            reference=limits.reference,
        )
    return OverVoltageCleared(
        received_at=received_at,
        device_time=reading.device_time,
        phase=phase,
        voltage_v=voltage_v,
        limit_v=limit_v,
    )

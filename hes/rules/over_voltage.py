"""Over-voltage per phase with hysteresis: raised high, cleared lower, never on one sample."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

import msgspec

from hes.events.base import DomainEvent
from hes.events.reading import Reading
from hes.events.voltage import OverVoltage, OverVoltageCleared
from hes.quantities import UNIT_CODES, scaled
from hes.rules.limits import OverVoltageLimits

VOLTS: Final = UNIT_CODES["V"]
PHASES: Final = {"32.7.0": "L1", "52.7.0": "L2", "72.7.0": "L3"}
"""C, D and E of the OBIS code of an instantaneous phase voltage (IEC 62056-6-1)."""


class PhaseWatch(msgspec.Struct, array_like=True):
    """What one phase did lately."""

    raised: bool = False
    streak: int = 0
    """Samples in a row that speak for changing ``raised``."""


def voltages(reading: Reading) -> Iterator[tuple[str, float]]:
    """Yield phase and volts for every phase voltage in ``reading`` whose unit is known."""
    for channel, value in zip(reading.layout.channels, reading.values, strict=True):
        if channel.unit != VOLTS or not isinstance(value, int | float):
            continue
        phase = PHASES.get(channel.obis.split(".", 2)[2].removesuffix(".255"))
        if phase is not None:
            yield phase, float(scaled(value, channel.scaler))


def judge(
    watches: dict[str, PhaseWatch], reading: Reading, limits: OverVoltageLimits
) -> list[DomainEvent]:
    """Return what ``reading`` says about the phases; the watches are brought up to date."""
    events: list[DomainEvent] = []
    for phase, voltage_v in voltages(reading):
        watch = watches.setdefault(phase, PhaseWatch())
        if _turns(watch, voltage_v, limits):
            events.append(_event(watch, phase, voltage_v, limits, reading))
    return events


def _turns(watch: PhaseWatch, voltage_v: float, limits: OverVoltageLimits) -> bool:
    """Count the sample; True when the phase changed its state with it."""
    if watch.raised:
        against = voltage_v < limits.nominal_v * limits.off_ratio
    else:
        against = voltage_v > limits.nominal_v * limits.on_ratio
    watch.streak = watch.streak + 1 if against else 0
    if watch.streak < limits.samples:
        return False
    watch.raised, watch.streak = not watch.raised, 0
    return True


def _event(
    watch: PhaseWatch, phase: str, voltage_v: float, limits: OverVoltageLimits, reading: Reading
) -> DomainEvent:
    received_at: datetime = reading.received_at
    limit_v = round(limits.nominal_v * limits.on_ratio, 3)
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

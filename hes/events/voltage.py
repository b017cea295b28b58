"""Voltage outside its limits."""

from hes.events.base import DomainEvent, event


@event("OverVoltage/1")
class OverVoltage(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """A phase rose above its limit and stayed for as many samples as the rule asks."""

    phase: str
    """``L1``, ``L2`` or ``L3``."""
    voltage_v: float
    limit_v: float
    reference: str
    """The law or engineering reason of the limit."""


@event("OverVoltageCleared/1")
class OverVoltageCleared(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """The phase is back below the limit less the hysteresis."""

    phase: str
    voltage_v: float
    limit_v: float

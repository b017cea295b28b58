"""The limits that the rules judge by: data with a source, never constants in code."""

import tomllib
from pathlib import Path

import msgspec


class OverVoltageLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When a phase is too high, and when it is well again."""

    nominal_v: float
    on_ratio: float
    """Raised above ``nominal_v * on_ratio`` ..."""
    off_ratio: float
    """... cleared below ``nominal_v * off_ratio``: the difference is the hysteresis."""
    samples: int
    """So many samples in a row must agree, since one instant proves little."""
    reference: str

    @property
    def on_v(self) -> float:
        """The limit itself; a voltage on it is allowed still."""
        return _product(self.nominal_v, self.on_ratio)

    @property
    def off_v(self) -> float:
        """Below this a raised phase is well again."""
        return _product(self.nominal_v, self.off_ratio)


class ClockLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The bands of the clock policy, seconds of drift."""

    quiet_s: float
    """Up to here nothing is done."""
    slew_s: float
    """Up to here the clock is shifted."""
    set_s: float
    """Up to here it is set once; above, a person looks at the meter."""
    reference: str


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All limits of the rules."""

    over_voltage: OverVoltageLimits
    clock: ClockLimits


def load_limits(overrides: dict[str, dict[str, object]] | None = None) -> Limits:
    """Return the shipped limits, with single values replaced by ``overrides``.

    Raises:
        msgspec.ValidationError: an override has an unknown name or a wrong type.

    """
    text = Path(__file__).with_name("limits.toml").read_text(encoding="utf-8")
    data = tomllib.loads(text)
    for section, values in (overrides or {}).items():
        data.setdefault(section, {}).update(values)
    return msgspec.convert(data, Limits)


def _product(volts: float, ratio: float) -> float:
    # 230.0 * 1.04 is 239.20000000000002: a meter that says 239.2 would be below it.
    return round(volts * ratio, 6)

"""Meters that only send by themselves: they take no questions, whoever asks."""

from typing import Final

from hes.devices import Device
from protocols.iec62056_21.options import Iec62056Options
from protocols.meter_types.meter_type import MeterType

MODE_D: Final = "mode-d"
"""The link of meters of IEC 62056-21 that only send."""


def only_sends(device: Device, meter_type: MeterType) -> bool:
    """Whether a meter of IEC 62056-21 is one of mode D, by its link or by its type."""
    options = meter_type.options
    return isinstance(options, Iec62056Options) and (options.only_sends or device.link == MODE_D)

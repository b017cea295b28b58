"""Whom the schedule asks: not the meters that only send by themselves, over whatever link."""

from typing import Final

from actors.context import Context
from actors.directory import modem_of
from actors.drivers.registry import KINDS
from actors.drivers.sending import MODE_D, only_sends
from actors.modem import ModemActor
from hes.devices import Device
from protocols.meter_types.meter_type import MeterType

DEAF_LINKS: Final = frozenset({"dlms-push", "dsmr4", MODE_D})
"""Links that bring what meters send, and take no question to them."""


def is_asked(device: Device | None, meter_type: MeterType | None = None) -> bool:
    """Whether the schedule asks this meter.

    Not one that sends by itself over a link through which nothing can be asked, nor one whose type
    says that it takes no questions.
    """
    if device is None or device.protocol not in KINDS or device.link in DEAF_LINKS:
        return False
    return meter_type is None or not only_sends(device, meter_type)


def sends_now(device: Device, context: Context) -> bool:
    """Whether a meter has called without a modem, as those of mode D do: nothing is asked there."""
    modem = context.known_modem(modem_of(device))
    if modem is None or not isinstance(modem.actor, ModemActor):
        return False
    return modem.actor.view().link == MODE_D

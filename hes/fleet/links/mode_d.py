"""A meter of IEC 62056-21 whose modem says nothing of its own: it sends telegrams (mode D)."""

from typing import Final

from hes.fleet.kinds import OnLine, Surroundings
from hes.fleet.links.dlms_push import BareSide
from hes.fleet.links.side import SideKind
from hes.fleet.planned import IEC, MeterPlan, ModemPlan
from hes.fleet.telegram_meter import TelegramMeter


class TelegramSide(BareSide):
    """See ``ModemSide``: who it is stands in its telegrams."""

    name = "mode-d"


def _meter(_modem: ModemPlan, plan: MeterPlan, around: Surroundings) -> OnLine:
    made = TelegramMeter(plan.identity.serial, world=around.now, drift_s=plan.drift_s)
    return OnLine(made, made)


SIDES: Final = {
    "mode-d": SideKind(
        link="mode-d",
        make=lambda _plan, _world: TelegramSide(),
        name=lambda serial: serial,
        asked=False,
        named=False,
        protocol=IEC,
        meter=_meter,
    )
}

"""Meters of the Dutch market that call to tell an alarm, and can be asked nothing."""

from collections.abc import Callable
from typing import Final

from hes.fleet.dlms_server import MeterClock
from hes.fleet.kinds import OnLine, Surroundings
from hes.fleet.links.dlms_push import BareSide
from hes.fleet.links.side import SideKind
from hes.fleet.planned import MeterPlan, ModemPlan
from protocols.dlms import apdu_push, axdr_encode as ax
from protocols.dlms.cosem import obis_bytes
from protocols.dlms.wrapper import encode_wpdu
from protocols.links.alarm_push import ALARM_REGISTER, EQUIPMENT_SIZE, encode_dsmr4

POWER_DOWN: Final = 0x40
ALARMS: Final = (0x01, 0x02, 0x80, 0x0100, 0x0400)
"""Bits of the alarm register that such meters set now and then."""
WPORT, PUSH_WPORT = 1, 103


class AlarmingMeter:
    """One meter, as ``SimulatedMeter`` and ``Pusher`` have it."""

    clock: MeterClock | None = None

    def __init__(self, equipment: str, encode: Callable[[str, int, int], bytes]) -> None:
        self.requests = 0
        self.confirmed: list[int] = []
        self.invoke_id = 0
        self._equipment = equipment
        self._encode = encode

    def reset(self) -> None:
        """See ``SimulatedMeter``."""

    def receive(self, _data: bytes) -> bytes:
        """See ``SimulatedMeter``: it takes no questions."""
        return b""

    def push(self, *, confirmed: bool) -> bytes:
        """See ``Pusher``; nobody confirms an alarm."""
        self.invoke_id = (self.invoke_id + 1) & apdu_push.INVOKE_ID
        register = ALARMS[self.invoke_id % len(ALARMS)] | self.invoke_id << 16 & 0xFFFF0000
        return self._encode(self._equipment, register, self.invoke_id)

    def last_gasp(self) -> bytes:
        """See ``Pusher``."""
        return self._encode(self._equipment, POWER_DOWN, self.invoke_id)


def dsmr4(equipment: str, register: int, _invoke_id: int) -> bytes:
    """Return an alarm in the form of DSMR 4."""
    return encode_dsmr4(equipment, register.to_bytes(4))


def smr5(equipment: str, register: int, invoke_id: int) -> bytes:
    """Return an alarm in the form of SMR 5: a notification in the wrapper."""
    body = ax.structure(
        ax.octets(equipment.encode("ascii")), ax.octets(obis_bytes(ALARM_REGISTER)),
        ax.u32(register),
    )  # fmt: skip
    apdu = apdu_push.encode_data_notification(invoke_id, None, body)
    return encode_wpdu(WPORT, PUSH_WPORT, apdu)


def _equipment(serial: str) -> str:
    return f"E{serial:0>{EQUIPMENT_SIZE - 1}}"


def _kind(link: str, encode: Callable[[str, int, int], bytes]) -> SideKind:
    def meter(_modem: ModemPlan, plan: MeterPlan, _around: Surroundings) -> OnLine:
        made = AlarmingMeter(plan.identity.serial, encode)
        return OnLine(made, made)

    return SideKind(
        link=link,
        make=lambda _plan, _world: BareSide(),
        name=_equipment,
        asked=False,
        named=False,
        serial=_equipment,
        meter=meter,
    )


SIDES: Final = {"dsmr4": _kind("dsmr4", dsmr4), "smr5": _kind("dlms-push", smr5)}

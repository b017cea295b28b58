"""Alarms that meters of the Dutch market push by themselves.

SMR 5 puts them into a DLMS notification, DSMR 4 into a form of its own.
DSMR 4: ``17 ASCII characters of equipment | 2C | alarm register(4) or OBIS code(6)``, nothing else.
"""

from typing import Any, Final

from protocols.dlms.apdu_push import DataNotification, EventNotification
from protocols.dlms.cosem import Attribute, obis_bytes
from protocols.errors import RemoteProtocolError
from protocols.links.notices import AlarmTold

EQUIPMENT_SIZE: Final = 17
COMMA: Final = 0x2C
ALARM_REGISTER: Final = "0.0.97.98.0.255"
"""Where meters keep the alarms that they push; DSMR 4 does not name the object."""
DATA_CLASS: Final = 1
VALUE: Final = 2
HEAD_SIZE: Final = EQUIPMENT_SIZE + 1
REGISTER_SIZE: Final = HEAD_SIZE + 4
EVENT_SIZE: Final = HEAD_SIZE + 6


def may_be_equipment(start: bytes | bytearray) -> bool:
    """Return whether ``start``, whole or not, begins as such an alarm does."""
    name = bytes(start[:EQUIPMENT_SIZE])
    comma = start[EQUIPMENT_SIZE:HEAD_SIZE]
    return name.isascii() and name.isalnum() and comma in {b"", b","}


def decode_dsmr4(message: bytes) -> AlarmTold:
    """Return the alarm that ``message``, whole, tells.

    Raises:
        RemoteProtocolError: it is none.

    """
    if len(message) not in {REGISTER_SIZE, EVENT_SIZE} or not may_be_equipment(message):
        raise RemoteProtocolError("alarm", f"{message[:24].hex()} is no alarm of DSMR 4")
    source, rest = message[:EQUIPMENT_SIZE].decode("ascii"), message[HEAD_SIZE:]
    if len(message) == EVENT_SIZE:
        return AlarmTold(source=source, code="event", obis=".".join(map(str, rest)))
    return AlarmTold(source=source, code="alarm-register", register=rest)


def encode_dsmr4(equipment: str, rest: bytes) -> bytes:
    """Return an alarm; ``rest`` is the alarm register or an OBIS code."""
    return equipment.encode("ascii") + b"," + rest


def alarm_event(alarm: AlarmTold, time: bytes | None = None) -> EventNotification | None:
    """Return the notification that says the same; None when nothing certain can be said."""
    value = None if alarm.register is None else int.from_bytes(alarm.register)
    name = alarm.obis or (None if value is None else ALARM_REGISTER)
    if name is None:
        return None
    attribute = Attribute(DATA_CLASS, obis_bytes(name), VALUE)
    return EventNotification(time, attribute, "" if value is None else value)


def alarm_bytes(alarm: AlarmTold) -> bytes:
    """Return ``alarm`` as bytes to keep; one without register or object ends with its code."""
    if alarm.register is not None:
        rest = alarm.register
    elif alarm.obis is not None:
        rest = bytes(map(int, alarm.obis.split(".")))
    else:
        rest = alarm.code.encode("ascii", "replace")
    return encode_dsmr4(alarm.source, rest)


def smr5_alarm(notification: DataNotification) -> AlarmTold | None:
    """Return the alarm in a notification of a meter; None when it is about something else."""
    body: Any = notification.body
    if not isinstance(body, list | tuple) or len(body) != 3:
        return None
    equipment, name, register = body
    if not isinstance(equipment, bytes) or not isinstance(name, bytes) or len(name) != 6:
        return None
    if len(equipment) != EQUIPMENT_SIZE or not may_be_equipment(equipment):
        return None
    if not isinstance(register, int) or not 0 <= register < 1 << 32:
        return None
    return AlarmTold(
        source=equipment.decode("ascii"),
        code="alarm-register",
        register=register.to_bytes(4),
        obis=".".join(map(str, name)),
    )

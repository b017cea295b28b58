"""An engineer's translator of links that are no more than a first message."""

from collections.abc import Mapping
from typing import Any, Final

from protocols.capture import captured_chunks
from protocols.dlms.apdu import decode_apdu
from protocols.dlms.apdu_push import DataNotification
from protocols.dlms.wrapper import WrapperReader
from protocols.errors import ProtocolError, RemoteProtocolError
from protocols.links import forcecontrol
from protocols.links.alarm_push import decode_dsmr4, smr5_alarm
from protocols.links.classify import classify, refusal
from protocols.links.notices import AlarmTold
from protocols.links.raw import PADDING

TRANSLATES: Final = ("ascii-registration", "forcecontrol-bridge", "dsmr4-push", "smr5-push")
TEXT_SIZE_MAX: Final = 256


def translate(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a first message says; never raises."""
    try:
        raw = b"".join(captured_chunks(request))
        told = _registration(raw) if "push" not in request["protocol"] else _alarm(raw)
    except ProtocolError as problem:
        return refusal(problem, request)
    return {"ok": True, "valid": True, "sniff": classify(raw)} | told


def _registration(raw: bytes) -> dict[str, Any]:
    if raw[:2] == forcecontrol.START:
        name = forcecontrol.decode_login(raw)
        if name is None:
            raise RemoteProtocolError("truncated", "a login that is not whole")
        return {"id": name}
    text = raw.strip(PADDING)
    readable = text.isascii() and text.decode("ascii").isprintable()
    if not text or not readable or len(text) > TEXT_SIZE_MAX:
        raise RemoteProtocolError("registration", "the first bytes are no readable text")
    return {"id": text.decode("ascii")}


def _alarm(raw: bytes) -> dict[str, Any]:
    """Tell the forms apart as head-ends in the field do: by the byte behind the wrapper's head."""
    alarm = _wrapped(raw) if raw[:2] == b"\0\1" else decode_dsmr4(raw)
    told: dict[str, Any] = {"equipment": alarm.source}
    if alarm.register is not None:
        told["alarm_register"] = alarm.register.hex()
    return told if alarm.obis is None else told | {"obis": alarm.obis}


def _wrapped(raw: bytes) -> AlarmTold:
    reader = WrapperReader()
    reader.receive_data(raw)
    wpdu = reader.next_wpdu()
    apdu = None if wpdu is None else decode_apdu(wpdu.apdu)
    alarm = smr5_alarm(apdu) if isinstance(apdu, DataNotification) else None
    if alarm is None:
        raise RemoteProtocolError("alarm", "no notification of an alarm")
    return alarm

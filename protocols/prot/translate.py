"""An engineer's translator of PROT mode: the registration and what follows it."""

from collections.abc import Mapping
from typing import Any, Final

from protocols.capture import captured_chunks
from protocols.errors import ProtocolError
from protocols.links.classify import classify, refusal
from protocols.prot.stuffing import REGISTRATION_SIZE, Unstuffer, decode_registration

TRANSLATES: Final = ("four-faith-prot", "prot")


def translate(request: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a modem said; never raises."""
    try:
        raw = b"".join(captured_chunks(request))
        registration = decode_registration(raw)
    except ProtocolError as problem:
        return refusal(problem, request)
    data, heartbeats = Unstuffer().feed(raw[REGISTRATION_SIZE:])
    return {
        "ok": True,
        "valid": True,
        "id_wire": registration.id_wire.hex(),
        "phone": registration.phone,
        "ip": registration.ip,
        "data": data.hex(),
        "heartbeats": heartbeats,
        "sniff": classify(raw),
    }

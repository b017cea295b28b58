"""What a meter tells about its modem, its clock and its protection; each part, or why not."""

from typing import Any

import msgspec

from protocols.dlms.classes.clock import CLOCK, Clock
from protocols.dlms.classes.cosem_class import CosemClass
from protocols.dlms.classes.gsm_diagnostic import GSM_DIAGNOSTIC, USUAL_OBIS as GSM, GsmDiagnostic
from protocols.dlms.classes.security_setup import (
    SECURITY_SETUP,
    USUAL_OBIS as SECURITY,
    SecuritySetup,
)
from protocols.dlms.client import Dialogue, DlmsClient
from protocols.dlms.cosem import CLOCK_OBIS
from protocols.dlms.operations.access import read_object
from protocols.dlms.operations.firmware import read_version
from protocols.errors import MeterRefused, RemoteProtocolError, SessionRefused


class Diagnosis(msgspec.Struct, kw_only=True):
    """All that was told."""

    gsm: GsmDiagnostic | None = None
    clock: Clock | None = None
    security: SecuritySetup | None = None
    firmware: str = ""
    refused: dict[str, str] = {}
    """Part to why it is missing."""


def diagnose(client: DlmsClient) -> Dialogue[Diagnosis]:
    """Read all parts; one that the meter refuses, or tells nonsense about, costs that part only."""
    found = Diagnosis()
    found.gsm = yield from _part(client, GSM_DIAGNOSTIC, GSM, "gsm", found)
    found.clock = yield from _part(client, CLOCK, CLOCK_OBIS, "clock", found)
    found.security = yield from _part(client, SECURITY_SETUP, SECURITY, "security", found)
    found.firmware = yield from read_version(client)
    return found


def _part(
    client: DlmsClient, kind: CosemClass[Any], obis: bytes, name: str, found: Diagnosis
) -> Dialogue[Any]:
    try:
        return (yield from read_object(client, kind, obis))
    except SessionRefused:
        raise
    except MeterRefused as refusal:
        found.refused[name] = str(refusal)
    except RemoteProtocolError as nonsense:
        if nonsense.category != "value":
            raise
        found.refused[name] = str(nonsense)
    return None

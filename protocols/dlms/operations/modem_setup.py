"""Reads and sets how the modem in a meter gets into the network and whom it calls (45, 41, 29).

A modem with a wrong access point or a wrong head-end is never heard again. Therefore never both are
changed at once, each is read back, and what was there before comes back when it reads otherwise.
"""

from typing import Any, Final

import msgspec

from protocols.dlms.classes.auto_connect import AUTO_CONNECT, AutoConnect
from protocols.dlms.classes.cosem_class import CosemClass
from protocols.dlms.classes.gprs_modem_setup import GPRS_MODEM_SETUP, GprsModemSetup
from protocols.dlms.classes.tcp_udp_setup import TCP_UDP_SETUP, TcpUdpSetup
from protocols.dlms.client import Dialogue, DlmsClient
from protocols.dlms.operations.access import read_field, read_object, write_field
from protocols.errors import LocalProtocolError, MeterRefused, SessionRefused

GPRS: Final = bytes((0, 0, 25, 4, 0, 255))
TCP_UDP: Final = bytes((0, 0, 25, 0, 0, 255))
CONNECT: Final = bytes((0, 0, 2, 1, 0, 255))

SECRETS: Final = frozenset({"pin"})
"""Never asked for: what is not known cannot be told."""


class ModemSetupRead(msgspec.Struct, frozen=True):
    """The three objects; None: the meter has no such."""

    gprs: GprsModemSetup | None
    tcp: TcpUdpSetup | None
    connect: AutoConnect | None


class ModemChange(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be another way; None leaves a thing as it is."""

    apn: str | None = None
    destinations: tuple[str, ...] | None = None
    """Host and port each."""
    mode: int | None = None
    port: int | None = None
    inactivity_s: int | None = None


FIELDS: Final[tuple[tuple[str, CosemClass[Any], bytes], ...]] = (
    ("inactivity_s", TCP_UDP_SETUP, TCP_UDP), ("port", TCP_UDP_SETUP, TCP_UDP),
    ("mode", AUTO_CONNECT, CONNECT), ("destinations", AUTO_CONNECT, CONNECT),
    ("apn", GPRS_MODEM_SETUP, GPRS),
)  # fmt: skip
"""In the order in which they are written: the risky ones last."""


def read_modem_setup(client: DlmsClient) -> Dialogue[ModemSetupRead]:
    """Read the three objects.

    Raises:
        MeterRefused: the meter has none of them.

    """
    gprs = yield from _read_or_none(client, GPRS_MODEM_SETUP, GPRS)
    tcp = yield from _read_or_none(client, TCP_UDP_SETUP, TCP_UDP)
    connect = yield from _read_or_none(client, AUTO_CONNECT, CONNECT)
    if gprs is None and tcp is None and connect is None:
        raise MeterRefused("the meter shows no settings of a modem")
    return ModemSetupRead(gprs, tcp, connect)


def _read_or_none(client: DlmsClient, kind: CosemClass[Any], obis: bytes) -> Dialogue[Any]:
    try:
        return (yield from read_object(client, kind, obis, without=SECRETS))
    except SessionRefused:
        raise
    except MeterRefused:
        return None


def set_modem_setup(client: DlmsClient, change: ModemChange) -> Dialogue[ModemSetupRead]:
    """Write what is to change, each read back, then read all again.

    Raises:
        MeterRefused: the meter does not take it; what was written of that is taken back.
        LocalProtocolError: access point and destination at once.

    """
    if change.apn is not None and change.destinations is not None:
        raise LocalProtocolError(
            "value", "never the access point and the destination at once: nobody would be called"
        )
    for field, kind, obis in FIELDS:
        wanted = getattr(change, field)
        if wanted is not None:
            yield from _set(client, kind, obis, (field, wanted))
    return (yield from read_modem_setup(client))


def _set(
    client: DlmsClient, kind: CosemClass[Any], obis: bytes, wanted: tuple[str, Any]
) -> Dialogue[None]:
    field, value = wanted
    before = yield from read_field(client, kind, obis, field)
    if before == value:
        return
    yield from write_field(client, kind, obis, field, value)
    after = yield from read_field(client, kind, obis, field)
    if after != value:
        yield from write_field(client, kind, obis, field, before)
        raise MeterRefused(f"the meter reads back {after!r} for {field}; {before!r} is back")

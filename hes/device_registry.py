"""The device list in the store: facts as events for everybody, whole entries with keys beside them.

Events go first and entries last: when the program dies in between, the same import finds the
entries changed still, and does it all again.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

import msgspec

from hes.clock import Clock
from hes.devices import Device
from hes.events.base import DomainEvent
from hes.events.device import REASON_SIZE, DeviceRegistered
from hes.ids import meter_stream
from hes.key_change import imported
from hes.store.errors import StoreError
from hes.store.open import open_codec
from hes.store.port import Append, EventLog

PREFIX: Final = "device:"

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Device).decode


class ImportResult(NamedTuple):
    """What an import did."""

    imported: int
    unchanged: int


def load_devices(log: EventLog) -> list[Device]:
    """Return the device list with its keys.

    Raises:
        StoreError: the store is away, or an entry is damaged.

    """
    entries = log.load_secrets()
    try:
        return [_decode(data) for name, data in entries.items() if name.startswith(PREFIX)]
    except msgspec.DecodeError as problem:
        raise StoreError(f"an entry of the device list is damaged: {problem}") from None


def changed_devices(known: Iterable[Device], wanted: Sequence[Device]) -> list[Device]:
    """Return those of ``wanted`` that are new or different, with what no list knows of them."""
    old = {device.meter_id: device for device in known}
    found = (imported(old.get(device.meter_id), device) for device in wanted)
    return [device for device in found if old.get(device.meter_id) != device]


def registration(
    device: Device, actor: str, clock: Clock, reason: str = ""
) -> tuple[str, list[DomainEvent]]:
    """Return the stream and the event that say what ``device`` is, without its secrets."""
    event = DeviceRegistered(
        received_at=clock.now(),
        modem_id=device.modem_id,
        link=device.link,
        protocol=device.protocol,
        framing=device.framing,
        meter_type=device.meter_type,
        address=device.address,
        client_sap=device.client_sap,
        server_sap=device.server_sap,
        auth=device.auth,
        system_title=device.system_title.hex(),
        area=device.area,
        ct_ratio=device.ct_ratio,
        vt_ratio=device.vt_ratio,
        has_keys=device.has_keys,
        actor=actor,
        reason=reason[:REASON_SIZE],
    )
    return meter_stream(device.meter_id), [event]


def save_devices(log: EventLog, devices: Iterable[Device]) -> None:
    """Keep whole entries, all or none; the last step of an import."""
    log.save_secrets({PREFIX + device.meter_id: _encode(device) for device in devices})


def import_devices(
    log: EventLog, devices: Sequence[Device], actor: str, clock: Clock, reason: str = ""
) -> ImportResult:
    """Take a device list into the store of a node that does not run.

    Raises:
        StoreError: the store is away; nothing, or only some facts, were stored: import again.

    """
    changed = changed_devices(load_devices(log), devices)
    if changed:
        log.fence()
        codec = open_codec(log)
        facts = [registration(device, actor, clock, reason) for device in changed]
        log.append([Append(stream, None, list(map(codec.encode, e))) for stream, e in facts])
        save_devices(log, changed)
    return ImportResult(len(changed), len(devices) - len(changed))

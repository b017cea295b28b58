"""Which meters there are, behind which modem, and by which names their messages are known.

Held in memory by the node; filled from the device list at start and by imports.
"""

from collections.abc import Iterable
from typing import TypeVar

from hes.devices import Device
from hes.ids import MeterId, ModemId


def modem_of(device: Device) -> ModemId:
    """Return the modem that a meter is behind; one without stands for its own."""
    return device.modem_id or ModemId(device.meter_id)


class Directory:
    """The device list, indexed the ways that actors ask."""

    def __init__(self, devices: Iterable[Device] = ()) -> None:
        self._meters: dict[MeterId, Device] = {}
        self._modems: dict[ModemId, dict[MeterId, None]] = {}
        self._titles: dict[bytes, dict[MeterId, None]] = {}
        self._names: dict[str, MeterId] = {}
        self._called: dict[str, dict[MeterId, None]] = {}
        """Meters with a text for an address, by it and by their ids, without zeros in front."""
        self.version = 0
        """Grows with every change: what was derived from the list may be out of date then."""
        for device in devices:
            self.put(device)

    def put(self, device: Device) -> None:
        """Add ``device``, or replace what was known under its id."""
        self.version += 1
        self._forget(device.meter_id)
        self._meters[device.meter_id] = device
        self._names[device.meter_id.casefold()] = device.meter_id
        self._modems.setdefault(modem_of(device), {})[device.meter_id] = None
        if device.system_title:
            self._titles.setdefault(device.system_title, {})[device.meter_id] = None
        for name in _calls(device):
            self._called.setdefault(name, {})[device.meter_id] = None

    def _forget(self, meter: MeterId) -> None:
        old = self._meters.pop(meter, None)
        if old is None:
            return
        _discard(self._modems, modem_of(old), meter)
        _discard(self._titles, old.system_title, meter)
        for name in _calls(old):
            _discard(self._called, name, meter)

    def __len__(self) -> int:
        return len(self._meters)

    def meter(self, meter: MeterId) -> Device | None:
        """Return the entry of ``meter``."""
        return self._meters.get(meter)

    def named(self, name: str) -> Device | None:
        """Return the meter that calls itself ``name``: its id, whatever the case of letters."""
        meter = self._names.get(name.casefold())
        return self._meters[meter] if meter is not None else None

    def called(self, name: str) -> list[Device]:
        """Return the meters of IEC 62056-21 whose address or id is ``name``, but for zeros."""
        return [self._meters[meter] for meter in self._called.get(short_name(name), ())]

    def behind(self, modem: ModemId) -> list[Device]:
        """Return the meters on the serial line of ``modem``, in the order of the list."""
        return [self._meters[meter] for meter in self._modems.get(modem, ())]

    def only_one_behind(self, modem: ModemId) -> MeterId | None:
        """Return the meter on the serial line of ``modem``; None when it has none or several."""
        meters = self._modems.get(modem)
        return next(iter(meters)) if meters is not None and len(meters) == 1 else None

    def titled(self, system_title: bytes) -> list[Device]:
        """Return the meters whose messages carry ``system_title``."""
        return [self._meters[meter] for meter in self._titles.get(system_title, ())]

    def untitled_with_keys(self, modem: ModemId) -> list[Device]:
        """Return the meters behind ``modem`` that have keys, but no system title is known."""
        return [d for d in self.behind(modem) if d.has_keys and not d.system_title]

    def knows(self, modem: ModemId) -> bool:
        """Whether any meter is behind ``modem``."""
        return modem in self._modems

    def devices(self) -> Iterable[Device]:
        """Return all meters, in the order of the list."""
        return self._meters.values()

    def modems(self) -> Iterable[ModemId]:
        """Return all modems, in the order of the list."""
        return self._modems.keys()


def short_name(name: str) -> str:
    """Return a name as it is compared: without zeros in front, whatever the case of letters."""
    return name.strip().lstrip("0").casefold()


def _calls(device: Device) -> set[str]:
    if device.protocol != "iec62056-21":
        return set()
    return {short_name(device.address), short_name(device.meter_id)} - {""}


K = TypeVar("K", ModemId, bytes, str)


def _discard(index: dict[K, dict[MeterId, None]], key: K, meter: MeterId) -> None:
    group = index.get(key, {})
    group.pop(meter, None)
    if not group:
        index.pop(key, None)

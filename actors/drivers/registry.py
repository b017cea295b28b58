"""All drivers: each module of this package with a ``DRIVER`` is one."""

import importlib
import pkgutil
from typing import Final

import actors.drivers
from actors.drivers.base import Driver, DriverKind, DriverWorld
from hes.commands import CommandFailed
from hes.devices import Device
from hes.events.reading import FailureReason
from protocols.meter_types.catalogue import MeterTypes
from protocols.meter_types.shipped import shipped_types


def _find() -> dict[str, DriverKind]:
    modules = (
        importlib.import_module(f"{actors.drivers.__name__}.{found.name}")
        for found in pkgutil.iter_modules(actors.drivers.__path__)
    )
    kinds = [module.DRIVER for module in modules if hasattr(module, "DRIVER")]
    return {protocol: kind for kind in kinds for protocol in kind.protocols}


KINDS: Final = _find()


def make_driver(
    device: Device, world: DriverWorld, types: MeterTypes | None = None
) -> Driver | None:
    """Return a driver for ``device``; None when its protocol has none.

    ``types`` are those that the node knows; None: those that come with the program.

    Raises:
        CommandFailed: it is none of them.

    """
    kind = KINDS.get(device.protocol)
    if kind is None:
        return None
    meter_type = (types or shipped_types()).of(device.meter_type, device.protocol)
    if meter_type is None:
        raise CommandFailed(
            FailureReason.INTERNAL,
            f"the meter type {device.meter_type!r} of {device.protocol} is not known here: put its"
            " file back into the folder of meter_types, or import the meter with another type",
        )
    return kind.make(device, world, meter_type)

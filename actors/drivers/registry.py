"""All drivers: each module of this package with a ``DRIVER`` is one."""

import importlib
import pkgutil
from typing import Final

import actors.drivers
from actors.drivers.base import Driver, DriverKind, DriverWorld
from hes.devices import Device


def _find() -> dict[str, DriverKind]:
    modules = (
        importlib.import_module(f"{actors.drivers.__name__}.{found.name}")
        for found in pkgutil.iter_modules(actors.drivers.__path__)
    )
    kinds = [module.DRIVER for module in modules if hasattr(module, "DRIVER")]
    return {protocol: kind for kind in kinds for protocol in kind.protocols}


KINDS: Final = _find()


def make_driver(device: Device, world: DriverWorld) -> Driver | None:
    """Return a driver for ``device``; None when its protocol has none."""
    kind = KINDS.get(device.protocol)
    return None if kind is None else kind.make(device, world)

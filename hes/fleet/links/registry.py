"""All kinds of simulated modems: each module of this package with ``SIDES`` has some."""

import importlib
import pkgutil
from collections.abc import Iterable
from typing import Final

import hes.fleet.links
from hes.fleet.links.side import SideKind
from hes.fleet.options import FleetError

ALL: Final = "all"


def _find() -> dict[str, SideKind]:
    modules = (
        importlib.import_module(f"{hes.fleet.links.__name__}.{found.name}")
        for found in pkgutil.iter_modules(hes.fleet.links.__path__)
    )
    kinds: dict[str, SideKind] = {}
    for module in modules:
        kinds |= getattr(module, "SIDES", {})
    return kinds


SIDES: Final = _find()
"""By the name of ``hes simulate --links``."""


def chosen(names: Iterable[str]) -> list[str]:
    """Return the kinds that a person named, ``all`` being all of them; separated by commas too.

    Raises:
        FleetError: there is no such kind.

    """
    found = [part for name in names for part in name.split(",") if part]
    if ALL in found:
        return list(SIDES)
    for name in found:
        if name not in SIDES:
            known = ", ".join([ALL, *SIDES])
            raise FleetError(f"--links: there is no link {name!r}; known are {known}")
    return list(dict.fromkeys(found)) or ["raw"]

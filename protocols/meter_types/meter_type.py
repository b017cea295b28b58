"""What a meter type says: who it is, what is read of it, how it is spoken to, what its codes mean.

``PROTOCOLS`` is every protocol whose package has a module ``options`` with a table of that name:
what a type of it may set under ``[options]`` and ``[timers]``.
"""

import importlib
import importlib.util
import pkgutil
from typing import Annotated, Any, Final

import msgspec

import protocols
from protocols.values import ObisCode

GENERIC: Final = "generic-"
"""What the name of the type begins with that a meter has when nobody names one."""
EventName = Annotated[
    str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,63}$", description="the name of an event")
]
Code = Annotated[
    str, msgspec.Meta(pattern=r"^[0-9A-F]{1,16}$", description="a code, decimal or hex in capitals")
]
Mask = Annotated[
    str, msgspec.Meta(pattern=r"^0x[0-9A-F]{1,15}$", description="bits in hex, 0x0080")
]
Line = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]


class EventMap(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the codes in a meter's event log and messages mean; others are shown as they are."""

    codes: dict[Code, EventName] = {}
    """A code as the meter's documents write it, decimal or hex, to the name of the event."""
    bits: dict[Mask, EventName] = {}
    """Bits of a status word, ``0x0080``, to names; a word with several bits is several events."""

    def names(self, code: int | str | None) -> tuple[str, ...]:
        """Return what happened; nothing for a code that is not mapped."""
        if code is None:
            return ()
        whole = self.codes.get(str(code).upper())
        if whole is not None:
            return (whole,)
        if isinstance(code, str):
            return ()
        return tuple(name for mask, name in self.bits.items() if code & int(mask, 16))


class MeterTypeFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stands in a file beside ``[options]`` and ``[timers]``."""

    protocol: str
    """As in the device list: ``dlms``, ``iec62056-21``, ``dlt645-2007``, ``dlt645-1997``."""
    title: Line
    """Maker and model, for people."""
    source: Line
    """Where the facts come from."""
    identifies: tuple[Line, ...] = ()
    """What such meters say of themselves: the beginning of the identification (IEC 62056-21), of
    the system title or the logical device name (DLMS). For people who choose a type."""
    registers: tuple[ObisCode, ...] = ()
    """What is read when nobody says what; empty: what meters of the protocol usually have."""
    events: EventMap = EventMap()
    """What the meter's event codes mean."""
    options: dict[str, Any] = {}
    """How it differs from the generic type of its protocol."""
    timers: dict[str, Any] = {}
    """How long to wait for it."""


class MeterType(msgspec.Struct, frozen=True, kw_only=True):
    """One meter type, checked."""

    name: str
    protocol: str
    title: str = ""
    source: str = ""
    identifies: tuple[str, ...] = ()
    registers: tuple[str, ...] = ()
    events: EventMap = EventMap()
    options: Any
    """The Struct of options of its protocol."""
    timers: Any
    """The Struct of timers of its protocol."""


def _find() -> dict[str, tuple[type[msgspec.Struct], type[msgspec.Struct]]]:
    found: dict[str, tuple[type[msgspec.Struct], type[msgspec.Struct]]] = {}
    for package in pkgutil.iter_modules(protocols.__path__):
        name = f"{protocols.__name__}.{package.name}.options"
        if package.ispkg and importlib.util.find_spec(name) is not None:
            found |= getattr(importlib.import_module(name), "PROTOCOLS", {})
    return found


PROTOCOLS: Final = _find()
"""Protocol to its Structs of options and timers."""


def plain(protocol: str) -> MeterType:
    """Return a type of a protocol that says nothing: all as it usually is."""
    options, timers = PROTOCOLS[protocol]
    return MeterType(
        name=GENERIC + protocol, protocol=protocol, options=options(), timers=timers()
    )  # fmt: skip

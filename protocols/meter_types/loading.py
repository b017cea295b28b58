"""From the text of a file to a meter type. Pure: whoever has the text says what it is called."""

import re
import tomllib
from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

import msgspec

from protocols.meter_types.checking import Fault, faults_of
from protocols.meter_types.meter_type import (
    GENERIC,
    PROTOCOLS,
    EventMap,
    MeterType,
    MeterTypeFile,
)

SUFFIX: Final = ".toml"
TEXT_SIZE_MAX: Final = 256 * 1024
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,62}")


class MeterTypeError(Exception):
    """A file says no meter type; every fault is in it."""

    def __init__(self, where: str, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(f"{where}: {fault}" for fault in faults))
        self.where = where
        self.faults = list(faults)

    @property
    def sentences(self) -> list[str]:
        """Return a sentence for each fault, with the file in front."""
        return [f"{self.where}: {fault}" for fault in self.faults]


def load(
    name: str, text: str, *, where: str | None = None, events: Collection[str] | None = None
) -> MeterType:
    """Return the meter type in a text.

    ``where`` stands in front of each fault, the name of the file if None; ``events`` are the names
    that events may have, any if None.

    Raises:
        MeterTypeError: something in it cannot be used.

    """
    told = where or name + SUFFIX
    data = _parsed(name, text, told)
    faults = list(_faults(name, data, events))
    if faults:
        raise MeterTypeError(told, faults)
    options, timers = PROTOCOLS[data["protocol"]]
    file = msgspec.convert(data, MeterTypeFile)
    return MeterType(
        name=name,
        protocol=file.protocol,
        title=file.title,
        source=file.source,
        identifies=file.identifies,
        registers=file.registers,
        events=file.events,
        options=msgspec.convert(file.options, options),
        timers=msgspec.convert(file.timers, timers),
    )


def _parsed(name: str, text: str, where: str) -> dict[str, Any]:
    if not _NAME.fullmatch(name):
        rule = "a type is named by small letters, digits, dots and dashes"
        raise MeterTypeError(where, [Fault("", f"{name!r} is no name; {rule}")])
    if len(text) > TEXT_SIZE_MAX:
        raise MeterTypeError(where, [Fault("", f"is longer than {TEXT_SIZE_MAX} characters")])
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as problem:
        raise MeterTypeError(where, [Fault("", f"is no TOML: {problem}")]) from None


def _faults(name: str, data: dict[str, Any], events: Collection[str] | None) -> Iterator[Fault]:
    yield from faults_of(data, MeterTypeFile)
    protocol = data.get("protocol")
    if not isinstance(protocol, str):
        return
    if protocol not in PROTOCOLS:
        yield Fault("protocol", f"{protocol!r} is none of {', '.join(PROTOCOLS)}")
        return
    if name.startswith(GENERIC) and name != GENERIC + protocol:
        yield Fault("", f"the generic type of {protocol} is called {GENERIC}{protocol}")
    options, timers = PROTOCOLS[protocol]
    for section, kind in (("options", options), ("timers", timers)):
        if isinstance(data.get(section), dict):
            yield from faults_of(data[section], kind, section)
    if events is not None:
        yield from _unnamed(data.get("events"), events)


def _unnamed(map_: Any, names: Collection[str]) -> Iterator[Fault]:
    """Yield the events that are called by a word that nobody knows."""
    if not isinstance(map_, dict):
        return
    for part in EventMap.__struct_fields__:
        table = map_.get(part)
        for code, name in table.items() if isinstance(table, dict) else ():
            if isinstance(name, str) and name not in names:
                yield Fault(f"events.{part}.{code}", f"{name!r} is the name of no event")

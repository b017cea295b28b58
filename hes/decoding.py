"""The engineer's translator: frames in, plain data out, whatever the protocol.

A package of ``protocols`` with a module ``translate`` takes part: the module says in ``TRANSLATES``
which protocols it knows, and its ``translate(request)`` returns the answer.
"""

import importlib
import importlib.util
import json
import pkgutil
from collections.abc import Callable, Iterator, Mapping
from typing import IO, Any, Final

import protocols
from protocols.meter_types.catalogue import MeterTypes
from protocols.meter_types.meter_type import MeterType
from protocols.meter_types.shipped import shipped_types

Translate = Callable[[Mapping[str, Any]], dict[str, Any]]

LINE_SIZE_MAX: Final = 16 * 1024 * 1024
"""Bytes; the longest known capture has some 40 kB."""
SKIP_SIZE: Final = 64 * 1024


def find_translators() -> dict[str, Translate]:
    """Return protocol name to translator, for every package of ``protocols`` that has one."""
    found: dict[str, Translate] = {}
    for package in pkgutil.iter_modules(protocols.__path__):
        name = f"{protocols.__name__}.{package.name}.translate"
        if package.ispkg and importlib.util.find_spec(name) is not None:
            module = importlib.import_module(name)
            found |= dict.fromkeys(module.TRANSLATES, module.translate)
    return found


def answer_lines(
    source: IO[bytes], translators: Mapping[str, Translate], types: MeterTypes | None = None
) -> Iterator[dict[str, Any]]:
    """Yield one answer for each line of ``source`` that is not blank; a bad line stops nothing.

    ``types``: the meter types that a line may name; None: those that come with the program.
    """
    while line := source.readline(LINE_SIZE_MAX + 1):
        if len(line) > LINE_SIZE_MAX:
            _skip_line(source, line)
            yield _bad("json", f"the line has more than {LINE_SIZE_MAX} bytes")
        elif line.strip():
            yield answer_line(line, translators, types)


def answer_line(
    line: bytes, translators: Mapping[str, Translate], types: MeterTypes | None = None
) -> dict[str, Any]:
    """Return the answer to one line."""
    try:
        request = json.loads(line)
    except (ValueError, RecursionError) as problem:
        return _bad("json", f"the line is no JSON: {problem}")
    if not isinstance(request, dict):
        return _bad("json", "the line is no JSON object")
    try:
        meter_type = _meter_type(request.pop("meter_type", None), types)
    except LookupError as problem:
        return _bad("meter-type", str(problem))
    protocol = request.get("protocol") or ("dlms" if "framing" in request else None)
    if meter_type is not None:
        protocol = protocol or meter_type.protocol
        request["options"] = meter_type.options
    translate = translators.get(protocol) if isinstance(protocol, str) else None
    if translate is None:
        known = ", ".join(sorted(translators))
        told = "no protocol is named" if protocol is None else f"{protocol!r} is not known"
        return _bad("unsupported", f"{told}; known are {known}")
    return translate(request)


def _meter_type(name: Any, types: MeterTypes | None) -> MeterType | None:
    """Return the meter type that a line names, if it names one."""
    if not name:
        return None
    found = (types or shipped_types()).named(name) if isinstance(name, str) else None
    if found is None:
        raise LookupError(f"{name!r} is no meter type")
    return found


def _skip_line(source: IO[bytes], line: bytes) -> None:
    while line and not line.endswith(b"\n"):
        line = source.readline(SKIP_SIZE)


def _bad(category: str, detail: str) -> dict[str, Any]:
    return {"ok": False, "error": category, "detail": detail[:500]}

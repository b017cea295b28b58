"""The reference of meter types as Markdown, made from the Structs: nothing there is told twice."""

import types
import typing
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any, Final

import msgspec

from hes.cli.struct_options import field_docs
from hes.event_names import EVENT_NAMES
from protocols.meter_types.meter_type import PROTOCOLS, EventMap, MeterTypeFile

WORDS: Final[dict[Any, str]] = {
    str: "text", int: "whole number", float: "number", bool: "true or false", Any: "anything",
}  # fmt: skip
HEAD: Final = ("| Key | Value | Usually | |", "|---|---|---|---|")


def reference() -> str:
    """Return the tables of all that a file may say."""
    lines = [*_table("The file", MeterTypeFile), *_table("`[events]`", EventMap)]
    told: set[type[msgspec.Struct]] = set()
    for (options, timers), names in _grouped().items():
        for section, kind in (("options", options), ("timers", timers)):
            lines += _table(f"`[{section}]` of {', '.join(names)}", kind)
            lines += [line for inner in _inner(kind, told) for line in _table("", inner)]
    return "\n".join([*lines, *_events()]) + "\n"


def _grouped() -> dict[tuple[Any, Any], list[str]]:
    """Return the protocols of each pair of Structs."""
    found: dict[tuple[Any, Any], list[str]] = {}
    for protocol, pair in sorted(PROTOCOLS.items()):
        found.setdefault(pair, []).append(protocol)
    return found


def _table(title: str, kind: type[msgspec.Struct]) -> Iterator[str]:
    docs = field_docs(kind)
    yield f"### {title}" if title else f"#### {kind.__name__}"
    yield ""
    yield from HEAD
    for field in msgspec.structs.fields(kind):
        cells = (f"`{field.encode_name}`", _word(field.type), _usual(field))
        yield "| " + " | ".join((*cells, docs.get(field.name, "").replace("``", "`"))) + " |"
    yield ""


def _inner(kind: Any, told: set[type[msgspec.Struct]]) -> Iterator[type[msgspec.Struct]]:
    """Yield the Structs that stand in a Struct, each once in all."""
    for field in msgspec.structs.fields(kind):
        for found in _structs(field.type):
            if found not in told:
                told.add(found)
                yield found
                yield from _inner(found, told)


def _structs(kind: Any) -> Iterator[type[msgspec.Struct]]:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield kind
    for part in typing.get_args(kind):
        yield from _structs(part)


def _usual(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "must be told"
    if field.default is msgspec.NODEFAULT:
        return ""
    default = field.default
    if default is None or isinstance(default, msgspec.Struct) or default in ("", ()):
        return ""
    return f"`{_value(default)}`"


def _value(value: Any) -> str:
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_value, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else str(value)


def _word(kind: Any) -> str:
    """Return a type in a few words."""
    origin, parts = typing.get_origin(kind), typing.get_args(kind)
    if origin in SHAPES:
        return SHAPES[origin](*parts)
    if isinstance(kind, type) and issubclass(kind, Enum):
        return _choices(*(member.value for member in kind))
    return WORDS.get(kind) or f"table `{kind.__name__}`"


def _annotated(kind: Any, *metas: Any) -> str:
    told = _word(kind)
    for meta in metas:
        if meta.description:
            return str(meta.description)
        if meta.ge is not None and meta.le is not None:
            told = f"{meta.ge} to {meta.le}"
    return told


def _choices(*values: Any) -> str:
    return ", ".join(f"`{value}`" if value != "" else "nothing" for value in values)


def _either(*kinds: Any) -> str:
    return " or ".join(_word(kind) for kind in kinds if kind is not types.NoneType)


SHAPES: Final[dict[Any, Callable[..., str]]] = {
    typing.Annotated: _annotated,
    typing.Literal: _choices,
    typing.Union: _either,
    types.UnionType: _either,
    tuple: lambda kind, *_: f"list: {_word(kind)}",
    dict: lambda key, kind: f"table: {_word(key)} = {_word(kind)}",
}


def _events() -> Iterator[str]:
    yield "### Names of events"
    yield ""
    yield "| Name | What the meter reported |"
    yield "|---|---|"
    for name, told in EVENT_NAMES.items():
        yield f"| `{name}` | {told} |"

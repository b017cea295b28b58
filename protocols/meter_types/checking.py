"""Compares plain data with the Struct that it should become, and tells every fault in a sentence.

A mistyped key is named with its nearest neighbour, and one fault does not hide the next: people
who write a file by hand mend it once, not line by line.
"""

import difflib
import re
import typing
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, Final, NamedTuple

import msgspec

_EXPECTED: Final = re.compile(
    r"Expected `(?P<kind>[\w|.\s]+)`(?P<bound>[^,]*?)(?:, got `(?P<got>\w+)`)?"
)
_PATTERN: Final = " matching regex "
_CHOICE: Final = "Invalid enum value "
_WORDS: Final = {
    "int": "a whole number", "float": "a number", "str": "text in quotes", "bool": "true or false",
    "array": "a list", "object": "a table", "null": "nothing",
}  # fmt: skip


class Fault(NamedTuple):
    """One thing that is wrong: where, and what to mend."""

    key: str
    """``options.rates[2]``; empty: the whole."""
    problem: str

    def __str__(self) -> str:
        return f"{self.key}: {self.problem}" if self.key else self.problem


def faults_of(data: Any, kind: type[msgspec.Struct], path: str = "") -> Iterator[Fault]:
    """Yield everything for which ``data`` cannot become ``kind``."""
    if not isinstance(data, Mapping):
        yield Fault(path, "must be a table")
        return
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    found = False
    for key, value in data.items():
        where = f"{path}.{key}" if path else str(key)
        faults = (
            list(_of_value(value, fields[key].type, where))
            if key in fields
            else [Fault(where, _unknown(key, fields))]
        )
        yield from faults
        found = found or bool(faults)
    for name, field in fields.items():
        if field.required and name not in data:
            yield Fault(f"{path}.{name}" if path else name, "is missing")
            found = True
    if not found:  # right one by one: they may contradict each other
        yield from _of_whole(data, kind, path)


def _of_value(value: Any, kind: Any, path: str) -> Iterator[Fault]:
    """Yield the faults of one value; tables and lists are looked through."""
    whole = _bare(kind)
    inner = typing.get_args(whole)
    if _is_struct(whole):
        yield from faults_of(value, whole, path)
        return
    deeper: list[Fault] = []
    if isinstance(value, list) and typing.get_origin(whole) is tuple:
        for number, part in enumerate(value):
            deeper += _of_value(part, inner[0], f"{path}[{number}]")
    elif isinstance(value, Mapping) and typing.get_origin(whole) is dict:
        for key, part in value.items():
            deeper += _of_whole(key, inner[0], f"{path}.{key}")
            deeper += _of_value(part, inner[1], f"{path}.{key}")
    yield from deeper or _of_whole(value, kind, path)


def _of_whole(value: Any, kind: Any, path: str) -> Iterator[Fault]:
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as problem:
        yield _told(str(problem), path, kind)


def _bare(kind: Any) -> Any:
    while typing.get_origin(kind) is typing.Annotated:
        kind = typing.get_args(kind)[0]
    return kind


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _unknown(key: str, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(key, known, 1, 0.6)
    return f"is not known; did you mean {near[0]}?" if near else (
        f"is not known; known here are {', '.join(known)}"
    )  # fmt: skip


def _told(message: str, path: str, kind: Any) -> Fault:
    """Return what msgspec found, in plain words."""
    if message.startswith(_CHOICE):
        allowed = ", ".join(map(str, _choices(kind)))
        return Fault(path, f"{message.removeprefix(_CHOICE)} is none of {allowed}")
    if _PATTERN in message:
        return Fault(path, f"is not {_form(kind)}")
    expected = _EXPECTED.fullmatch(message)
    if expected is None:
        return Fault(path, message)
    got = f", not {_word(expected['got'])}" if expected["got"] else ""
    return Fault(path, f"must be {_word(expected['kind'])}{expected['bound']}{got}")


def _form(kind: Any) -> str:
    """Return what a text must look like, as its type describes it."""
    patterns = [meta for meta in _metas(kind) if meta.pattern]
    return patterns[0].description or f"of the form {patterns[0].pattern}"


def _metas(kind: Any) -> list[msgspec.Meta]:
    """Return the bounds in a type, those of each kind that it may be."""
    own = [meta for meta in getattr(kind, "__metadata__", ()) if isinstance(meta, msgspec.Meta)]
    return own + [meta for part in typing.get_args(kind) for meta in _metas(part)]


def _choices(kind: Any) -> list[Any]:
    """Return what a value may be, where that is a list; of a list, what its items may be."""
    whole = _bare(kind)
    if typing.get_origin(whole) is typing.Literal:
        return list(typing.get_args(whole))
    if isinstance(whole, type) and issubclass(whole, Enum):
        return [member.value for member in whole]
    return [choice for part in typing.get_args(whole) for choice in _choices(part)]


def _word(kind: str) -> str:
    return _WORDS.get(kind, kind)

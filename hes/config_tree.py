"""A TOML file and the environment as one tree, checked against the shape that is wanted.

Keys are checked before values are, so that a mistyped key is named with its path and its nearest
neighbour instead of being ignored.
"""

import difflib
import re
import tomllib
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NoReturn

import msgspec

from hes.config_values import decode_value
from hes.type_hints import bare
from hes.validation import explain

PREFIX: Final = "HES_"
SEPARATOR: Final = "__"
FILE_SIZE_MAX: Final = 1024 * 1024
LIST_SIZE_MAX: Final = 1000
TRUE: Final = frozenset({"1", "true", "yes", "on"})
WRONG_CHOICE: Final = "Invalid enum value "
FALSE: Final = frozenset({"0", "false", "no", "off"})


class ConfigError(Exception):
    """The configuration cannot be used; the message is one sentence that says what to mend."""

    def __init__(self, where: str, key: str, problem: str) -> None:
        place = f"{where}: {key}" if key else where
        super().__init__(f"{place}: {problem}")
        self.where = where
        """The file, or the variable of the environment."""
        self.key = key
        """Path of the key, ``listener[0].bind``; empty when it concerns the whole file."""
        self.problem = problem


class Tree:
    """Settings as they were written, and where each of them came from."""

    def __init__(self, shape: type[msgspec.Struct], where: str, data: dict[str, Any]) -> None:
        self.shape = shape
        self.where = where
        self.data = data
        self._variables: dict[str, str] = {}
        """Path of a key to the variable of the environment that set it."""
        _check_keys(where, "", data, shape)

    def overlay(self, environ: Mapping[str, str]) -> None:
        """Put the variables ``HES_SECTION__KEY`` over the settings; an empty one takes a key out.

        Raises:
            ConfigError: a variable names no key, or its value is wrong.

        """
        names = (n for n in environ if n.startswith(PREFIX) and SEPARATOR in n[len(PREFIX) :])
        for name in sorted(names, key=_by_index):
            self._set(name, environ[name])

    def fail(self, key: str, problem: str) -> NoReturn:
        """Raise the error of a key, naming the file or the variable it came from."""
        variable = self._variables.get(key) or self._variables.get(key.partition("[")[0])
        if variable is None:
            # A table is wrong as a whole: a variable that set a part of it is the likely reason.
            parts = (name for path, name in self._variables.items() if path.startswith(f"{key}."))
            variable = next(parts, None) if key else None
        if variable is not None:
            raise ConfigError(variable, "", problem)
        raise ConfigError(self.where, key, problem)

    def convert(self, section: str, kind: type[Any], data: Any) -> Any:
        """Return ``data`` as the Struct ``kind``; ``section`` is its path, or empty.

        Raises:
            ConfigError: a value is wrong.

        """
        try:
            return msgspec.convert(data, kind, dec_hook=decode_value)
        except msgspec.ValidationError as problem:
            path, told = explain(str(problem))
            key = f"{section}.{path}".strip(".")
            if told.startswith(WRONG_CHOICE):
                known = ", ".join(_choices(self.shape, key))
                told = f"{told.removeprefix(WRONG_CHOICE)} is none of {known}"
            return self.fail(key, told)

    def _set(self, name: str, value: str) -> None:
        parts = name[len(PREFIX) :].lower().split(SEPARATOR)
        node: Any = self.data
        kind: Any = self.shape
        key = ""
        for at, part in enumerate(parts):
            slot, kind, key = _step(name, part, node, kind, key)
            if at == len(parts) - 1:
                self._variables[key] = name
                _assign(name, node, slot, kind, value)
            else:
                node = _descend(node, slot, kind)


def read_toml(path: Path) -> dict[str, Any]:
    """Return the tables of a TOML file.

    Raises:
        ConfigError: it cannot be read, or it is no TOML.

    """
    where = path.name
    try:
        with path.open("rb") as file:
            raw = file.read(FILE_SIZE_MAX + 1)
        if len(raw) > FILE_SIZE_MAX:
            raise ConfigError(where, "", f"the file is larger than {FILE_SIZE_MAX} bytes")
        return tomllib.loads(raw.decode("utf-8"))
    except FileNotFoundError:
        raise ConfigError(str(path), "", "there is no such file; name it with --config") from None
    except OSError as problem:
        raise ConfigError(str(path), "", f"cannot be read: {problem.strerror}") from None
    except UnicodeDecodeError as problem:
        raise ConfigError(where, "", f"byte {problem.start} is no UTF-8; save it as such") from None
    except tomllib.TOMLDecodeError as problem:
        raise ConfigError(where, "", f"no TOML: {problem}") from None
    except RecursionError:
        raise ConfigError(where, "", "lists or tables are nested too deep") from None


# -- the shape


def _fields(kind: Any) -> dict[str, Any] | None:
    """Return the keys of a table and their types; None when ``kind`` is no table."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return {f.encode_name: bare(f.type) for f in msgspec.structs.fields(kind)}
    return None


def _item(kind: Any) -> Any:
    """Return the type of a list's items; None when ``kind`` is no list."""
    return bare(typing.get_args(kind)[0]) if typing.get_origin(kind) is tuple else None


def _check_keys(where: str, path: str, data: Any, kind: Any) -> None:
    """Refuse keys that the shape does not have; as deep as the shape, not as the data."""
    known, item = _fields(kind), _item(kind)
    if known is not None:
        if not isinstance(data, dict):
            raise ConfigError(where, path, "must be a table; write [" + path + "]")
        for key, value in data.items():
            inner = f"{path}.{key}" if path else key
            if key not in known:
                raise ConfigError(where, inner, _unknown(key, path, known))
            _check_keys(where, inner, value, known[key])
    elif item is not None and _fields(item) is not None:
        if not isinstance(data, list):
            raise ConfigError(where, path, f"must be a list of tables; write [[{path}]]")
        for number, value in enumerate(data):
            _check_keys(where, f"{path}[{number}]", value, item)


def _unknown(key: str, path: str, known: Mapping[str, Any]) -> str:
    near = difflib.get_close_matches(key, known, 1, 0.6)
    if near:
        meant = f"{path}.{near[0]}" if path else near[0]
        return f"unknown key; did you mean {meant}?"
    return f"unknown key; known here are {', '.join(known)}"


# -- the environment


def _by_index(name: str) -> list[tuple[int, str]]:
    """Order ``LISTENER__10`` behind ``LISTENER__9``: a list grows item by item."""
    return [(int(p), "") if p.isdecimal() else (-1, p) for p in name.split(SEPARATOR)]


def _step(name: str, part: str, node: Any, kind: Any, key: str) -> tuple[Any, Any, str]:
    """Return the slot that ``part`` names in ``node``, the slot's type and its path."""
    known, item = _fields(kind), _item(kind)
    if known is not None:
        if part not in known:
            raise ConfigError(name, "", _unknown(part, key, known))
        return part, known[part], f"{key}.{part}" if key else part
    if item is None:
        raise ConfigError(name, "", f"{key} is a single value; nothing is below it")
    if not (part.isascii() and part.isdecimal()) or int(part) > min(len(node), LIST_SIZE_MAX):
        raise ConfigError(name, "", f"{key} is a list; its next free index is {len(node)}")
    return int(part), item, f"{key}[{int(part)}]"


def _descend(node: Any, slot: Any, kind: Any) -> Any:
    """Return the table or list in a slot, made when it is not there yet."""
    fresh: Any = {} if _fields(kind) is not None else []
    if isinstance(node, dict):
        return node.setdefault(slot, fresh)
    if slot == len(node):
        node.append(fresh)
    return node[slot]


def _assign(name: str, node: Any, slot: Any, kind: Any, text: str) -> None:
    if not text and isinstance(node, dict):
        node.pop(slot, None)
        return
    value = _typed(name, kind, text)
    if isinstance(node, list) and slot == len(node):
        node.append(value)
    else:
        node[slot] = value


def _typed(name: str, kind: Any, text: str) -> Any:
    """Return what a variable's text says, for a key of this type."""
    item = _item(kind)
    if _fields(kind) is not None or (item is not None and _fields(item) is not None):
        raise ConfigError(name, "", "this is a table; add __ and the name of a key")
    if item is not None:
        return [_typed(name, item, part.strip()) for part in text.split(",") if part.strip()]
    if kind is bool:
        if text.lower() not in TRUE | FALSE:
            raise ConfigError(name, "", f"must be true or false, not {text!r}")
        return text.lower() in TRUE
    if kind in {int, float}:
        try:
            return kind(text)
        except ValueError:
            word = "a whole number" if kind is int else "a number"
            raise ConfigError(name, "", f"must be {word}, not {text!r}") from None
    return text


def _choices(shape: Any, key: str) -> Iterator[str]:
    kind = shape
    for part in re.findall(r"\w+|\[\d+\]", key):
        kind = _item(kind) if part.startswith("[") else (_fields(kind) or {}).get(part)
    return (str(choice) for choice in typing.get_args(kind))

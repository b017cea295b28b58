"""Options of the command line made from the fields of a Struct.

The Struct is the one place where an option is declared: its name, type, default and, as the text
under the field, what it means. ``connect_rate_per_s: float`` becomes ``--connect-rate-per-s``.
"""

import argparse
import ast
import inspect
import itertools
import textwrap
import typing
from collections.abc import Iterable, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import msgspec

from hes.cli.failures import USAGE, CommandError
from hes.type_hints import bare
from hes.validation import explain

S = TypeVar("S", bound=msgspec.Struct)


def parse_options(
    kind: type[S],
    arguments: Sequence[str],
    *,
    program: str,
    summary: str,
    given: dict[str, Any] | None = None,
) -> S:
    """Return the Struct that ``arguments`` describe; ``given`` are fields that are set already.

    Raises:
        CommandError: an option is unknown, or its value is wrong.
        SystemExit: help was asked for, and written.

    """
    given = given or {}
    fields = [f for f in msgspec.structs.fields(kind) if f.name not in given]
    parser = _Parser(prog=program, description=summary, allow_abbrev=False)
    docs = field_docs(kind)
    for field in fields:
        _add(parser, field, docs.get(field.name, ""))
    parsed = vars(parser.parse_args(arguments))
    written = {key: value for key, value in parsed.items() if value is not None}
    try:
        return msgspec.convert(given | written, kind, strict=False, dec_hook=_from_text)
    except msgspec.ValidationError as problem:
        path, told = explain(str(problem))
        flag = "--" + path.partition("[")[0].replace("_", "-")
        raise CommandError(f"{flag}: {told} (see `{program} --help`)", USAGE) from None


def field_docs(kind: type[msgspec.Struct]) -> dict[str, str]:
    """Return what stands under each field of a Struct, in its source; its bases included."""
    docs: dict[str, str] = {}
    for cls in reversed(kind.__mro__):
        if issubclass(cls, msgspec.Struct) and cls is not msgspec.Struct:
            docs |= dict(_docs_of(cls))
    return docs


def _docs_of(cls: type) -> Iterable[tuple[str, str]]:
    try:
        source = textwrap.dedent(inspect.getsource(cls))
    except (OSError, TypeError):
        return
    body = typing.cast("ast.ClassDef", ast.parse(source).body[0]).body
    for field, text in itertools.pairwise(body):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
            name, doc = field.target, text.value
            if isinstance(name, ast.Name) and isinstance(doc, ast.Constant):
                yield name.id, " ".join(str(doc.value).split())


class _Parser(argparse.ArgumentParser):
    """Tells mistakes as every other command does."""

    def error(self, message: str) -> NoReturn:
        """Raise what argparse would write and exit for."""
        raise CommandError(f"{message} (see `{self.prog} --help`)", USAGE)


def _add(parser: argparse.ArgumentParser, field: msgspec.structs.FieldInfo, doc: str) -> None:
    flag = "--" + field.encode_name.replace("_", "-")
    kind = bare(field.type)
    about = f"{doc} {_default(field)}".strip().replace("%", "%%")
    required = field.required
    if kind is bool:
        parser.add_argument(
            flag,
            dest=field.encode_name,
            default=None,
            action=argparse.BooleanOptionalAction,
            help=about,
        )
    elif typing.get_origin(kind) in {tuple, list}:
        parser.add_argument(flag, dest=field.encode_name, nargs="+", help=about, required=required)
    else:
        parser.add_argument(
            flag,
            dest=field.encode_name,
            choices=_choices(kind),
            metavar=None if _choices(kind) else _metavar(kind),
            help=about,
            required=required,
        )


def _default(field: msgspec.structs.FieldInfo) -> str:
    default = field.default
    if default is msgspec.NODEFAULT or default is None or default == "":
        return ""
    return f"(default: {default.value if isinstance(default, Enum) else default!r})"


def _choices(kind: Any) -> list[str] | None:
    if typing.get_origin(kind) is typing.Literal:
        return list(map(str, typing.get_args(kind)))
    if isinstance(kind, type) and issubclass(kind, Enum):
        return [str(member.value) for member in kind]
    return None


def _metavar(kind: Any) -> str:
    names = {int: "N", float: "X", Path: "FILE"}
    return names.get(kind, "TEXT")


def _from_text(kind: type, value: Any) -> Any:
    if kind is Path:
        return Path(value)
    raise TypeError(f"no option can be a {kind.__name__}")

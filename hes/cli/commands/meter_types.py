"""``hes meter-types``: the meter types that a node knows, and whether a file says one."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hes.cli import output
from hes.cli.failures import FAILED, CommandError
from hes.cli.options import ConfigFile, Json
from hes.cli.settings import config_of

if TYPE_CHECKING:
    from protocols.meter_types.catalogue import MeterTypes


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        name="meter-types", help="Meter types: how meters of one kind are read, a file each.",
        no_args_is_help=True,
    )  # fmt: skip
    group.command(name="list")(show_all)
    group.command(name="check")(check)
    group.command(name="show")(show)
    group.command(name="schema")(schema)
    app.add_typer(group)


def _types(config: Path | None) -> "MeterTypes":
    from hes.meter_types import read_types  # noqa: PLC0415 -- keeps `hes --help` quick

    return read_types(config_of(config).meter_types.folder)


def show_all(config: ConfigFile = None, json: Json = False) -> None:
    """List the types: those of the program, and those of the folder that the configuration names.

    The name is what the column meter_type of the device list holds.
    """
    rows = sorted((one.protocol, one.name, one.title) for one in _types(config))
    if json:
        for protocol, name, title in rows:
            output.write_json({"name": name, "protocol": protocol, "title": title})
        return
    output.write_table(("name", "protocol", "meters"), [(n, p, t) for p, n, t in rows])


def check(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Files, or folders of files.", metavar="FILE|FOLDER ..."),
    ] = None,
    config: ConfigFile = None,
) -> None:
    """Look whether files are meter types: a sentence for everything that is wrong, and exit 1.

    Without a file: those in the folder that the configuration names.
    """
    from hes.meter_types import faults, files_of  # noqa: PLC0415 -- as above

    wanted = paths or []
    if not wanted and (folder := config_of(config).meter_types.folder) is not None:
        wanted = [Path(folder)]
    files = [file for path in wanted for file in (files_of(path) if path.is_dir() else [path])]
    found = list(faults(files))
    for sentence in found:
        output.write_line(sentence)
    if found:
        raise typer.Exit(FAILED)
    output.write_line(f"{output.plural(len(files), 'file')}: nothing is wrong")


def show(
    name: Annotated[str, typer.Argument(help="The name of a type.", metavar="NAME")],
    config: ConfigFile = None,
    json: Json = False,
) -> None:
    """Show what a type says: all its settings, those first that differ from the usual ones."""
    import msgspec  # noqa: PLC0415 -- as above

    found = _types(config).named(name)
    if found is None:
        raise CommandError(f"there is no meter type {name!r}; see `hes meter-types list`", FAILED)
    told: dict[str, Any] = msgspec.to_builtins(found)
    if json:
        output.write_json(told)
        return
    output.write_table(("setting", "value", ""), _settings(found))


def schema() -> None:
    """Write what a file may say, all keys with their values and meaning, as Markdown."""
    from hes.cli.meter_type_reference import reference  # noqa: PLC0415 -- as above

    sys.stdout.write(reference())


def _settings(found: Any) -> list[tuple[str, str, str]]:
    """Return name, value and a mark of each setting; the usual ones last."""
    from protocols.meter_types.meter_type import plain  # noqa: PLC0415 -- as above

    usual = plain(found.protocol)
    rows = [(f, output.inline(getattr(found, f)), "") for f in ("protocol", "title", "source")]
    rows += [(f, ", ".join(getattr(found, f)), "") for f in ("identifies", "registers")]
    events = [(f"event {code}", event, "") for code, event in found.events.codes.items()]
    events += [(f"event bit {mask}", event, "") for mask, event in found.events.bits.items()]
    settings = [row for part in ("options", "timers") for row in _compared(found, usual, part)]
    return [row for row in rows if row[1]] + sorted(settings, key=lambda row: row[2]) + events


def _compared(found: Any, usual: Any, part: str) -> list[tuple[str, str, str]]:
    import msgspec  # noqa: PLC0415 -- as above

    own, other = (msgspec.to_builtins(getattr(one, part)) for one in (found, usual))
    return [
        (f"{part}.{name}", output.inline(value), "as usual" if value == other[name] else "")
        for name, value in own.items()
    ]

"""``hes devices``: the device list of a node, in and out, as CSV."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from hes.cli import output
from hes.cli.failures import FAILED, CommandError
from hes.cli.options import DEFAULT_URL, ConfigFile, Json, OptionalUrl, Reason, Url


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        name="devices", help="The device list: one row of the CSV is one meter.",
        no_args_is_help=True,
    )  # fmt: skip
    group.command(name="import")(take_in)
    group.command(name="export")(give_out)
    app.add_typer(group)


def take_in(
    file: Annotated[Path, typer.Argument(help="The CSV, with a header.", metavar="FILE.csv")],
    config: ConfigFile = None,
    reason: Reason = "",
    url: OptionalUrl = None,
    json: Json = False,
) -> None:
    """Add meters to the device list, or change them: all rows or, with any error, none.

    Goes to the running node; with --config or ./hes.toml, into its store while it does not run.
    """
    from hes.cli.importing import bring, read_list  # noqa: PLC0415 -- keeps `hes --help` quick

    text = read_list(file)
    with output.waiting(f"importing {file}"):
        done = bring(text, url=url, config_file=config, reason=reason)
    if json:
        output.write_json({"imported": done.imported, "unchanged": done.unchanged})
        return
    meters = output.plural(done.imported, "meter")
    output.write_line(f"{meters} imported, {done.unchanged} unchanged, into {done.target}")


def give_out(
    out: Annotated[
        Path | None, typer.Option("--output", "-o", help="A new file, instead of standard output.")
    ] = None,
    url: Url = DEFAULT_URL,
) -> None:
    """Write the device list of the running node as CSV, without keys and passwords."""
    from hes.cli.node_client import node_at  # noqa: PLC0415 -- keeps `hes --help` quick

    with node_at(url) as node:
        text = node.get_csv("/api/v1/devices")
    if out is None:
        sys.stdout.write(text)
        return
    try:
        with out.open("x", encoding="utf-8", newline="") as opened:
            opened.write(text)
    except FileExistsError:
        raise CommandError(f"{out} is there already; name a new file", FAILED) from None

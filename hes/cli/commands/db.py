"""``hes db``: what a database administrator wants to see before a node comes."""

from typing import Annotated

import typer

from hes.cli import output
from hes.cli.failures import USAGE, CommandError


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(name="db", help="The databases of a node.", no_args_is_help=True)
    group.callback()(_group)
    group.command(name="ddl")(ddl)
    app.add_typer(group)


def _group() -> None:
    """Keep ``ddl`` a word of its own while it is the only one."""


def ddl(
    database: Annotated[
        str, typer.Argument(help="sqlite, postgresql or oracle.", metavar="DATABASE")
    ],
    part: Annotated[
        str, typer.Option("--part", help="store, read-model or both.", metavar="PART")
    ] = "both",
) -> None:
    """Print the statements that make the tables, and the least grants, to run by hand."""
    from hes.cli import ddl as made  # noqa: PLC0415 -- keeps `hes --help` quick

    if database not in made.DATABASES:
        known = ", ".join(made.DATABASES)
        raise CommandError(f"{database!r} is none of {known}", USAGE)
    if part not in {"store", "read-model", "both"}:
        raise CommandError(f"{part!r} is none of store, read-model, both", USAGE)
    lines = [*made.grant_lines(database)]
    if part != "read-model":
        lines += made.store_lines(database)
    if part != "store":
        lines += made.read_model_lines(database)
    for line in lines:
        output.write_line(line)

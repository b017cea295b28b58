"""``hes projections``: how far the read models have come, and making them anew."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from hes.cli import output
from hes.cli.commands.read import quoted
from hes.cli.failures import FAILED
from hes.cli.options import DEFAULT_URL, Json, Url


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        name="projections", help="The read models of a running node.", no_args_is_help=True
    )
    group.command(name="list")(list_all)
    group.command(name="rebuild")(rebuild)
    app.add_typer(group)


def list_all(url: Url = DEFAULT_URL, json: Json = False) -> None:
    """Show each read model, its position in the log and how far it lags."""
    from hes.cli.node_client import node_at  # noqa: PLC0415 -- keeps `hes --help` quick

    with node_at(url) as node:
        answer = node.get("/api/v1/projections")
    if json:
        output.write_json(answer)
        return
    rows = [
        (p["name"], p["position"], p["lag"], f"{p['age_s']:.1f}", p.get("poisoned", 0))
        for p in answer["projections"]
    ]
    columns = ("name", "position", "events behind", "seconds behind", "put aside")
    output.write_table(columns, rows)


def rebuild(
    name: Annotated[str, typer.Argument(help="The read model, as `list` shows it.")],
    verify: Annotated[
        bool, typer.Option("--verify", help="Only compare with what is there; change nothing.")
    ] = False,
    url: Url = DEFAULT_URL,
    timeout: Annotated[
        float, typer.Option(help="Seconds to wait for it.", min=1.0, max=86_400.0)
    ] = 3600.0,
    json: Json = False,
) -> None:
    """Make a read model anew from the first event; the others go on meanwhile."""
    from hes.cli.node_client import node_at  # noqa: PLC0415 -- keeps `hes --help` quick

    with node_at(url, timeout_s=timeout) as node, output.waiting(f"rebuilding {name}"):
        answer = node.post(f"/api/v1/projections/{quoted(name)}/rebuild", {"verify": verify})
    if json:
        output.write_json(answer)
    else:
        output.write_line(output.clean(_sentence(answer)))
    if not answer.get("ok", True):
        raise typer.Exit(FAILED)


def _sentence(answer: Mapping[str, Any]) -> str:
    """Return what came of it, for a person."""
    name, position, differences = answer["name"], answer["position"], answer["differences"]
    if differences is None:
        return f"{name} was made anew from events 1 to {position}, and is in use"
    if not differences:
        return f"{name} is right: a fold of events 1 to {position} gives the same rows"
    return (
        f"{name} is wrong: {differences} rows differ from a fold of events 1 to {position};"
        f" mend it with hes projections rebuild {name}"
    )

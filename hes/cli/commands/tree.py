"""``hes tree``: the supervision tree of a running node."""

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from hes.cli import output
from hes.cli.options import DEFAULT_URL, Json, Url

if TYPE_CHECKING:
    from rich.text import Text
    from rich.tree import Tree

SICK: Final = frozenset({"backoff", "parked"})
STYLES: Final = {
    "running": "green",
    "starting": "cyan",
    "stopping": "cyan",
    "stopped": "dim",
    "backoff": "yellow",
    "parked": "bold red",
}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="tree")(tree)


def tree(
    path: Annotated[str, typer.Argument(help="Only what is below this actor.")] = "",
    depth: Annotated[int, typer.Option(help="Levels to show.", min=0, max=5)] = 5,
    limit: Annotated[int, typer.Option(help="Children of the actor.", min=1, max=1000)] = 200,
    unhealthy: Annotated[
        bool, typer.Option("--unhealthy", help="Only actors that crashed or are down.")
    ] = False,
    url: Url = DEFAULT_URL,
    json: Json = False,
) -> None:
    """Show actors with their states, restarts and last crash."""
    from hes.cli.node_client import node_at  # noqa: PLC0415 -- keeps `hes --help` quick

    query = {"path": path or None, "depth": depth, "limit": limit}
    with node_at(url) as node:
        status = node.get("/api/v1/tree", query)
    if unhealthy:
        status = only_unhealthy(status) or {**status, "children": []}
    if json:
        output.write_json(status)
    else:
        output.console().print(_drawn(status))


def is_unhealthy(status: dict[str, Any]) -> bool:
    """Whether this actor is down, or crashed before."""
    return status.get("state") in SICK or bool(status.get("crash"))


def only_unhealthy(status: dict[str, Any]) -> dict[str, Any] | None:
    """Return the part of the tree that leads to unhealthy actors; None when there is none."""
    children = [kept for c in status.get("children", []) if (kept := only_unhealthy(c))]
    if not children and not is_unhealthy(status):
        return None
    return {**status, "children": children}


def _drawn(status: dict[str, Any]) -> "Tree":
    """Return the tree as rich draws it; as deep as the node was asked for, at most 5 levels."""
    from rich.tree import Tree  # noqa: PLC0415 -- keeps `hes --help` quick

    drawn = Tree(_line(status, status.get("path", "/")))
    _grow(drawn, status)
    return drawn


def _grow(branch: "Tree", status: dict[str, Any]) -> None:
    children = status.get("children", [])
    for child in children:
        _grow(branch.add(_line(child, str(child.get("path", "")).rpartition("/")[2])), child)
    more = status.get("children_total", 0) - len(children)
    if more > 0:
        branch.add(f"... and {more} more")


def _line(status: dict[str, Any], name: str) -> "Text":
    from rich.text import Text  # noqa: PLC0415 -- keeps `hes --help` quick

    state = str(status.get("state", "?"))
    line = Text.assemble((output.clean(name) or "/", "bold"), " ")
    line.append(output.clean(state), STYLES.get(state, ""))
    for text in (status.get("detail"), _counts(status)):
        if text:
            line.append(f"  {output.clean(text)}", "dim")
    if status.get("crash"):
        ago_s = status.get("crash_ago_s")
        when = f" {ago_s:.0f} s ago" if ago_s is not None else ""
        line.append(f"  crashed{when}: {output.clean(status['crash'])}", "red")
    return line


def _counts(status: dict[str, Any]) -> str:
    """Return the numbers of an actor that are not zero."""
    parts = [
        output.plural(status[key], noun)
        for key, noun in (("restarts", "restart"), ("mailbox", "waiting message"))
        if status.get(key)
    ]
    if status.get("dropped"):
        parts.append(f"{status['dropped']} dropped")
    totals = status.get("totals") or {}
    parts += [f"{count} {state}" for state, count in totals.items() if count]
    return ", ".join(parts)

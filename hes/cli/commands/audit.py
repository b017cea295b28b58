"""``hes audit``: who wanted what of the system, when, why, and what came of it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hes.cli import output
from hes.cli.auditing import PasswordFile, Store, opened
from hes.cli.options import ConfigFile, Json

if TYPE_CHECKING:
    from hes.audit.asked import Asked


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="audit")(audit)


def audit(  # noqa: PLR0913, PLR0917 -- each is an option
    since: Annotated[
        str | None, typer.Option("--from", help="Only from this time on.", metavar="T")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", help="Only up to this time.", metavar="T")
    ] = None,
    actor: Annotated[str | None, typer.Option(help="Only of this person or program.")] = None,
    stream: Annotated[
        str | None, typer.Option(help="Only about this stream: meter:18097634.", metavar="ID")
    ] = None,
    config: ConfigFile = None,
    store: Store = None,
    password_file: PasswordFile = None,
    json: Json = False,
) -> None:
    """List commands, imports, settings, rebuilds, tokens and firmware, with actor and reason.

    Reads the store itself, also beside a running node. Of a meter or modem --stream is quick.
    """
    from hes.audit import asked  # noqa: PLC0415 -- keeps `hes --help` quick
    from hes.cli.times import parse_time  # noqa: PLC0415 -- as above
    from hes.clock import SystemClock  # noqa: PLC0415 -- imports trio

    clock = SystemClock()
    wanted = asked.Wanted(
        since=None if since is None else parse_time(since, "--from", clock),
        until=None if until is None else parse_time(until, "--to", clock),
        actor=actor,
        stream=stream,
    )
    with opened(config, store, password_file) as (log, codec):
        _write(asked.asked(log, codec, wanted), as_json=json)


def _write(found: "Iterator[Asked]", *, as_json: bool) -> None:
    for entry in found:
        if as_json:
            output.write_json(entry.plain())
            continue
        told = entry.plain()
        rest = "  ".join(f"{key}={output.inline(value)}" for key, value in _words(told["data"]))
        at = output.local_time(told["received_at"])
        output.write_line(
            f"{told['position']:>8}  {at}  {told['actor'] or output.NOTHING}  {told['stream']}"
            f"  {told['type']}  {rest}"
        )


def _words(data: dict[str, Any]) -> list[tuple[str, Any]]:
    return [
        (key, value) for key, value in data.items() if value not in (None, "") and key != "actor"
    ]

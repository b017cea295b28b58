"""``hes clock``: how far a meter's clock is off, and setting it."""

from typing import Annotated, Literal

import typer

from hes.cli import output
from hes.cli.commands.read import quoted
from hes.cli.failures import USAGE, CommandError
from hes.cli.options import DEFAULT_URL, Json, Meter, TimeoutS, Url, patience_s, within


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="clock")(clock)


def clock(  # noqa: PLR0913, PLR0917 -- each is an option
    meter: Meter,
    correct: Annotated[bool, typer.Option("--set", help="Set the clock as well.")] = False,
    adjust: Annotated[
        Literal["quarter", "period", "minute", "preset", "shift"] | None,
        typer.Option(help="Put it right by this method of its own."),
    ] = None,
    reason: Annotated[
        str, typer.Option("--reason", help="Why; asked for with --adjust.", metavar="TEXT")
    ] = "",
    url: Url = DEFAULT_URL,
    timeout: TimeoutS = None,
    json: Json = False,
) -> None:
    """Compare a meter's clock with ours; with --set or --adjust, correct it."""
    if correct and adjust:
        raise CommandError("--set or --adjust, not both", USAGE)
    further = {} if adjust is None else {"adjust": adjust, "reason": reason}
    from hes.cli.node_client import node_at  # noqa: PLC0415 -- keeps `hes --help` quick

    with (
        node_at(url, timeout_s=patience_s(timeout)) as node,
        output.waiting(f"asking meter {meter}"),
    ):
        answer = node.post(
            f"/api/v1/meters/{quoted(meter)}/clock", {"set": correct} | further | within(timeout)
        )
    if json:
        output.write_json(answer)
        return
    output.write_line(f"meter's clock  {output.local_time(answer['meter_time'])}")
    drift = _drift(answer["drift_s"])
    output.write_line(f"off by         {drift}, give or take {answer['uncertainty_s']:g} s")
    changed = answer.get("changed")
    if changed:
        before, after = _drift(changed["drift_before_s"]), _drift(changed["drift_after_s"])
        output.write_line(f"changed        by {changed['method']}: was {before}, is {after}")
    elif correct:
        output.write_line("changed        nothing: the clock policy asks for no change")


def _drift(drift_s: float) -> str:
    if not drift_s:
        return "0 s"
    return f"{abs(drift_s):g} s {'ahead' if drift_s > 0 else 'behind'}"

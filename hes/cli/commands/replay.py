"""``hes replay``: what was known of a meter at a time, and what is known otherwise today."""

from typing import Annotated, Any

import typer

from hes.cli import output
from hes.cli.auditing import PasswordFile, Store, opened
from hes.cli.options import ConfigFile, Json, Meter


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="replay")(replay)


def replay(
    meter: Meter,
    as_of: Annotated[str, typer.Option("--as-of", help="The time, or -24h.", metavar="T")],
    config: ConfigFile = None,
    store: Store = None,
    password_file: PasswordFile = None,
    json: Json = False,
) -> None:
    """Rebuild from the log what was known of METER at T; compare it with today.

    Reads the store itself, also beside a running node.
    """
    from hes.audit import known, replaying  # noqa: PLC0415 -- keeps `hes --help` quick
    from hes.cli.times import parse_time  # noqa: PLC0415 -- as above
    from hes.clock import SystemClock  # noqa: PLC0415 -- imports trio
    from hes.ids import MeterId  # noqa: PLC0415 -- as above

    at = parse_time(as_of, "--as-of", SystemClock())
    with opened(config, store, password_file) as (log, codec):
        found = replaying.replay(log, codec, MeterId(meter), at)
    told = {
        "meter_id": meter,
        "as_of": at.isoformat(),
        "then": found.then.plain(),
        "now": found.now.plain(),
        "differences": known.differences(found.then, found.now),
        "unreadable": found.unreadable,
    }
    if json:
        output.write_json(told)
    else:
        _tell(told)


def _tell(told: dict[str, Any]) -> None:
    then = told["then"]
    events = output.plural(then["events"], "event")
    output.write_line(f"meter {told['meter_id']}, as known at {told['as_of']}: {events}")
    _facts("supply", then["supply"])
    _facts("clock", then["clock"])
    for alarm in then["alarms"]:
        _facts("open alarm", alarm)
    for relay in then["relays"]:
        _facts("relay", relay)
    for profile in then["intervals"]:
        _facts("intervals", profile)
    rows = [
        (r["obis"], r["value"], r["unit"], output.local_time(r["time"]), r["source"], r["position"])
        for r in then["registers"]
    ]
    if rows:
        output.write_table(("OBIS", "value", "unit", "time", "source", "event"), rows)
    _differences(told["differences"])
    for position in told["unreadable"]:
        output.write_line(f"event {position} cannot be read by this program; it is left out")


def _differences(differences: list[dict[str, Any]]) -> None:
    if not differences:
        output.write_line("nothing is known otherwise today")
        return
    output.write_line("known otherwise today:")
    for difference in differences:
        output.write_line(f"  {difference['what']}")
        output.write_line(f"    then  {_brief(difference['then'])}")
        output.write_line(f"    now   {_brief(difference['now'])}")


def _facts(name: str, facts: dict[str, Any]) -> None:
    output.write_line(f"  {name:<10}  {_brief(facts)}")


def _brief(facts: Any) -> str:
    if not isinstance(facts, dict):
        return output.inline(facts) if facts is not None else "nothing"
    parts = (f"{key} {output.inline(value)}" for key, value in facts.items() if value is not None)
    return ", ".join(parts)

"""``hes explain``: where the energy of a period comes from, back to the readings and frames."""

from typing import Annotated, Any

import typer

from hes.cli import output
from hes.cli.auditing import PasswordFile, Store, opened, period
from hes.cli.options import ConfigFile, Json, Meter

From = Annotated[str, typer.Argument(help="Beginning of the period.", metavar="FROM")]
To = Annotated[str, typer.Argument(help="Its end.", metavar="TO")]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="explain")(explain)


def explain(  # noqa: PLR0913, PLR0917 -- each is an option
    meter: Meter,
    begin: From,
    end: To,
    obis: Annotated[str, typer.Option(help="The register of energy.")] = "1.8.0",
    config: ConfigFile = None,
    store: Store = None,
    password_file: PasswordFile = None,
    json: Json = False,
) -> None:
    """Show how the energy of METER in a period comes about, and what is missing.

    Reads the store itself, also beside a running node. Exit status 1: nothing tells it.
    """
    from hes.audit import explaining  # noqa: PLC0415 -- keeps `hes --help` quick
    from hes.cli.auditing import code_of  # noqa: PLC0415 -- as above
    from hes.ids import MeterId  # noqa: PLC0415 -- as above

    since, until = period(begin, end)
    code = code_of(obis)
    with opened(config, store, password_file) as (log, codec):
        told = explaining.explain(log, codec, MeterId(meter), since, until, code)
    if json:
        output.write_json(told)
    else:
        _tell(told)
    if not told["answers"]:
        raise typer.Exit(1)


def _tell(told: dict[str, Any]) -> None:
    output.write_line(f"meter {told['meter_id']}, {told['obis']}, {told['from']} to {told['to']}")
    for answer in told["answers"]:
        _answer(answer)
    _ratios(told["device"])
    for missing in told["missing"]:
        output.write_line(f"missing: {missing}")
    if told["events"]:
        output.write_line("the events behind it:")
    for event in told["events"]:
        _event(event)


def _answer(answer: dict[str, Any]) -> None:
    where = f"profile {answer['profile']}" if "profile" in answer else "index readings"
    output.write_line(f"{answer['holds']} {answer['energy']} {answer['unit']}, by {where}")
    output.write_line(f"  {answer['arithmetic']}")
    if "opening" in answer:
        _point("opening", answer["opening"])
        _point("closing", answer["closing"])
        return
    for point in answer["intervals"]:
        _point("interval", point)


def _point(name: str, point: dict[str, Any]) -> None:
    power = point["scaler"] or 0
    parts = [
        f"  {name}  {point['time']} by the clock of the {point['clock']}",
        f"{point['raw']} x 10^{power} = {point['value']} {point['unit']}",
        f"quality {point['quality']}",
    ]
    if point["status"] is not None:
        parts.append(f"status {point['status']}")
    parts.append(f"event {point['event']}")
    if point["again"]:
        parts.append("also in event " + ", ".join(str(other["event"]) for other in point["again"]))
    output.write_line(", ".join(parts))


def _ratios(device: dict[str, Any] | None) -> None:
    if device is None:
        output.write_line("the device list did not have the meter")
        return
    ratios = f"CT ratio {device['ct_ratio']}, VT ratio {device['vt_ratio']}"
    output.write_line(f"{ratios}: not applied, the numbers are the meter's own")


def _event(event: dict[str, Any]) -> None:
    output.write_line(
        f"  event {event['position']}: {event['type']} {event['stream']} version {event['version']}"
    )
    output.write_line(f"    chain    {event['chain']}")
    output.write_line(f"    source   {event['source']}: {event['how']}; {event['received_at']}")
    session = event["session"]
    if session is None:
        output.write_line("    session  not in the log")
    else:
        output.write_line(
            f"    session  {session['session']} of modem {event['modem_id']}, link"
            f" {session['link']}, from {session['peer']} since {session['since']}"
        )
    frame = event["frame"]
    output.write_line(
        f"    frame    {frame['hex']} (record {frame['record']}, event {frame['position']})"
        if frame is not None
        else f"    frame    not kept; digest {event['digest'] or 'none'}"
    )
    for rule in event["rules"]:
        output.write_line(f"    rule     {rule}")

"""``hes meter METER ...``: switch a meter, set something in it, load firmware, look into it."""

import json as jsons
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from hes.cli import output
from hes.cli.failures import USAGE, CommandError
from hes.cli.meter_keys import key_change
from hes.cli.metering import Asked, confirmed, follow_firmware, given
from hes.cli.options import DEFAULT_URL, Json, Meter, TimeoutS, Url

Reason = Annotated[
    str, typer.Option("--reason", help="Why; it stands in the log for ever.", metavar="TEXT")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    group = typer.Typer(
        name="meter", help="One meter: switch it, set it, load firmware, look into it.",
        no_args_is_help=True, subcommand_metavar="COMMAND [ARGS]...",
    )  # fmt: skip
    group.callback()(which)
    for name, command in (
        ("relay", relay), ("limiter", limiter), ("push-setup", push_setup),
        ("modem-setup", modem_setup), ("diagnose", diagnose), ("sap", sap), ("freeze", freeze),
        ("key-change", key_change), ("firmware", firmware),
    ):  # fmt: skip
        group.command(name=name)(command)
    calendar = typer.Typer(help="The tariff calendar.", no_args_is_help=True)
    calendar.command(name="get")(calendar_get)
    calendar.command(name="set")(calendar_set)
    group.add_typer(calendar, name="calendar")
    app.add_typer(group)


def which(context: typer.Context, meter: Meter) -> None:
    """One meter: switch it, set it, load firmware, look into it."""
    context.obj = meter


def relay(  # noqa: PLR0913, PLR0917 -- each is an option
    context: typer.Context,
    action: Annotated[
        Literal["state", "connect", "disconnect"], typer.Argument(help="What to do.")
    ] = "state",
    reason: Reason = "",
    confirm: Annotated[
        bool, typer.Option("--confirm", help="Asked for with disconnect.")
    ] = False,
    url: Url = DEFAULT_URL,
    timeout: TimeoutS = None,
    json: Json = False,
) -> None:  # fmt: skip
    """Look at the relay between network and customer, close it or open it."""
    if action == "disconnect":
        confirmed(confirm, "a disconnection leaves a customer without supply")
    asked = Asked(context.obj, url, timeout)
    body = {"action": action} | given(reason=reason, confirm=confirm or None)
    asked.tell("relay", body, as_json=json)


def limiter(  # noqa: PLR0913, PLR0917 -- each is an option
    context: typer.Context,
    normal: Annotated[
        str | None, typer.Option(help="Threshold, in the unit of what it watches: mostly W.")
    ] = None,
    emergency: Annotated[str | None, typer.Option(help="Threshold in an emergency.")] = None,
    over: Annotated[
        int | None, typer.Option(help="Seconds above it before it acts.", min=0)
    ] = None,
    under: Annotated[
        int | None, typer.Option(help="Seconds below it before it acts again.", min=0)
    ] = None,
    reason: Reason = "",
    url: Url = DEFAULT_URL,
    timeout: TimeoutS = None,
    json: Json = False,
) -> None:  # fmt: skip
    """Read the limiter of the customer's power; with options, set it."""
    body = given(
        threshold_normal=normal, threshold_emergency=emergency, min_over_s=over, min_under_s=under,
        reason=reason,
    )  # fmt: skip
    Asked(context.obj, url, timeout).tell("limiter", body, as_json=json)


def calendar_get(
    context: typer.Context,
    out: Annotated[
        Path | None, typer.Option("--output", "-o", help="A new file, instead of the screen.")
    ] = None,
    url: Url = DEFAULT_URL,
    timeout: TimeoutS = None,
) -> None:
    """Read the tariff calendar in force, as JSON that `set` takes again."""
    answer = Asked(context.obj, url, timeout).ask("calendar", {})
    text = jsons.dumps(answer["calendar"], ensure_ascii=False, indent=1) + "\n"
    if answer.get("waiting"):
        when = answer.get("waiting_until") or "it is told to take over"
        output.note(f"calendar {answer['waiting']} waits until {when}")
    if out is None:
        output.write_text(text)
        return
    with out.open("x", encoding="utf-8") as file:
        file.write(text)


def calendar_set(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="JSON, as `get` writes it.", metavar="FILE")],
    reason: Reason = "",
    url: Url = DEFAULT_URL,
    timeout: TimeoutS = None,
    json: Json = False,
) -> None:
    """Give the meter another tariff calendar: written beside the old one, and checked first."""
    try:
        calendar = jsons.loads(file.read_text("utf-8"))
    except ValueError as problem:
        raise CommandError(f"{file}: {problem}", USAGE) from None
    asked = Asked(context.obj, url, timeout)
    answer = asked.ask("calendar", {"calendar": calendar} | given(reason=reason))
    if json:
        output.write_json(answer)
        return
    output.write_line(f"in force  {answer['calendar']['name']}")
    if answer.get("waiting"):
        output.write_line(f"waiting   {answer['waiting']} {answer.get('waiting_until') or ''}")


def push_setup(  # noqa: PLR0913, PLR0917 -- each is an option
    context: typer.Context,
    push: Annotated[
        str | None, typer.Option("--object", help="OBIS code of the push setup.", metavar="OBIS")
    ] = None,
    schedule: Annotated[
        str | None, typer.Option(help="OBIS code of its schedule.", metavar="OBIS")
    ] = None,
    address: Annotated[str | None, typer.Option(help="Where it pushes to, HOST:PORT.")] = None,
    every: Annotated[int | None, typer.Option(help="Seconds between pushes.", min=60)] = None,
    spread: Annotated[
        int | None, typer.Option(help="Seconds by which a push may be late by chance.", min=0)
    ] = None,
    retries: Annotated[int | None, typer.Option(min=0, max=255)] = None,
    retry_delay: Annotated[int | None, typer.Option(help="Seconds.", min=0)] = None,
    now: Annotated[bool, typer.Option("--now", help="Let it push at once, instead.")] = False,
    reason: Reason = "",
    url: Url = DEFAULT_URL,
    timeout: TimeoutS = None,
    json: Json = False,
) -> None:  # fmt: skip
    """Read what the meter sends by itself; with options, set it, or let it push now."""
    body = given(
        push=push, schedule=schedule, address=address, every_s=every, randomisation_s=spread,
        retries=retries, retry_delay_s=retry_delay, now=now or None, reason=reason,
    )  # fmt: skip
    Asked(context.obj, url, timeout).tell("push-setup", body, as_json=json)


def modem_setup(  # noqa: PLR0913, PLR0917 -- each is an option
    context: typer.Context,
    apn: Annotated[str | None, typer.Option(help="Access point of the mobile network.")] = None,
    destination: Annotated[
        list[str] | None, typer.Option(help="HOST:PORT that it calls; several in their order.")
    ] = None,
    mode: Annotated[
        int | None, typer.Option(help="When it calls: 101 is permanently.", min=0, max=255)
    ] = None,
    port: Annotated[int | None, typer.Option(help="That it listens on.", min=1, max=65535)] = None,
    inactivity: Annotated[
        int | None, typer.Option(help="Seconds of silence before it hangs up.", min=0, max=65535)
    ] = None,
    reason: Reason = "",
    url: Url = DEFAULT_URL,
    timeout: TimeoutS = None,
    json: Json = False,
) -> None:  # fmt: skip
    """Read how the modem in the meter gets into the network and whom it calls; or set it."""
    body = given(
        apn=apn, destinations=destination or None, mode=mode, port=port, inactivity_s=inactivity,
        reason=reason,
    )  # fmt: skip
    Asked(context.obj, url, timeout).tell("modem-setup", body, as_json=json)


def diagnose(
    context: typer.Context, url: Url = DEFAULT_URL, timeout: TimeoutS = None, json: Json = False
) -> None:
    """Look into network, signal, clock status and protection of the meter."""
    Asked(context.obj, url, timeout).tell("diagnose", {}, as_json=json)


def sap(
    context: typer.Context, url: Url = DEFAULT_URL, timeout: TimeoutS = None, json: Json = False
) -> None:
    """List the logical devices behind the meter's address: its SAP assignment."""
    answer = Asked(context.obj, url, timeout).ask("logical-devices", {})
    if json:
        output.write_json(answer)
        return
    for device in answer["devices"]:
        output.write_line(f"{device['sap']:5}  {output.inline(device['name'])}")


def freeze(  # noqa: PLR0913, PLR0917 -- each is an option
    context: typer.Context,
    how: Annotated[
        Literal["now", "hourly", "daily", "monthly"], typer.Argument(help="When.")
    ] = "now",
    day: Annotated[int | None, typer.Option(help="Of the month.", min=1, max=28)] = None,
    hour: Annotated[int | None, typer.Option(help="Of the day.", min=0, max=23)] = None,
    minute: Annotated[int | None, typer.Option(help="Of the hour.", min=0, max=59)] = None,
    everybody: Annotated[
        bool, typer.Option("--everybody", help="All meters on its line; none answers then.")
    ] = False,
    reason: Reason = "",
    url: Url = DEFAULT_URL,
    timeout: TimeoutS = None,
    json: Json = False,
) -> None:  # fmt: skip
    """Have a meter of DL/T 645-2007 keep its values, now or again and again by its own clock."""
    body = {"how": how} | given(
        day=day, hour=hour, minute=minute, everybody=everybody or None, reason=reason
    )
    Asked(context.obj, url, timeout).tell("freeze", body, as_json=json)


def firmware(  # noqa: PLR0913, PLR0917 -- each is an option
    context: typer.Context,
    file: Annotated[
        Path | None, typer.Argument(help="The image; none: tell of the last.", metavar="FILE")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="By which the meter knows the image; the file's.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with what the meter has of this very image.")
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Do not wait; the node goes on by itself.")
    ] = False,
    reason: Reason = "",
    url: Url = DEFAULT_URL,
    json: Json = False,
) -> None:  # fmt: skip
    """Load new firmware into the meter and follow it until the meter runs it."""
    asked = Asked(context.obj, url, None)
    if file is not None:
        query: dict[str, Any] = {"name": name or file.name, "reason": reason}
        asked.send_image(file.read_bytes(), query | ({"resume": "true"} if resume else {}))
    follow_firmware(asked, once=detach or file is None, as_json=json)

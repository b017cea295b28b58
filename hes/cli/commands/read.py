"""``hes read``: ask a meter now."""

from typing import Annotated, Any

import typer

from hes.cli import output
from hes.cli.failures import FAILED, USAGE, CommandError
from hes.cli.options import DEFAULT_URL, Json, Meter, TimeoutS, Url, patience_s, within


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="read")(read)


def read(  # noqa: PLR0913, PLR0917 -- each is an option
    meter: Meter,
    obis: Annotated[
        list[str] | None,
        typer.Argument(help="Registers, 1.8.0 or 1.0.1.8.0.255; none: the meter type's."),
    ] = None,
    profile: Annotated[
        str | None, typer.Option(help="load, billing, events or an OBIS code, instead.")
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", help="Of a profile; 24 h before --to.", metavar="T")
    ] = None,
    end: Annotated[str | None, typer.Option("--to", help="Of a profile; now.", metavar="T")] = None,
    url: Url = DEFAULT_URL,
    timeout: TimeoutS = None,
    json: Json = False,
) -> None:
    """Read registers or a profile of a meter now, through its modem."""
    body = _registers(obis or []) if profile is None else _profile(profile, start, end)
    if profile is None and (start or end):
        raise CommandError("--from and --to belong to --profile", USAGE)
    if profile is not None and obis:
        raise CommandError("name registers or a --profile, not both", USAGE)
    from hes.cli.node_client import node_at  # noqa: PLC0415 -- keeps `hes --help` quick

    with (
        node_at(url, timeout_s=patience_s(timeout)) as node,
        output.waiting(f"asking meter {meter}"),
    ):
        answer = node.post(f"/api/v1/meters/{quoted(meter)}/read", body | within(timeout))
    if json:
        output.write_json(answer)
    elif profile is None:
        _show_registers(answer)
    else:
        _show_profile(answer)
    if profile is None and answer.get("refused") and not answer.get("readings"):
        raise typer.Exit(FAILED)


def quoted(name: str) -> str:
    """Return a name as one part of a path."""
    from urllib.parse import quote  # noqa: PLC0415 -- keeps `hes --help` quick

    return quote(name, safe="")


def _registers(written: list[str]) -> dict[str, Any]:
    from hes import obis  # noqa: PLC0415 -- keeps `hes --help` quick

    try:
        return {"obis": [obis.parse(code) for code in written]}
    except ValueError as problem:
        raise CommandError(str(problem), USAGE) from None


def _profile(name: str, start: str | None, end: str | None) -> dict[str, Any]:
    from datetime import timedelta  # noqa: PLC0415 -- keeps `hes --help` quick

    from hes.cli.times import parse_time  # noqa: PLC0415 -- as above
    from hes.clock import SystemClock  # noqa: PLC0415 -- imports trio
    from hes.config_values import ProfileName  # noqa: PLC0415 -- as above

    try:
        profile = ProfileName.parse(name)
    except ValueError as problem:
        raise CommandError(f"--profile: {problem}", USAGE) from None
    clock = SystemClock()
    until = parse_time(end or "now", "--to", clock)
    since = parse_time(start, "--from", clock) if start else until - timedelta(days=1)
    if since > until:
        raise CommandError(f"--from {since.isoformat()} is after --to {until.isoformat()}", USAGE)
    return {"profile": profile, "from": since.isoformat(), "to": until.isoformat()}


def _show_registers(answer: dict[str, Any]) -> None:
    rows = [
        (r["obis"], r["value"], r["unit"], output.local_time(r["time"]), r["quality"])
        for r in answer.get("readings", [])
    ]
    output.write_table(("OBIS", "value", "unit", "time", "quality"), rows)
    for code, reason in answer.get("refused", {}).items():
        output.note(f"{code}: the meter refused, {reason}")


def _show_profile(answer: dict[str, Any]) -> None:
    intervals = answer.get("intervals", [])
    codes = list(dict.fromkeys(code for row in intervals for code in row["values"]))
    rows = [
        (output.local_time(row["time"]), *(_cell(row["values"].get(c)) for c in codes),
         row["status"], row["quality"])
        for row in intervals
    ]  # fmt: skip
    output.write_table(("time", *codes, "status", "quality"), rows)
    output.note(output.plural(len(intervals), "interval"))


def _cell(cell: dict[str, Any] | None) -> str | None:
    if cell is None or cell["value"] is None:
        return None
    return f"{cell['value']} {cell['unit'] or ''}".strip()

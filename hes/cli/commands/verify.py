"""``hes verify``: whether the event log is as it was written."""

from typing import TYPE_CHECKING, Annotated

import typer

from hes.cli import output
from hes.cli.auditing import PasswordFile, Store, opened
from hes.cli.failures import FAILED, USAGE, CommandError
from hes.cli.options import ConfigFile, Json

if TYPE_CHECKING:
    from hes.audit.verifying import Verdict

SIZE = 32


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="verify")(verify)


def verify(
    config: ConfigFile = None,
    store: Store = None,
    password_file: PasswordFile = None,
    anchor: Annotated[
        list[str] | None,
        typer.Option(
            "--anchor",
            help="Digest or root of an anchor that you kept; may come again.",
            metavar="HEX",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Check every event against its chain, and all chains against the daily anchors.

    Reads the store itself, also beside a running node. Exit status 1: something was altered.
    """
    from hes.audit import verifying  # noqa: PLC0415 -- keeps `hes --help` quick

    kept = [_value(text) for text in anchor or ()]
    with (
        opened(config, store, password_file) as (log, codec),
        output.progress("checking events", log.head()) as told,
    ):
        verdict = verifying.verify(log, codec, kept, lambda done, _all: told(done, ""))
    if json:
        output.write_json(_plain(verdict))
    else:
        _tell(verdict)
    if not verdict.ok:
        raise typer.Exit(FAILED)


def _value(text: str) -> bytes:
    try:
        value = bytes.fromhex(text)
    except ValueError:
        value = b""
    if len(value) != SIZE:
        raise CommandError(f"--anchor: {text[:80]!r} is not {2 * SIZE} hex digits", USAGE)
    return value


def _plain(verdict: "Verdict") -> dict[str, object]:
    def shown(value: bytes | None) -> str | None:
        return None if value is None else value.hex()

    return {
        "ok": verdict.ok,
        "events": verdict.events,
        "streams": verdict.streams,
        "anchors": verdict.anchors,
        "anchored_to": verdict.anchored,
        "purged": verdict.purged,
        "last_digest": shown(verdict.last_digest),
        "last_root": shown(verdict.last_root),
        "faults": [fault._asdict() for fault in verdict.faults],
    }


def _tell(verdict: "Verdict") -> None:
    events, streams = (
        output.plural(verdict.events, "event"),
        output.plural(verdict.streams, "stream"),
    )
    if verdict.ok:
        output.write_line(f"{events} in {streams}: as they were written")
    else:
        output.write_line(f"ALTERED: the first fault of {events} in {streams}")
        for fault in verdict.faults:
            output.write_line(f"  {fault}")
    if verdict.purged:
        output.write_line(
            f"{output.plural(verdict.purged, 'event')} were purged, and with them the proof of"
            " their anchors; see hes audit"
        )
    if verdict.last_digest is None:
        output.write_line("no anchor yet: a node writes the first a minute after its start")
        return
    anchors = output.plural(verdict.anchors, "anchor")
    free = verdict.events - verdict.anchored
    output.write_line(f"{anchors} up to event {verdict.anchored}; {free} later ones have none yet")
    output.write_line(f"keep elsewhere: digest {verdict.last_digest.hex()}")
    if verdict.last_root is not None:
        output.write_line(f"                root   {verdict.last_root.hex()}")

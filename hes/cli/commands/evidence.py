"""``hes evidence``: a bundle about a meter and a period that verifies without this program."""

import os
from pathlib import Path
from typing import Annotated

import typer

from hes.cli import output
from hes.cli.auditing import PasswordFile, Store, opened, period
from hes.cli.commands.explain import From, To
from hes.cli.failures import FAILED, CommandError
from hes.cli.options import ConfigFile, Json, Meter


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="evidence")(evidence)


def evidence(  # noqa: PLR0913, PLR0917 -- each is an option
    meter: Meter,
    begin: From,
    end: To,
    out: Annotated[Path, typer.Option("--output", "-o", help="A new file.", metavar="FILE.zip")],
    whole: Annotated[
        bool, typer.Option("--whole", help="With all events of the meter, from the first on.")
    ] = False,
    config: ConfigFile = None,
    store: Store = None,
    password_file: PasswordFile = None,
    json: Json = False,
) -> None:
    """Write the events of METER and its modem in a period, with all that proves them.

    The file holds the consumption of a customer, and no keys. Reads the store itself, also beside
    a running node. Exit status 1: the log was altered, and the bundle shows it.
    """
    from hashlib import sha256  # noqa: PLC0415 -- keeps `hes --help` quick

    from hes.audit.bundling import write_bundle  # noqa: PLC0415 -- as above
    from hes.audit.evidence import gather  # noqa: PLC0415 -- as above
    from hes.clock import SystemClock  # noqa: PLC0415 -- imports trio
    from hes.ids import MeterId  # noqa: PLC0415 -- as above

    since, until = period(begin, end)
    if out.exists():
        raise CommandError(f"{out} is there already; name a new file", FAILED)
    with (
        output.waiting("gathering events"),
        opened(config, store, password_file) as (log, codec),
    ):
        found = gather(log, codec, MeterId(meter), since, until, whole=whole)
    # Only for its owner, like the store.
    with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        write_bundle(file, found, meter=meter, begin=since, end=until, made_at=SystemClock().now())
    digest = sha256(out.read_bytes()).hexdigest()
    if json:
        output.write_json(
            {
                "file": str(out),
                "sha256": digest,
                "events": len(found.pieces),
                "anchored": len(found.proofs),
                "withheld": found.withheld,
                "faults": [fault._asdict() for fault in found.faults],
            }
        )
    else:
        events = output.plural(len(found.pieces), "event")
        output.write_line(f"{events}, {len(found.proofs)} of them anchored, in {out}")
        output.write_line(f"SHA-256 of the file: {digest}")
        for fault in found.faults:
            output.write_line(f"ALTERED: {fault}")
    if found.faults:
        raise typer.Exit(FAILED)

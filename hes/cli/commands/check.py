"""``hes check``: looks whether a node would start with a configuration."""

import typer

from hes.cli import output
from hes.cli.failures import USAGE
from hes.cli.options import ConfigFile, Json
from hes.cli.settings import config_of


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="check")(check)


def check(config: ConfigFile = None, json: Json = False) -> None:
    """Look at the configuration, the databases and the addresses, without starting a node."""
    settings = config_of(config)
    from hes.cli.checks import ERROR, findings  # noqa: PLC0415 -- keeps `hes --help` quick
    from hes.clock import SystemClock  # noqa: PLC0415 -- imports trio

    found = list(findings(settings, SystemClock()))
    bad = any(finding.level == ERROR for finding in found)
    if json:
        rows = [finding._asdict() for finding in found]
        output.write_json({"ok": not bad, "findings": rows})
    else:
        output.write_table(("subject", "", "finding"), found)
    if bad:
        raise typer.Exit(USAGE)

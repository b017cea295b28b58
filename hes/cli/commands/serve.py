"""``hes serve``: one node, until it is told to stop."""

import sys

import typer

from hes.cli.options import ConfigFile
from hes.cli.settings import config_of


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="serve")(serve)


def serve(config: ConfigFile = None) -> None:
    """Run a node until SIGTERM or Ctrl-C; it drains first."""
    settings = config_of(config)
    import trio  # noqa: PLC0415 -- keeps `hes --help` quick

    from hes.app import run_node  # noqa: PLC0415 -- the whole program hangs on it
    from hes.cli.checks import refuse_to_start  # noqa: PLC0415 -- as above
    from hes.clock import SystemClock  # noqa: PLC0415 -- imports trio
    from hes.log import logging_to  # noqa: PLC0415 -- as above

    refuse_to_start(settings)
    log = settings.log
    with logging_to(sys.stderr, level=log.level, style=log.style, clock=SystemClock()):
        trio.run(run_node, settings)

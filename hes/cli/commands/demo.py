"""``hes demo``: a node with embedded stores and a simulated fleet, to look at."""

import functools
import sys
from typing import Annotated

import typer


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="demo")(demo)


def demo(
    meters: Annotated[
        int, typer.Option(help="Simulated meters, behind modems.", min=1, max=100_000)
    ] = 60,
    port: Annotated[
        int, typer.Option(help="Port of the dashboard on 127.0.0.1.", min=0, max=65_535)
    ] = 8080,
    seconds: Annotated[
        float | None, typer.Option(help="Stop after so many seconds; otherwise run on.", min=1.0)
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Log every connection.")] = False,
) -> None:
    """Run a node with a simulated fleet and the dashboard."""
    import trio  # noqa: PLC0415 -- keeps `hes --help` quick

    from hes.app import run_demo  # noqa: PLC0415 -- the whole program hangs on it
    from hes.clock import SystemClock  # noqa: PLC0415 -- imports trio
    from hes.log import logging_to  # noqa: PLC0415 -- as above

    level = "info" if verbose else "warning"
    with logging_to(sys.stderr, level=level, style="auto", clock=SystemClock()):
        trio.run(functools.partial(run_demo, meters=meters, port=port, seconds=seconds))

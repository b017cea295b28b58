"""``hes demo``: a node with stores of its own in a temporary folder, and a simulated fleet."""

import sys
import tempfile
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Final

import trio

from hes.app.serve import Running, end_signals, open_running
from hes.clock import SystemClock
from hes.config import (
    CollectionConfig,
    Config,
    ListenerConfig,
    ReadModelConfig,
    StoreConfig,
    WebConfig,
)
from hes.config_values import Bind, DatabaseUrl, Expression, Name, Seconds
from hes.fleet.links.registry import ALL
from hes.fleet.plan import FleetOptions, devices_csv, modems_csv, plan_fleet
from hes.fleet.run import run_fleet

REGISTRATION: Final = r"MODEM:(?P<modem_id>\w+)\r\n"
EVERY_S: Final = 300.0
OTHER_SHARE: Final = 0.2
"""Part of the modems with meters of IEC 62056-21, and of DL/T 645; the others speak DLMS."""


async def run_demo(*, meters: int, port: int, seconds: float | None) -> None:
    """Run until SIGTERM or SIGINT, or for ``seconds``.

    Raises:
        StartError: it cannot start.

    """
    with tempfile.TemporaryDirectory(prefix="hes-demo-") as folder, end_signals() as signals:
        config = demo_config(Path(folder), port)
        async with open_running(config, SystemClock()) as running:
            fleet = await _fleet(running, meters)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(fleet)
                with trio.move_on_after(seconds if seconds is not None else float("inf")):
                    await anext(signals)
                nursery.cancel_scope.cancel()


def demo_config(folder: Path, port: int) -> Config:
    """Return the settings of a demo whose databases are in ``folder``."""
    return Config(
        store=StoreConfig(url=DatabaseUrl(f"sqlite:///{folder / 'events.db'}")),
        read_model=ReadModelConfig(url=DatabaseUrl(f"sqlite:///{folder / 'read.db'}")),
        web=WebConfig(bind=Bind(f"127.0.0.1:{port}")),
        listener=(
            ListenerConfig(
                name=Name("demo"),
                bind=Bind("127.0.0.1:0"),
                registration=Expression(REGISTRATION),
            ),
        ),
        collection=CollectionConfig(every_s=Seconds(EVERY_S), jitter_s=Seconds(EVERY_S)),
    )


async def _fleet(running: Running, meters: int) -> Callable[[], Awaitable[object]]:
    """Bring the fleet's devices in, tell where to look, and return what runs it."""
    options = FleetOptions(
        host="127.0.0.1", port=running.ports["demo"], meters=meters, push_every_s=30.0,
        iec_share=OTHER_SHARE, dlt645_share=OTHER_SHARE, links=(ALL,),
    )  # fmt: skip
    plan = plan_fleet(options)
    await running.node.import_modems(modems_csv(plan), "demo")
    await running.node.import_devices(devices_csv(plan), "demo")
    _say(
        f"HES demo: {meters} simulated meters behind {len(plan)} modems.\n"
        f"Dashboard: {running.web_url}\n"
        "Its data is in a temporary folder and goes away at the end. Ctrl-C stops it.\n"
    )
    return partial(run_fleet, options, plan, lambda _statistics: None)


def _say(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()

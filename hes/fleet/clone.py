"""Somebody else with the name of a modem: a copied SIM, or a template that nobody filled in.

It calls now and then, says the name, and has no meters. The real modem loses its connection.
"""

import random
from typing import Final

import trio
from msgspec.structs import replace

from hes.fleet.modem import FleetWorld, SimulatedModem
from hes.fleet.planned import ModemPlan

STAYS_S: Final = 20.0
ASKS_AGAIN_S: Final = 60.0


async def run_clone(plan: ModemPlan, modem: SimulatedModem, world: FleetWorld) -> None:
    """Call whenever the weather says so; ends by cancellation only."""
    clone = SimulatedModem(replace(plan, meters=(), pushes=False), world, luck=" clone")
    seed = f"clone {world.options.seed} {plan.modem_id}"
    rng = random.Random(seed)  # noqa: S311 -- a simulation
    while True:
        profile = world.weather.profile
        if not modem.faults.has_clone:
            await trio.sleep(ASKS_AGAIN_S)
            continue
        await trio.sleep(rng.expovariate(1 / profile.clone_every_s))
        if modem.faults.has_clone:
            await _visit(clone, world)


async def _visit(clone: SimulatedModem, world: FleetWorld) -> None:
    try:
        stream = await world.connect()
    except (OSError, trio.TooSlowError):
        return
    world.statistics.fault("clone")
    await clone.serve(stream, for_s=STAYS_S)

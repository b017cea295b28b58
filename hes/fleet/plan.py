"""The simulated fleet on paper: which modems there are, with which meters. Decided by the seed."""

import csv
import io
import random
from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from hes.devices import COLUMNS
from hes.fleet.dlms_server import MeterIdentity
from hes.fleet.kinds import KINDS
from hes.fleet.links.registry import SIDES, chosen
from hes.fleet.options import FleetOptions
from hes.fleet.planned import DLMS, MeterPlan, ModemPlan
from protocols.dlms.acse import Mechanism
from protocols.dlms.security import Keys

__all__ = ["FleetOptions", "MeterPlan", "ModemPlan", "devices_csv", "modems_csv", "plan_fleet"]

AREAS: Final = 8
SERIALS: Final = 90_000_000
"""Serial numbers have 8 digits and begin with none of the zeros."""
COMPRESSED_SHARE: Final = 0.3
UNCALLED_SHARE: Final = 0.3
"""Part of the lone meters that the head-end knows no address of, where a protocol can do so."""
OLD_SHARE: Final = 0.4
"""Part of the DL/T 645 meters that speak the standard of 1997."""
STEP: Final = 97
"""Between the addresses of a line: some fit into one byte, others need two."""
GOLDEN: Final = (5**0.5 - 1) / 2


def plan_fleet(options: FleetOptions) -> list[ModemPlan]:
    """Return the fleet of ``options``: the same for the same seed.

    Raises:
        FleetError: there are no such links.

    """
    rng = random.Random(f"fleet {options.seed}")  # noqa: S311 -- a simulation
    serials = Serials(rng)
    plans: list[ModemPlan] = []
    left = options.meters
    while left:
        several = rng.random() < options.multidrop_share
        count = min(left, options.meters_per_modem if several else 1)
        plans.append(_modem(options, rng, serials, count))
        left -= count
    kinds = chosen(options.links)
    # Those with meters of their own are rarer.
    kinds += [name for name in kinds if SIDES[name].meter is None]
    pairs = zip(plans, _mixed(options, plans), strict=True)
    return [
        modem
        for number, (plain, mixed) in enumerate(pairs)
        for modem in _through(kinds[number % len(kinds)], plain, mixed, options.seed)
    ]


def _through(name: str, plain: ModemPlan, mixed: ModemPlan, seed: int) -> list[ModemPlan]:
    """Return the modem as one of a kind; whom nobody can ask has DLMS meters that push."""
    kind = SIDES[name]
    plan = mixed if kind.asked else plain
    if kind.meter is not None:
        return [_built_in(name, meter) for meter in plan.meters]
    modem_id = kind.name(plan.meters[0].identity.serial)
    rng = random.Random(f"secret {seed} {modem_id}")  # noqa: S311 -- a simulation
    pushes = plain.pushes if kind.stores else plan.pushes and kind.speaks
    return [
        replace(
            plan, modem_id=modem_id, kind=name, link=kind.link,
            pushes=pushes or not kind.asked,
            secret=rng.randbytes(32) if kind.secret else b"",
        )
    ]  # fmt: skip


def _built_in(name: str, meter: MeterPlan) -> ModemPlan:
    """Return a meter that is its own modem and says what it has to say in the open."""
    kind = SIDES[name]
    serial = kind.serial(meter.identity.serial)
    called = "" if kind.protocol == DLMS else serial
    alone = replace(
        meter, identity=MeterIdentity(serial=serial), logical=1, physical=None, address=called
    )
    return ModemPlan(
        modem_id=serial, kind=name, link=kind.link, protocol=kind.protocol,
        framing="wrapper" if kind.protocol == DLMS else "", pushes=True, meters=(alone,),
    )  # fmt: skip


def _mixed(options: FleetOptions, plans: list[ModemPlan]) -> list[ModemPlan]:
    """Let some modems have meters of other protocols; the others stay as they are."""
    rng = random.Random(f"protocols {options.seed}")  # noqa: S311 -- a simulation
    begin = rng.random()
    # Steps of the golden ratio fill the circle evenly: a small fleet has some of everything too.
    lucks = ((begin + number * GOLDEN) % 1 for number in range(len(plans)))
    return [
        _speaking(plan, protocol_of(luck, options), rng)
        for plan, luck in zip(plans, lucks, strict=True)
    ]


def protocol_of(luck: float, options: FleetOptions) -> str:
    """Return the protocol of a modem's meters for a number from 0 up to 1."""
    shares = {
        "iec62056-21": options.iec_share,
        "dlt645-2007": options.dlt645_share * (1 - OLD_SHARE),
        "dlt645-1997": options.dlt645_share * OLD_SHARE,
    }
    for protocol, share in shares.items():
        if luck < share:
            return protocol
        luck -= share
    return DLMS


def _speaking(plan: ModemPlan, protocol: str, rng: random.Random) -> ModemPlan:
    if protocol == DLMS:
        return plan
    kind = KINDS[protocol]
    uncalled = len(plan.meters) == 1 and rng.random() < UNCALLED_SHARE
    meters = []
    for meter in plan.meters:
        serial, password = meter.identity.serial, kind.password(rng)
        identity = MeterIdentity(serial=serial, password=password.encode())
        address = "" if uncalled else kind.address(serial)
        meters.append(replace(meter, identity=identity, address=address, logical=0, physical=None))
    return replace(plan, protocol=protocol, framing="", pushes=False, meters=tuple(meters))


class Serials:
    """Numbers of 8 digits one after the other, from where the seed says."""

    def __init__(self, rng: random.Random) -> None:
        self._next = rng.randrange(SERIALS)

    def take(self) -> str:
        """Return the next one."""
        self._next = (self._next + 1) % SERIALS
        return str(self._next + 10_000_000)


def _modem(options: FleetOptions, rng: random.Random, serials: Serials, count: int) -> ModemPlan:
    framing = "wrapper" if rng.random() < options.wrapper_share else "hdlc"
    # A short address of one byte has no room for the lower part; only a lone meter can have it.
    short = count == 1 and rng.random() < 0.3
    first = rng.choice((16, 17, 100, 1000))
    meters = tuple(
        _meter(
            options, rng, serials.take(),
            logical=number + 1 if framing == "wrapper" else 1,
            physical=None if framing == "wrapper" or short else first + number * STEP,
        )
        for number in range(count)
    )  # fmt: skip
    return ModemPlan(
        modem_id=f"8612345{meters[0].identity.serial}",
        framing=framing,
        pushes=rng.random() < options.push_share,
        meters=meters,
    )


def _meter(
    options: FleetOptions, rng: random.Random, serial: str, *, logical: int, physical: int | None
) -> MeterPlan:
    return MeterPlan(
        identity=_identity(options, rng, serial),
        logical=logical,
        physical=physical,
        drift_s=round(rng.uniform(-options.drift_s, options.drift_s), 1),
        compress=rng.random() < COMPRESSED_SHARE,
        area=f"Area {rng.randint(1, AREAS)}",
    )


def _identity(options: FleetOptions, rng: random.Random, serial: str) -> MeterIdentity:
    luck = rng.random()
    # Everything is drawn for every meter: a changed share changes no other meter's secrets.
    keys = Keys(rng.randbytes(16), rng.randbytes(16))
    password = rng.randbytes(4).hex()
    title = b"SIM" + int(serial).to_bytes(5)
    if luck < options.gmac_share:
        return MeterIdentity(serial=serial, title=title, auth=Mechanism.GMAC, keys=keys)
    if luck < options.gmac_share + options.low_share:
        return MeterIdentity(serial=serial, auth=Mechanism.LOW, password=password.encode())
    return MeterIdentity(serial=serial)


def devices_csv(plan: Iterable[ModemPlan]) -> str:
    """Return the device list of the fleet, keys and passwords included, to import it."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(_row(modem, meter) for modem in plan for meter in modem.meters)
    return out.getvalue()


def modems_csv(plan: Iterable[ModemPlan]) -> str:
    """Return the modem list of the fleet, with the keys of those that have one."""
    rows = (f"{modem.modem_id},{modem.secret.hex()}\n" for modem in plan if modem.secret)
    return "modem_id,secret\n" + "".join(rows)


def _row(modem: ModemPlan, meter: MeterPlan) -> dict[str, str]:
    return {
        "meter_id": meter.identity.serial,
        "modem_id": modem.modem_id,
        "link": modem.link,
        "protocol": modem.protocol,
        "area": meter.area,
    } | KINDS[modem.protocol].cells(modem, meter)

"""A node reads a simulated fleet of all meter protocols, and tells what its meters hold."""

import subprocess
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from node_process import HES, NodeProcess

from hes.fleet.model import Consumption, interval_end
from hes.fleet.options import FleetOptions
from hes.fleet.plan import MeterPlan, devices_csv, plan_fleet

WANTED: dict[str, Any] = {
    "meters": 30, "meters_per_modem": 3, "multidrop_share": 0.4, "seed": 4, "push_share": 1.0,
    "push_every_s": 5.0, "iec_share": 0.35, "dlt645_share": 0.4,
}  # fmt: skip
TOLD = [f"--{name.replace('_', '-')}={value}" for name, value in WANTED.items()]
PLAN = plan_fleet(FleetOptions(**WANTED))
STEPS_WH = 40
"""DL/T 645 tells steps of 10 Wh, and the total is a sum of four rates."""
WH = {"Wh": 1, "kWh": 1000}
PERIOD_S = 1800
EACH = ["dlms", "iec62056-21", "dlt645-2007", "dlt645-1997"]
WITH_PROFILE = EACH[:3]


def energy_wh(meter: MeterPlan, at: datetime) -> int:
    return Consumption.of(meter.identity.serial).energy_wh(at)


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def fleet(node: NodeProcess) -> Iterator[NodeProcess]:
    """Tell the node of the meters, and start the fleet as a program of its own."""
    listed = devices_csv(PLAN)
    node.import_csv(listed)
    out = node.folder / "devices.csv"
    target = ("--target", f"127.0.0.1:{node.modems}", "--devices-out", str(out))
    running = subprocess.Popen([*HES, "simulate", *target, *TOLD], stderr=subprocess.DEVNULL)
    try:
        node.until(lambda: connected(node) == WANTED["meters"], 30, "all modems call")
        assert out.read_text() == listed, "the program made another fleet"
        yield node
    finally:
        running.terminate()
        running.wait(10)


def connected(node: NodeProcess) -> int:
    """Return how many meters have a modem that is there."""
    return sum(row["online"] for row in node.get("/api/v1/meters", limit=100)["meters"])


def of(protocol: str) -> list[MeterPlan]:
    """Return meters of ``protocol``: a lone one, if possible without an address, and a line."""
    modems = [modem for modem in PLAN if modem.protocol == protocol]
    lone = min(
        (modem for modem in modems if len(modem.meters) == 1), key=lambda m: m.meters[0].address
    )
    several = next(modem for modem in modems if len(modem.meters) > 1)
    return [*lone.meters, *several.meters]


def ask(node: NodeProcess, meter: MeterPlan, body: dict[str, Any]) -> dict[str, Any]:
    answer = node.post(f"/api/v1/meters/{meter.identity.serial}/read", body)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_every_meter_tells_its_truth_whatever_it_speaks(fleet: NodeProcess) -> None:
    known = {row["meter_id"]: row for row in fleet.get("/api/v1/meters", limit=100)["meters"]}
    for protocol in EACH:
        for meter in of(protocol):
            assert known[meter.identity.serial]["protocol"] == protocol
            compare_registers(fleet, meter)
            if protocol in WITH_PROFILE:
                compare_profile(fleet, meter)
    refuses_profile(fleet, of("dlt645-1997")[0])
    only_dlms_pushes(fleet)


def compare_registers(node: NodeProcess, meter: MeterPlan) -> None:
    before = energy_wh(meter, now() - timedelta(seconds=2))  # meters tell whole seconds
    told = ask(node, meter, {"obis": ["1.8.0", "32.7.0"]})
    after = energy_wh(meter, now())
    assert told["refused"] == {}
    values = {row["obis"]: (Decimal(row["value"]), row["unit"]) for row in told["readings"]}
    energy, unit = values["1.0.1.8.0.255"]
    assert before - STEPS_WH <= energy * WH[unit] <= after
    customer = Consumption.of(meter.identity.serial)
    volts, unit = values["1.0.32.7.0.255"]
    assert unit == "V"
    assert abs(float(volts) - customer.voltage_v) <= customer.ripple_v + 1


def compare_profile(node: NodeProcess, meter: MeterPlan) -> None:
    last = interval_end(now(), PERIOD_S) - timedelta(hours=1)
    first = last - timedelta(hours=2)
    body = {"profile": "load", "from": first.isoformat(), "to": last.isoformat()}
    rows = ask(node, meter, body)["intervals"]
    times = [datetime.fromisoformat(row["time"]) for row in rows]
    assert times == [first + timedelta(seconds=PERIOD_S * n) for n in range(5)]
    for at, row in zip(times, rows, strict=True):
        told = row["values"]["1.0.1.8.0.255"]
        truth = energy_wh(meter, at)
        assert truth - STEPS_WH <= Decimal(told["value"]) * WH[told["unit"]] <= truth


def refuses_profile(node: NodeProcess, meter: MeterPlan) -> None:
    body = {"profile": "load", "from": now().isoformat(), "to": now().isoformat()}
    answer = node.post(f"/api/v1/meters/{meter.identity.serial}/read", body)
    assert answer.status_code == 502
    assert "1997" in answer.json()["error"]["message"]


def only_dlms_pushes(node: NodeProcess) -> None:
    protocols = {meter.identity.serial: m.protocol for m in PLAN for meter in m.meters}
    pushers = {m.identity.serial for p in PLAN if p.pushes for m in p.meters}

    def pushed() -> Counter[str]:
        events = node.events(kind="Reading/1")
        return Counter(
            event["stream"].removeprefix("meter:")
            for event in events
            if event["data"]["source"] == "push"
        )

    node.until(lambda: set(pushed()) >= pushers, 20, "every DLMS meter pushed")
    assert {protocols[serial] for serial in pushed()} == {"dlms"}

"""Adding a meter is adding a file, in the whole program: no restart, no package touched."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from linked_modem import LinkedModem
from node_process import NodeProcess

from hes.fleet.iec62056_21_meter import Iec62056Plan, SimulatedIec62056Meter
from hes.fleet.links.raw import RawSide

NOW = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)
SERIAL = "87654321"
CSV = "meter_id,modem_id,protocol,address,meter_type\n{0},{0},iec62056-21,{0},{1}\n"
ODD = """
protocol = "iec62056-21"
title = "Meters that leave the unit out and have their rates the other way round"
source = "this test"
[options]
rates = [2, 1]
[options.units]
"1.0.1.8.1.255" = "kWh"
"1.0.1.8.2.255" = "kWh"
"""


@pytest.fixture
def node(tmp_path: Path) -> Iterator[NodeProcess]:
    (tmp_path / "own").mkdir()
    made = NodeProcess(tmp_path)
    with made.config.open("a") as config:
        config.write('[meter_types]\nfolder = "own"\n')
    made.start()
    yield made
    made.stop()
    made.client.close()


def test_a_file_is_enough(node: NodeProcess) -> None:
    text = CSV.format(SERIAL, "odd-62056")
    refused = node.client.post(
        "/api/v1/devices", content=text, headers={"Content-Type": "text/csv"}
    )
    assert refused.status_code == 422
    assert "'odd-62056' is no meter type" in refused.text

    (node.folder / "own" / "odd-62056.toml").write_text(ODD)
    assert node.import_csv(text)["imported"] == 1

    meter = SimulatedIec62056Meter(Iec62056Plan(serial=SERIAL), world=lambda: NOW)
    meter.values.registers["1.8.1"] = lambda _: "(001234.56)"
    meter.values.registers["1.8.2"] = lambda _: "(000777.70)"
    side = RawSide(f"MODEM:{SERIAL}\r\n".encode())
    modem = LinkedModem(side, meter, node.modems)
    try:
        node.until(lambda: node.events("", "ModemConnected"), 20.0, "it dials in")
        answer = node.post(f"/api/v1/meters/{SERIAL}/read", {"obis": ["1.8.1", "1.8.2"]})
        assert answer.status_code == 200, answer.text
        told = {row["obis"]: (row["value"], row["unit"]) for row in answer.json()["readings"]}
        assert told == {
            "1.0.1.8.1.255": ("777.70", "kWh"), "1.0.1.8.2.255": ("1234.56", "kWh")
        }  # fmt: skip
    finally:
        modem.close()

    (node.folder / "own" / "odd-62056.toml").write_text("a =")
    broken = node.client.post("/api/v1/devices", content=text, headers={"Content-Type": "text/csv"})
    assert "is no TOML" in broken.text

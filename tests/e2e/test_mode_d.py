"""A meter of mode D calls a port that finds out who calls: its name is in its telegrams only."""

import socket
from datetime import UTC, datetime
from decimal import Decimal

from node_process import NodeProcess

from hes.fleet.model import Consumption
from hes.fleet.telegram_meter import TelegramMeter

NOW = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)
TOTAL = "1.0.1.8.0.255"
CSV = "meter_id,modem_id,link,protocol,address\n"


def test_its_telegrams_are_readings_and_nobody_asks_it(node: NodeProcess) -> None:
    said = TelegramMeter("47114711", world=lambda: NOW).push(confirmed=False)
    stranger = TelegramMeter("99999999", world=lambda: NOW, crc=False).push(confirmed=False)
    node.import_csv(CSV + "pushing,,mode-d,iec62056-21,47114711\n")
    with (
        socket.create_connection(("127.0.0.1", node.modems), timeout=5.0) as call,
        socket.create_connection(("127.0.0.1", node.modems), timeout=5.0) as other,
    ):
        call.sendall(bytes(8) + said[:50])
        other.sendall(stranger)
        call.sendall(said[50:])
        path = "/api/v1/meters/pushing/readings"
        found = node.until(
            lambda: node.client.get(path, params={"obis": TOTAL}).json(),
            20.0, "the telegram is a reading",
        )  # fmt: skip
        (row,) = found
        wh = Consumption.of("47114711").energy_wh(NOW)
        assert Decimal(row["value"]) == Decimal(wh).scaleb(-3)
        assert (row["unit"], row["source"]) == ("kWh", "push")
        assert datetime.fromisoformat(row["time"]) == NOW
        kept = node.until(
            lambda: node.events("node:strangers", "PushKept"), 10.0, "the stranger is noted"
        )
        assert "99999999" in kept[0]["data"]["detail"]
        answer = node.post("/api/v1/meters/pushing/read", {"obis": [TOTAL]})
        assert answer.status_code == 502
        assert "only sends by itself" in answer.json()["error"]["message"]
        modems = {row["modem_id"]: row for row in node.get("/api/v1/modems")["modems"]}
        assert (modems["pushing"]["link"], modems["pushing"]["state"]) == ("mode-d", "READY")

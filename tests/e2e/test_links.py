"""Meters behind every kind of modem, on one port that finds out which kind it is."""

import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any

import pytest
from linked_modem import LinkedModem
from node_process import NodeProcess

from hes.fleet.dlms_meter import SimulatedDlmsMeter
from hes.fleet.dlms_server import MeterIdentity
from hes.fleet.dlt645_meter import Dlt645Plan, SimulatedDlt645Meter
from hes.fleet.kinds import SimulatedMeter
from hes.fleet.links.ddp import DdpSide
from hes.fleet.links.dlt698 import Dlt698Side
from hes.fleet.links.forcecontrol import ForceControlSide
from hes.fleet.links.gdw376 import Gdw376Side
from hes.fleet.links.prot import ProtSide
from hes.fleet.links.side import ModemSide
from hes.fleet.model import Consumption
from protocols.ddp import frame as ddp
from protocols.ddp.frame import Layout, Packet, encode_packet
from protocols.gdw376 import link_layer as gdw376
from protocols.gdw376.frame import encode_frame
from protocols.links.alarm_push import encode_dsmr4

NOW = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)
"""The meters' clocks stand still, so that what they hold is known to the last digit."""
TOTAL, VOLTAGE = "1.0.1.8.0.255", "1.0.32.7.0.255"
Side = Callable[[], ModemSide]
SIDES: dict[str, tuple[str, str, Side, Side]] = {
    "prot": ("13800138001", "13800138002",
             lambda: ProtSide("13800138001", id_wire=b"\x7e\xa0\x00\x01"),
             lambda: ProtSide("13800138002", id_wire=b"\x68\x7b\xfe\x00")),
    "forcecontrol": ("13700137001", "13700137002",
                     lambda: ForceControlSide("13700137001"),
                     lambda: ForceControlSide("13700137002")),
    "ddp": ("13600136001", "13600136002",
            lambda: DdpSide("13600136001"), lambda: DdpSide("13600136002")),
    "ddp-header16": ("13500135001", "13500135002",
                     lambda: DdpSide("13500135001", layout=Layout.HEADER16),
                     lambda: DdpSide("13500135002", layout=Layout.HEADER16)),
    "ddp-closed": ("13400134001", "13400134002",
                   lambda: DdpSide("13400134001", layout=Layout.CLOSED),
                   lambda: DdpSide("13400134002", layout=Layout.CLOSED)),
    "gdw376": ("33010041", "33010042",
               lambda: Gdw376Side("33010041"), lambda: Gdw376Side("33010042", version=1)),
    "dlt698": ("000000001231", "000000001232",
               lambda: Dlt698Side("000000001231", now=lambda: NOW),
               lambda: Dlt698Side("000000001232", now=lambda: NOW)),
}  # fmt: skip
"""The names and the sides of two modems: one with a DLMS meter, one with a DL/T 645 meter."""
ALARMING = "E0099000000000042"
CSV_HEAD = "meter_id,modem_id,link,protocol,framing,address,password\n"


def dlms_meter(serial: str) -> SimulatedDlmsMeter:
    return SimulatedDlmsMeter(
        MeterIdentity(serial=serial), framing="hdlc", logical=1, physical=17,
        world=lambda: NOW, rng=Random(serial),
    )  # fmt: skip


def dlt645_meter(serial: str, address: str) -> SimulatedDlt645Meter:
    plan = Dlt645Plan(serial=serial, address=address, old=False, password="02123456")
    return SimulatedDlt645Meter(plan, world=lambda: NOW, drift_s=0.0)


def address_of(number: int) -> str:
    return f"{660000000000 + number}"


def rows() -> str:
    text = CSV_HEAD
    for number, (name, (first, second, *_)) in enumerate(SIDES.items()):
        text += f"{name}-dlms,{first},auto,dlms,hdlc,17,\n"
        text += f"{name}-645,{second},auto,dlt645-2007,,{address_of(number)},02123456\n"
    return text + f"{ALARMING},{ALARMING},dsmr4,dlms,wrapper,,\n"


class Fleet:
    """A node and its modems."""

    def __init__(self, node: NodeProcess) -> None:
        self.node = node
        self.modems: dict[str, LinkedModem] = {}

    def dial(self) -> None:
        for number, (name, (_, _, dlms, dlt645)) in enumerate(SIDES.items()):
            self._add(f"{name}-dlms", dlms(), dlms_meter(f"{name}-dlms"))
            self._add(f"{name}-645", dlt645(), dlt645_meter(f"{name}-645", address_of(number)))

    def _add(self, meter_id: str, side: ModemSide, meter: SimulatedMeter) -> None:
        self.modems[meter_id] = LinkedModem(side, meter, self.node.modems)

    def read(self, meter_id: str, *codes: str) -> dict[str, Decimal]:
        answer = self.node.post(f"/api/v1/meters/{meter_id}/read", {"obis": codes})
        assert answer.status_code == 200, (answer.text, self.node.log())
        return {row["obis"]: Decimal(row["value"]) for row in answer.json()["readings"]}

    def states(self) -> dict[str, dict[str, Any]]:
        return {row["modem_id"]: row for row in self.node.get("/api/v1/modems")["modems"]}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    node = NodeProcess(tmp_path_factory.mktemp("links"))
    made = Fleet(node)
    try:
        node.start()
        node.import_csv(rows())
        made.dial()
        count = 2 * len(SIDES)
        node.until(lambda: len(node.events("", "ModemConnected")) >= count, 20.0, "all dial in")
        yield made
    finally:
        for modem in made.modems.values():
            modem.close()
        node.stop()
        node.client.close()


@pytest.mark.parametrize("name", SIDES)
def test_the_kind_of_link_was_found_at_any_cut(fleet: Fleet, name: str) -> None:
    for modem in SIDES[name][:2]:
        (connected,) = fleet.node.events(f"modem:{modem}", "ModemConnected")
        assert connected["data"]["link"] == name.split("-", maxsplit=1)[0]
        assert connected["data"]["claim"] == "registration"


@pytest.mark.parametrize("name", SIDES)
def test_a_dlms_meter_is_read_through_it(fleet: Fleet, name: str) -> None:
    truth = Consumption.of(f"{name}-dlms")
    told = fleet.read(f"{name}-dlms", TOTAL, VOLTAGE)
    volts = Decimal(round(truth.voltages_v(NOW)[0] * 10)) / 10
    assert told == {TOTAL: truth.energy_wh(NOW), VOLTAGE: volts}


@pytest.mark.parametrize("name", SIDES)
def test_a_dlt645_meter_is_read_through_it_after_a_heartbeat(fleet: Fleet, name: str) -> None:
    modem = fleet.modems[f"{name}-645"]
    modem.beat()
    assert isinstance(modem.meter, SimulatedDlt645Meter)
    steps = modem.meter.values.energy(1, 0, NOW)
    # Steps of 0.01 kWh, in the unit and with the digits that the meter tells.
    assert fleet.read(f"{name}-645", TOTAL) == {TOTAL: Decimal(steps).scaleb(-2)}


def has_said(modem: LinkedModem, answer: bytes, times: int) -> bool:
    return modem.heard.count(answer) == times


def test_logins_and_heartbeats_are_confirmed(fleet: Fleet) -> None:
    for meter_id in ("ddp-dlms", "ddp-header16-dlms", "ddp-closed-dlms"):
        modem = fleet.modems[meter_id]
        answer = encode_packet(Packet(ddp.REGISTERED, SIDES[meter_id.removesuffix("-dlms")][0]))
        before = modem.heard.count(answer)
        assert before >= 1
        modem.beat()
        fleet.node.until(partial(has_said, modem, answer, before + 1), 5.0, "confirmed")
    for kept in ("gdw376-dlms", "gdw376-645"):
        side: Any = fleet.modems[kept].side
        assert side.confirmed
        side.confirmed = False
        fleet.modems[kept].beat()
        fleet.node.until(partial(getattr, side, "confirmed"), 5.0, "confirmed")


def test_the_times_in_the_answer_to_a_login_are_local(fleet: Fleet) -> None:
    modem = fleet.modems["dlt698-dlms"]
    side: Any = modem.side
    assert side.responses
    side.responses.clear()
    modem.beat()
    (told,) = fleet.node.until(lambda: side.responses, 5.0, "answered")
    year, hour = int.from_bytes(told.received[:2]), told.received[5]
    local = datetime.now(UTC).hour + 7
    assert year >= 2026
    assert hour % 24 in {local % 24, (local - 1) % 24, (local + 1) % 24}


def test_a_logout_is_answered_and_the_connection_closed(fleet: Fleet) -> None:
    address = gdw376.address_of("33010042")
    modem = LinkedModem(Gdw376Side("33010042"), dlt645_meter("x", "1"), fleet.node.modems)
    side: Any = modem.side
    fleet.node.until(lambda: side.confirmed, 5.0, "confirmed")
    modem.say(encode_frame(gdw376.link_request(address, gdw376.LOGOUT, 9, version=2)))
    assert modem.hung_up.wait(5.0)
    assert modem.heard.count(b"\x16") >= 2
    found = fleet.node.until(
        lambda: [
            e for e in fleet.node.events("modem:33010042", "ModemDisconnected")
            if e["data"]["reason"] == "the terminal logged out"
        ], 5.0, "noted",
    )  # fmt: skip
    assert len(found) == 1
    modem.close()


def test_an_alarm_that_ends_by_the_end_of_the_connection_is_an_event(fleet: Fleet) -> None:
    for register in (0x10, 0x10, 0x81):
        with socket.create_connection(("127.0.0.1", fleet.node.modems), timeout=5.0) as call:
            call.sendall(encode_dsmr4(ALARMING, register.to_bytes(4)))
    found = fleet.node.until(
        lambda: (e := fleet.node.events(f"meter:{ALARMING}", "MeterEvent")) and len(e) >= 3 and e,
        10.0, "the alarms are told",
    )  # fmt: skip
    assert sorted(event["data"]["code"] for event in found) == [0x10, 0x10, 0x81]
    assert {event["data"]["obis"] for event in found} == {"0.0.97.98.0.255"}


def test_a_greeting_with_a_wrong_check_is_noted_and_not_let_in(fleet: Fleet) -> None:
    with socket.create_connection(("127.0.0.1", fleet.node.modems), timeout=5.0) as call:
        call.sendall(bytes.fromhex("891001010000000000001234"))
        assert call.recv(100) == b""
    fleet.node.until(
        lambda: [
            e for e in fleet.node.events("", "UnknownCaller")
            if "no link that is known" in e["data"]["reason"]
        ], 5.0, "noted",
    )  # fmt: skip


def test_no_actor_failed(fleet: Fleet) -> None:
    assert fleet.node.events("", "ActorFailed") == []

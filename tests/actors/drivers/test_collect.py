"""The scheduled read of every protocol: each part or its refusal, one conversation, no crash."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pump import converse

from actors.drivers.base import Collected, DriverWorld, ProfileWanted
from actors.drivers.registry import KINDS, make_driver
from hes.devices import Device
from hes.fleet.dlms_meter import SimulatedDlmsMeter
from hes.fleet.dlms_server import MeterIdentity
from hes.fleet.dlt645_meter import Dlt645Plan, SimulatedDlt645Meter
from hes.fleet.iec62056_21_meter import Iec62056Plan, SimulatedIec62056Meter
from hes.ids import MeterId, ModemId
from hes.obis import PROFILES
from protocols.dlms.acse import Mechanism

NOW = datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC)
SERIAL = "12345678"
LOAD = PROFILES["load"]
UNKNOWN = "1.0.99.44.0.255"
GAS = "7.0.99.1.0.255"
KNOWN_EVERYWHERE = "1.0.1.8.0.255"
Wire = Callable[[bytes], bytes]


def dlms() -> Wire:
    identity = MeterIdentity(
        serial=SERIAL, title=b"SIM\x00\x00\x00\x00\x01", auth=Mechanism.NONE, keys=None
    )
    meter = SimulatedDlmsMeter(
        identity, framing="wrapper", logical=1, physical=None, world=lambda: NOW,
        rng=random.Random(1),
    )  # fmt: skip
    return meter.receive


def dlt645(*, old: bool) -> Wire:
    return SimulatedDlt645Meter(Dlt645Plan(serial=SERIAL, old=old), world=lambda: NOW).receive


METERS: dict[str, Callable[[], Wire]] = {
    "dlms": dlms,
    "dlt645-2007": lambda: dlt645(old=False),
    "dlt645-1997": lambda: dlt645(old=True),
    "iec62056-21": lambda: (
        SimulatedIec62056Meter(Iec62056Plan(serial=SERIAL), world=lambda: NOW).receive
    ),
}
PASSWORDS = {"dlt645-2007": "000000", "dlt645-1997": "000000", "iec62056-21": "00000000"}
EVERY_PROTOCOL = pytest.mark.parametrize("protocol", sorted(KINDS))


def driver_for(protocol: str) -> Any:
    device = Device(
        meter_id=MeterId("m"), modem_id=ModemId("x"), protocol=protocol,
        address="" if protocol == "dlms" else SERIAL, password=PASSWORDS.get(protocol, ""),
        framing="wrapper",
    )  # fmt: skip
    world = DriverWorld(now=lambda: NOW, random_bytes=bytes, counter=lambda: 0, utc_offset_min=420)
    return make_driver(device, world)


def collect(protocol: str, codes: tuple[str, ...], *profiles: str) -> Collected:
    wanted = [ProfileWanted(code, NOW - timedelta(hours=3), NOW) for code in profiles]
    found = converse(driver_for(protocol).collect(codes, wanted), METERS[protocol]())
    assert isinstance(found, Collected)
    return found


def test_every_protocol_has_a_meter_here() -> None:
    assert set(METERS) == set(KINDS)


@EVERY_PROTOCOL
def test_each_profile_is_read_or_refused_whatever_it_is(protocol: str) -> None:
    asked = [UNKNOWN, GAS, PROFILES["events"], PROFILES["billing"], LOAD]
    found = collect(protocol, (), *asked)
    assert set(found.profiles) | set(found.refused) == set(asked)
    assert not set(found.profiles) & set(found.refused)
    assert {UNKNOWN, GAS} <= set(found.refused)
    assert found.clock is not None
    assert found.registers is not None
    assert found.registers.values
    if protocol != "dlt645-1997":  # that standard has none
        assert len(found.profiles[LOAD].rows) == 6
        assert found.profiles[LOAD].obis == LOAD


@EVERY_PROTOCOL
def test_registers_are_those_that_were_asked_for(protocol: str) -> None:
    found = collect(protocol, (KNOWN_EVERYWHERE,))
    assert found.registers is not None
    assert [value.obis for value in found.registers.values] == [KNOWN_EVERYWHERE]
    assert (found.registers.refused, found.refused, found.profiles) == ({}, {}, {})

"""What a meter type changes for meters of IEC 62056-21 and DL/T 645."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from pump import converse

from actors.drivers.base import DriverWorld
from actors.drivers.dlt645 import Dlt645Driver
from actors.drivers.iec62056_21 import EVENT_CODE, Iec62056Driver
from hes.devices import Device
from hes.fleet.dlt645_meter import Dlt645Plan, SimulatedDlt645Meter
from hes.fleet.iec62056_21_meter import Iec62056Plan, SimulatedIec62056Meter
from hes.ids import MeterId, ModemId
from protocols.dlt645.event_log import KINDS
from protocols.meter_types.meter_type import PROTOCOLS, MeterType, plain
from protocols.meter_types.shipped import shipped_types

NOW = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)
T = [f"1.0.1.8.{tariff}.255" for tariff in range(4)]
WORLD = DriverWorld(now=lambda: NOW, random_bytes=bytes, counter=lambda: 0, utc_offset_min=420)


def of(protocol: str, registers: tuple[str, ...] = (), **own: Any) -> MeterType:
    options, _ = PROTOCOLS[protocol]
    return msgspec.structs.replace(
        plain(protocol), options=msgspec.convert(own, options), registers=registers
    )


def device(protocol: str) -> Device:
    return Device(
        meter_id=MeterId("m"), modem_id=ModemId("x"), protocol=protocol, address="12345678"
    )


class Iec:
    """A simulated meter, and the driver of a type for it."""

    def __init__(self, meter_type: MeterType) -> None:
        self.meter = SimulatedIec62056Meter(Iec62056Plan(serial="12345678"), world=lambda: NOW)
        self.driver = Iec62056Driver(device("iec62056-21"), WORLD, meter_type)
        self.sent = b""

    def run(self, dialogue: Any) -> Any:
        def wire(data: bytes) -> bytes:
            self.sent += data
            return self.meter.receive(data)

        return converse(dialogue, wire)

    def shown_wh(self, code: str) -> int:
        text = self.meter.values.registers[code](NOW).strip("()").removesuffix("*kWh")
        return round(float(text) * 1000)


@pytest.mark.parametrize("registers_by", ["readout", "commands"])
def test_rates_of_a_readout_and_of_commands_are_the_same_tariffs(registers_by: str) -> None:
    bench = Iec(of("iec62056-21", rates=[3, 1], registers_by=registers_by))
    found = bench.run(bench.driver.registers(T))
    told = {v.obis: v.value for v in found.values}  # kWh with three decimals
    assert told == {
        T[0]: bench.shown_wh("1.8.0"), T[1]: bench.shown_wh("1.8.3"), T[2]: bench.shown_wh("1.8.1")
    }  # fmt: skip
    assert set(found.refused) == {T[3]}
    assert (b"R5" in bench.sent) is (registers_by == "commands")


def test_a_code_of_the_type_comes_before_its_rates() -> None:
    own = {"rates": [3, 1], "registers_by": "commands", "codes": {T[3]: "1.8.2"}}
    bench = Iec(of("iec62056-21", **own))
    (value,) = bench.run(bench.driver.registers([T[3]])).values
    assert (value.obis, value.value) == (T[3], bench.shown_wh("1.8.2"))


def test_what_is_read_when_nobody_says_what() -> None:
    bench = Iec(of("iec62056-21", registers=(T[2], T[1])))
    for found in (
        bench.run(bench.driver.registers([])),
        bench.run(bench.driver.collect([], [])).registers,
    ):
        assert [value.obis for value in found.values] == [T[2], T[1]]


def test_status_words_of_a_log_have_names() -> None:
    emh = shipped_types().named("emh-lzqj")
    assert emh is not None
    bench = Iec(emh)
    bench.meter.values.log = [
        (NOW - timedelta(minutes=9), 0x80), (NOW - timedelta(minutes=8), 0x40),
        (NOW - timedelta(minutes=7), 0x8020),
    ]  # fmt: skip
    found = bench.run(bench.driver.profile("events", NOW - timedelta(hours=1), NOW))
    assert [column.obis for column in found.columns] == [EVENT_CODE]
    assert [emh.events.names(*row.values) for row in found.rows] == [
        ("power-down",), ("power-up",), ("clock-set",)
    ]  # fmt: skip


# -- DL/T 645


def dlt645(meter_type: MeterType) -> tuple[SimulatedDlt645Meter, Dlt645Driver]:
    meter = SimulatedDlt645Meter(Dlt645Plan(serial="12345678"), world=lambda: NOW)
    return meter, Dlt645Driver(device("dlt645-2007"), WORLD, meter_type)


def test_the_usual_registers_are_those_of_the_type() -> None:
    meter, driver = dlt645(of("dlt645-2007", registers=(T[2],)))
    found = converse(driver.registers([]), meter.receive)
    assert [value.obis for value in found.values] == [T[2]]


def test_every_kind_of_event_that_is_read_has_a_name() -> None:
    generic = shipped_types().of("", "dlt645-2007")
    assert generic is not None
    assert all(generic.events.names(f"{kind.name >> 8:06X}") for kind in KINDS)
    assert len(generic.events.codes) == len(KINDS)

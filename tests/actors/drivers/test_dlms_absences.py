"""What a DLMS meter does not tell: for good, or just this once; and how little it is asked."""

import random
from datetime import UTC, datetime
from typing import Any

import pytest
from pump import converse

from actors.drivers.base import DriverWorld
from actors.drivers.dlms import DlmsDriver
from hes.devices import Device
from hes.fleet.dlms_meter import SimulatedDlmsMeter
from hes.fleet.dlms_server import MeterIdentity
from hes.ids import MeterId, ModemId
from protocols.dlms import axdr_encode as ax
from protocols.dlms.cosem import Attribute, Refused
from protocols.dlms.usual import USUAL

NOW = datetime(2026, 3, 1, 5, 0, 17, tzinfo=UTC)
ENERGY, VOLTAGE = "1.0.1.8.0.255", "1.0.32.7.0.255"
FOR_GOOD = [3, 4, 9, 11, 12]
THIS_ONCE = [1, 2, 14, 15, 250]


class Bench:
    """A simulated meter, some of whose attributes answer as they are told."""

    def __init__(self, **identity: Any) -> None:
        self.meter = SimulatedDlmsMeter(
            MeterIdentity(serial="7", **identity), framing="wrapper", logical=1, physical=None,
            world=lambda: NOW, rng=random.Random(7),
        )  # fmt: skip
        self.told: dict[tuple[int, str, int], Any] = {}
        self.asked: list[tuple[int, str, int]] = []
        self.requests = 0
        read = self.meter.server._read

        def answer(attribute: Attribute, selection: Any) -> Any:
            key = attribute.class_id, ".".join(map(str, attribute.obis)), attribute.index
            self.asked.append(key)
            return self.told.get(key) or read(attribute, selection)

        self.meter.server._read = answer  # type: ignore[method-assign]
        device = Device(meter_id=MeterId("7"), modem_id=ModemId("9"), framing="wrapper")
        world = DriverWorld(
            now=lambda: NOW, random_bytes=bytes, counter=lambda: 0, utc_offset_min=420
        )
        self.driver = DlmsDriver(device, world)

    def wire(self, data: bytes) -> bytes:
        self.requests += data[8:9] == b"\xc0"
        return self.meter.receive(data)

    def registers(self, *codes: str) -> Any:
        self.asked, self.requests = [], 0
        return converse(self.driver.registers(codes), self.wire)


def test_the_usual_registers_are_what_the_customer_asked_for() -> None:
    """Lines M10, M11 and M15: phases and totals, energies by rate and quadrant, maximum demand."""
    wanted = {f"1.0.{c}.7.0.255" for c in (1, 21, 41, 61, 32, 52, 72, 31, 51, 71, 13, 33, 53, 73)}
    wanted |= {f"1.0.{c}.8.{e}.255" for c in (1, 2) for e in range(4)}
    wanted |= {f"1.0.{c}.8.0.255" for c in range(3, 9)}
    wanted |= {f"1.0.1.6.{e}.255" for e in range(4)}
    assert wanted < set(USUAL)
    assert len(USUAL) == len(set(USUAL))


@pytest.mark.parametrize("code", FOR_GOOD)
def test_a_usual_register_that_the_meter_lacks_is_asked_for_once(code: int) -> None:
    bench = Bench()
    bench.told = {(n, VOLTAGE, 2): Refused(code) for n in (1, 3, 4, 5)}
    first = bench.registers()
    assert VOLTAGE not in {value.obis for value in first.values}
    assert first.refused == {}
    assert VOLTAGE not in {value.obis for value in bench.registers().values}
    assert VOLTAGE not in {obis for _, obis, _ in bench.asked}


@pytest.mark.parametrize("code", THIS_ONCE)
def test_a_usual_register_that_fails_once_is_an_absence_and_asked_for_again(code: int) -> None:
    bench = Bench()
    bench.told = {(3, VOLTAGE, 2): Refused(code)}
    first = bench.registers()
    assert first.refused == {VOLTAGE: str(Refused(code))}
    bench.told = {}
    second = bench.registers()
    assert VOLTAGE in {value.obis for value in second.values}
    assert second.refused == {}


@pytest.mark.parametrize(("code", "kept"), [(1, False), (2, False), (250, False), (3, True),
                                            (4, True)])  # fmt: skip
def test_a_scaler_that_failed_once_is_asked_for_again(code: int, kept: bool) -> None:
    bench = Bench()
    bench.told = {(3, ENERGY, 3): Refused(code)}
    (value,) = bench.registers(ENERGY).values
    assert (value.scaler, value.unit) == (None, None)
    bench.told = {}
    (value,) = bench.registers(ENERGY).values
    assert (value.scaler, value.unit) == ((None, None) if kept else (0, 30))


def test_what_is_not_where_custom_has_it_is_looked_for_with_few_questions() -> None:
    bench = Bench()
    codes = [f"1.0.{c}.8.{e}.255" for c in (81, 82) for e in range(5)]
    for number, code in enumerate(codes[:9]):
        class_id = (4, 1, 5)[number % 3]
        bench.told[class_id, code, 2] = ax.u32(number)
        bench.told[class_id, code, 4 if class_id == 5 else 3] = ax.structure(ax.i8(0), ax.enum(30))
        bench.told[class_id, code, 5] = ax.octets(bytes(12))
    found = bench.registers(*codes)
    assert {value.obis: value.value for value in found.values} == {
        code: number for number, code in enumerate(codes[:9])
    }
    assert [value.class_id for value in found.values] == [4, 1, 5] * 3
    assert found.refused == {codes[9]: "object-undefined"}
    # The values as custom has them, three other classes, scalers, times of maxima, the clock.
    assert bench.requests == 7
    bench.registers(*codes[:9])
    assert bench.requests == 2


def test_a_meter_without_lists_is_not_searched_for_each_usual_register() -> None:
    """It is asked one by one: three more questions for all that a meter of one phase lacks."""
    bench = Bench(conformance=bytes.fromhex("00181d"))
    absent = "1.0.5.8.0.255"
    bench.told = {(4, "1.0.1.6.0.255", 2): Refused(9), (3, "1.0.1.6.0.255", 2): ax.u32(5)}
    found = bench.registers()
    told = {value.obis: value.class_id for value in found.values}
    assert absent not in told
    assert told["1.0.1.6.0.255"] == 3, "of a maximum custom does not say which class it has"
    assert [key for key in bench.asked if key[1] == absent] == [(3, absent, 2)]
    bench.told = {(1, absent, 2): ax.u32(7)}
    (value,) = bench.registers(absent).values
    assert value.class_id == 1, "who asks for it has it looked for"

"""What a meter type changes in how a DLMS meter is read."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from pump import converse

from actors.drivers.base import DriverWorld
from actors.drivers.dlms import NO_RATE, DlmsDriver
from hes.devices import Device
from hes.fleet.dlms_meter import SimulatedDlmsMeter
from hes.fleet.dlms_server import MeterIdentity
from hes.ids import MeterId, ModemId
from hes.obis import PROFILES
from protocols.dlms import cosem
from protocols.dlms.cosem import Attribute
from protocols.dlms.options import DlmsOptions
from protocols.dlms.timers import DlmsTimers
from protocols.errors import MeterRefused
from protocols.meter_types.meter_type import plain

NOW = datetime(2026, 3, 1, 5, 0, 17, tzinfo=UTC)
T = [f"1.0.1.8.{tariff}.255" for tariff in range(5)]
LOAD = PROFILES["load"]


class Bench:
    """A simulated meter, and the driver of a type for it."""

    def __init__(
        self, framing: str = "wrapper", registers: tuple[str, ...] = (), **own: Any
    ) -> None:
        self.meter = SimulatedDlmsMeter(
            MeterIdentity(serial="7"), framing=framing, logical=1, physical=None,
            world=lambda: NOW, rng=random.Random(7),
        )  # fmt: skip
        self.asked: list[Attribute] = []
        self._read = self.meter.objects.read
        self.meter.objects.read = self._noting  # type: ignore[method-assign]
        device = Device(meter_id=MeterId("7"), modem_id=ModemId("9"), framing=framing)
        world = DriverWorld(
            now=lambda: NOW, random_bytes=bytes, counter=lambda: 0, utc_offset_min=420
        )
        timers = own.pop("timers", {})
        meter_type = msgspec.structs.replace(
            plain("dlms"), options=msgspec.convert(own, DlmsOptions), registers=registers,
            timers=msgspec.convert(timers, DlmsTimers),
        )  # fmt: skip
        self.driver = DlmsDriver(device, world, meter_type)
        self.sent: list[bytes] = []

    def _noting(self, attribute: Attribute, *more: Any) -> Any:
        self.asked.append(attribute)
        return self._read(attribute, *more)

    def wire(self, data: bytes) -> bytes:
        self.sent.append(data)
        return self.meter.receive(data)

    def run(self, dialogue: Any) -> Any:
        return converse(dialogue, self.wire)

    def held(self, code: str) -> Any:
        from protocols.dlms.axdr import decode_all

        return decode_all(self.meter.objects.registers[code][2](NOW))


def test_rates_are_asked_for_and_told_as_tariffs() -> None:
    bench = Bench(rates=[3, 1])
    found = bench.run(bench.driver.registers(T[:4]))
    told = {value.obis: value.value for value in found.values}
    assert told == {
        T[0]: bench.held(T[0]), T[1]: bench.held(T[3]), T[2]: bench.held(T[1])
    }  # fmt: skip
    assert found.refused == {T[3]: NO_RATE}  # its number is taken, and rate 2 is no tariff


def test_a_profile_is_told_by_its_usual_name_and_tariffs() -> None:
    own = "1.0.99.2.0.255"
    bench = Bench(codes={LOAD: own, T[0]: "1.0.2.8.0.255"})
    profile = bench.meter.objects._profile
    bench.meter.objects._profile = (  # type: ignore[method-assign]
        lambda code, *more: profile(LOAD if code == own else T[0], *more)
    )
    found = bench.run(bench.driver.profile("load", NOW - timedelta(hours=1), NOW))
    assert found.obis == LOAD
    # What the meter calls 1.8.0 is something else; what it calls 2.8.0 is 1.8.0.
    assert [column.obis for column in found.columns] == [T[0], "1.0.3.8.0.255", "1.0.4.8.0.255"]
    assert [len(row.values) for row in found.rows] == [3, 3]
    assert {a.obis for a in bench.asked if a.class_id == cosem.CLASS_PROFILE} == {
        cosem.obis_bytes(own)
    }


def test_what_a_profile_holds_is_asked_once_a_day() -> None:
    """Whoever sets a meter up anew may give a profile other columns, and just as many."""
    bench = Bench()
    now = [NOW]
    world = msgspec.structs.replace(bench.driver._world, now=lambda: now[0])
    bench.driver = DlmsDriver(bench.driver._sessions._device, world)
    for hours, asked in ((0, 1), (23, 1), (24, 2), (47, 2), (48, 3)):
        now[0] = NOW + timedelta(hours=hours)
        assert bench.run(bench.driver.profile("load", NOW - timedelta(hours=1), NOW)).rows
        assert sum((a.class_id, a.index) == (7, 3) for a in bench.asked) == asked
    assert bench.driver.scale_of(T[0]) == (0, 30), "pushes are read by them"


def test_the_billing_profile_of_makers_who_count_it_to_electricity() -> None:
    billing, other = PROFILES["billing"], "1.0.98.1.0.255"
    bench = Bench()
    profile = bench.meter.objects._profile
    held = [other]
    bench.meter.objects._profile = (  # type: ignore[method-assign]
        lambda code, *more: profile(LOAD if code in held else code, *more)
    )
    for asked in ("billing", billing):
        found = bench.run(bench.driver.profile(asked, NOW - timedelta(hours=1), NOW))
        assert (found.obis, len(found.rows)) == (billing, 2)
    names = [a.obis for a in bench.asked if a.class_id == cosem.CLASS_PROFILE and a.index == 3]
    assert names == [cosem.obis_bytes(billing), cosem.obis_bytes(other)]
    held[:] = [billing]
    bench.driver._profiles.clear()
    assert len(bench.run(bench.driver.profile(billing, NOW - timedelta(hours=1), NOW)).rows) == 2
    assert bench.driver._profiles == {}, "the usual code is the one that counts where it is known"
    bench = Bench()
    with pytest.raises(MeterRefused, match="no profile"):
        bench.run(bench.driver.profile("billing", NOW - timedelta(hours=1), NOW))


def test_two_names_of_one_thing_are_both_told() -> None:
    bench = Bench(codes={T[0]: "1.0.2.8.0.255"})
    found = bench.run(bench.driver.registers([T[0], "1.0.2.8.0.255"]))
    assert [value.obis for value in found.values] == [T[0], "1.0.2.8.0.255"]
    assert found.refused == {}


def test_known_scalers_are_not_asked_for() -> None:
    bench = Bench(scales={T[0]: {"scaler": 2, "unit": "Wh"}})
    assert bench.driver.scale_of(T[0]) == (2, 30)
    found = bench.run(bench.driver.registers([T[0], T[1]]))
    assert [(v.scaler, v.unit) for v in found.values] == [(2, 30), (0, 30)]
    assert [a.index for a in bench.asked if a.obis == cosem.obis_bytes(T[0])] == [2]


def test_known_columns_are_not_asked_for() -> None:
    columns = ["8/0.0.1.0.0.255/2", "1/0.0.96.10.1.255/2", *(f"3/{code}/2" for code in T[:4])]
    bench = Bench(columns={LOAD: {"columns": columns, "period_s": 1800}})
    found = bench.run(bench.driver.profile("load", NOW - timedelta(hours=1), NOW))
    assert (found.period_s, len(found.rows)) == (1800, 2)
    assert [column.obis for column in found.columns] == T[:4]
    asked = {a.index for a in bench.asked if a.obis == cosem.obis_bytes(LOAD)}
    assert asked == {2}


def test_only_the_ways_that_the_type_knows_are_tried() -> None:
    selectors: list[int | None] = []
    for ways in (["range"], ["entry"], ["whole"]):
        bench = Bench(selection=ways)
        buffer = bench.meter.objects._buffer

        def noting(selection: Any, now: datetime, buffer: Any = buffer) -> Any:
            selectors.append(None if selection is None else selection.selector)
            return buffer(selection, now)

        bench.meter.objects._buffer = noting  # type: ignore[method-assign]
        found = bench.run(bench.driver.profile("load", NOW - timedelta(hours=1), NOW))
        assert len(found.rows) == 2
    assert selectors[0] == 1
    assert set(selectors[1:-1]) == {2}
    assert selectors[-1] is None


def test_one_attribute_a_request_where_lists_are_not_understood() -> None:
    together, singly = Bench(), Bench(lists=False)
    for bench in (together, singly):
        assert len(bench.run(bench.driver.registers(T[:3])).values) == 3
    assert len(singly.sent) - len(together.sent) == 4  # three values and three scalers, not two


def test_the_usual_registers_are_those_of_the_type() -> None:
    bench = Bench(registers=(T[1], T[4]))
    for _ in range(2):
        found = bench.run(bench.driver.registers([]))
        assert ([v.obis for v in found.values], found.refused) == ([T[1]], {})


def test_sizes_are_offered_as_the_type_says() -> None:
    bench = Bench("hdlc", information=256, address_size=1, max_pdu=512)
    bench.run(bench.driver.registers([T[0]]))
    snrm, aarq = bench.sent[0], bench.sent[1]
    assert bytes.fromhex("05020100060201000704") in snrm
    assert aarq[-5:-3] == (512).to_bytes(2)  # before the check and the flag
    assert snrm[3:5] == bytes((0x03, 0x03))  # one byte of address each


def test_timers_are_those_of_the_type() -> None:
    bench = Bench(timers={"associate_s": 77.0})
    step = next(bench.driver.registers([T[0]]))
    assert step.wait_s == 77.0

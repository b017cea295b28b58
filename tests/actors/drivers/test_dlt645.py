"""The driver of DL/T 645 meters against simulated ones: registers, a bad line, scheduled reads."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from dlt645_bench import BOTH, NOW, Bench
from pump import converse

from actors.drivers.base import DriverWorld, ProfileWanted
from actors.drivers.dlt645 import DRIVER, NEW, OLD, USUAL, Dlt645Driver
from actors.drivers.registry import make_driver
from hes.devices import Device
from hes.fleet.dlt645_meter import SimulatedDlt645Meter
from hes.fleet.dlt645_values import ZONE
from hes.ids import MeterId, ModemId
from protocols.dlt645.exchange import NOISE_MAX
from protocols.dlt645.options import Dlt645Options
from protocols.errors import MeterSilent, RemoteProtocolError

LAST_HOUR = [ProfileWanted("load", NOW - timedelta(hours=1), NOW)]


def test_the_registry_finds_it() -> None:
    device = Device(meter_id=MeterId("m"), modem_id=ModemId("x"), protocol=NEW)
    world = DriverWorld(now=lambda: NOW, random_bytes=bytes, counter=lambda: 0, utc_offset_min=0)
    assert isinstance(make_driver(device, world), Dlt645Driver)
    assert DRIVER.protocols == ("dlt645-2007", "dlt645-1997")
    assert Dlt645Driver.counters_per_read == 0


# -- registers


def test_registers_of_2007_show_the_meters_own_decimals() -> None:
    bench = Bench()
    c = bench.meter.values.consumption
    found = bench.registers(
        "1.8.0.255", "1.8.1.255", "1.8.2.255", "1.8.3.255", "32.7.0.255", "31.7.0.255",
        "1.7.0.255", "13.7.0.255", "14.7.0.255", "1.6.0.255",
    )  # fmt: skip
    steps = [wh // 10 for wh in c.rate_energy_wh(NOW)]
    assert [found[f"1.8.{rate}.255"].value for rate in (1, 2, 3)] == steps
    assert found["1.8.0.255"].value == sum(steps)
    assert (found["1.8.0.255"].scaler, found["1.8.0.255"].unit) == (-2, 0x300 | 30)
    assert found["32.7.0.255"].value == round(c.voltages_v(NOW)[0] * 10)
    assert found["31.7.0.255"].value == round(c.currents_a(NOW)[0] * 1000)
    assert (found["1.7.0.255"].value, found["1.7.0.255"].scaler) == (round(c.power_w(NOW) * 10), -4)
    assert found["14.7.0.255"].value == 5000
    demand = found["1.6.0.255"]
    assert demand.value == int(c.mean_w * (1 + c.swing) * 10)
    when = datetime(2026, 11, 1, tzinfo=ZONE) + timedelta(hours=c.phase_h)
    assert demand.time == when.replace(second=0, microsecond=0)
    assert (demand.class_id, demand.unit, demand.scaler) == (4, 0x300 | 27, -4)


def test_registers_of_1997_are_coarser() -> None:
    bench = Bench(OLD)
    c = bench.meter.values.consumption
    found = bench.registers("1.8.0.255", "32.7.0.255", "31.7.0.255", "1.6.0.255", "1.8.1.101")
    assert found["1.8.0.255"].value == sum(wh // 10 for wh in c.rate_energy_wh(NOW))
    assert (found["32.7.0.255"].value, found["32.7.0.255"].scaler) == (int(c.voltages_v(NOW)[0]), 0)
    assert found["31.7.0.255"].scaler == -2
    when = datetime(2026, 11, 1, tzinfo=ZONE) + timedelta(hours=c.phase_h)
    assert found["1.6.0.255"].time == when.replace(second=0, microsecond=0)
    latched = c.rate_energy_wh(datetime(2026, 11, 1, tzinfo=ZONE))[0] // 10
    assert found["1.8.1.101"].value == latched


def test_the_year_of_a_demand_of_1997_is_the_last_that_fits() -> None:
    bench = Bench(OLD)
    bench.now = datetime(2027, 1, 1, 3, tzinfo=UTC)  # before that day's highest power
    time = bench.registers("1.6.0.255")["1.6.0.255"].time
    assert time is not None
    assert time.astimezone(ZONE).year == 2026


@BOTH
def test_blocks_save_questions(protocol: str) -> None:
    codes = [f"1.8.{rate}.255" for rate in range(5)]
    in_blocks, singly = Bench(protocol), Bench(protocol, options=Dlt645Options(blocks=False))
    assert in_blocks.registers(*codes) == singly.registers(*codes)
    assert (in_blocks.meter.requests, singly.meter.requests) == (1, 5)


@BOTH
def test_a_meter_without_blocks_is_asked_for_one_only_once(protocol: str) -> None:
    bench = Bench(protocol, blocks=False)
    codes = [f"1.8.{rate}.255" for rate in range(5)]
    assert len(bench.registers(*codes)) == 5
    assert bench.meter.requests == 6
    bench.registers(*codes)
    assert bench.meter.requests == 11


def test_what_a_meter_does_not_have_is_said_by_name() -> None:
    bench = Bench()
    asked = ["1.0.1.8.0.255", "1.0.7.8.0.255", "1.0.99.9.9.255"]
    read = bench.run(bench.driver.registers(asked))
    assert [value.obis for value in read.values] == ["1.0.1.8.0.255"]
    assert read.refused == {
        "1.0.7.8.0.255": "no requested data",
        "1.0.99.9.9.255": "this protocol has no such value",
    }


@pytest.mark.parametrize(("protocol", "missing"), [(NEW, 0x02800002), (OLD, 0xA010)])
def test_usual_registers_that_are_missing_are_not_asked_for_again(
    protocol: str, missing: int
) -> None:
    bench = Bench(protocol)
    read = bench.meter.values.read
    bench.meter.values.read = lambda di, now: None if di == missing else read(di, now)  # type: ignore[method-assign]
    first = bench.run(bench.driver.registers(()))
    asked = bench.meter.requests
    second = bench.run(bench.driver.registers(()))
    assert first.refused == second.refused == {}
    assert [v.obis for v in first.values] == [v.obis for v in second.values]
    assert bench.meter.requests == 2 * asked - 1
    assert {v.obis for v in first.values} < set(USUAL)
    assert bench.driver.scale_of("1.0.1.8.0.255") == (-2, 0x300 | 30)
    assert bench.driver.scale_of("1.0.9.9.9.255") is None


def test_values_that_are_no_quantities() -> None:
    bench = Bench()
    codes = ["0.0.96.1.0.255", "1.0.0.2.0.255", "0.0.1.0.0.255", "1.0.0.9.1.255", "1.0.0.4.2.255"]
    read = bench.run(bench.driver.registers(codes))
    assert [value.value for value in read.values] == [
        "000012345678", "SIM 1.0", "2026-11-28T13:00:17+07:00", "130017", 1
    ]  # fmt: skip


def test_export_is_what_is_below_zero() -> None:
    bench = Bench()
    negative = bytes.fromhex("452381")
    bench.meter.values.read = lambda di, now: negative if di == 0x02030000 else None  # type: ignore[method-assign]
    found = bench.registers("1.7.0.255", "2.7.0.255", "16.7.0.255")
    assert [found[f"{c}.7.0.255"].value for c in (1, 2, 16)] == [-12345, 12345, -12345]
    assert bench.meter.requests == 1


def test_one_value_that_is_nonsense_does_not_cost_the_others() -> None:
    bench = Bench()
    read, broken = bench.meter.values.read, {0x0001FF00, 0x00010000, 0x02800002}
    bench.meter.values.read = lambda di, now: b"\xab" * 3 if di in broken else read(di, now)  # type: ignore[method-assign]
    codes = ["1.0.1.8.0.255", "1.0.1.8.1.255", "1.0.14.7.0.255"]
    told = bench.run(bench.driver.registers(codes))
    assert [value.obis for value in told.values] == ["1.0.1.8.1.255"]
    assert set(told.refused) == {"1.0.1.8.0.255", "1.0.14.7.0.255"}


def test_a_time_that_is_none_does_not_cost_the_demand() -> None:
    bench = Bench()
    bench.meter.values.read = lambda _di, _now: bytes.fromhex("452301 1508011326")  # type: ignore[method-assign]
    demand = bench.registers("1.6.0.255")["1.6.0.255"]
    assert (demand.value, demand.time) == (12345, None)


@pytest.mark.parametrize("time", [None, b"\x00" * 4, b"\x15\x08\x01", b"\x15\x08\x01\x13"])
def test_a_demand_of_1997_without_a_time(time: bytes | None) -> None:
    bench = Bench(OLD)
    read = bench.meter.values.read
    bench.meter.values.read = lambda di, now: time if di == 0xB010 else read(di, now)  # type: ignore[method-assign]
    assert bench.registers("1.6.0.255")["1.6.0.255"].time is None


def test_a_phase_that_is_absent_has_no_value() -> None:
    bench = Bench()
    sent = bytes.fromhex("0123 ffff ffff")
    bench.meter.values.read = lambda _di, _now: sent  # type: ignore[method-assign]
    asked = ["1.0.32.7.0.255", "1.0.52.7.0.255", "1.0.72.7.0.255"]
    read = bench.run(bench.driver.registers(asked))
    assert [value.value for value in read.values] == [2301]
    assert read.refused == dict.fromkeys(asked[1:], "the meter has no such value")


def test_a_block_refused_for_another_reason_is_tried_again_next_time() -> None:
    bench = Bench()
    read = bench.meter._read
    bench.meter._read = (  # type: ignore[method-assign]
        lambda name, data: (0x40, b"\x01") if name[1] == 0xFF else read(name, data)
    )
    for asked in (3, 6):
        bench.registers("1.8.0.255", "1.8.1.255")
        assert bench.meter.requests == asked


def test_the_scaler_of_a_type_of_its_own() -> None:
    options = Dlt645Options(codes={"1.0.1.7.0.255": "02FE0000"}, formats={"02FE0000": "XXX.X W"})
    bench = Bench(options=options)
    bench.meter.values.read = lambda di, _now: b"\x34\x12" if di == 0x02FE0000 else None  # type: ignore[method-assign]
    value = bench.registers("1.7.0.255")["1.7.0.255"]
    assert (value.value, value.scaler, value.unit) == (1234, -1, 27)


# -- a bad line


def echoing(meter: SimulatedDlt645Meter) -> Callable[[bytes], bytes]:
    return lambda sent: b"\r\n" + sent + meter.receive(sent) + b"\xfe"


@BOTH
@pytest.mark.parametrize("piece", [0, 1, 3])
def test_the_same_in_pieces_with_an_echo_and_losses(protocol: str, piece: int) -> None:
    clean = Bench(protocol).run(Bench(protocol).driver.collect((), []))
    bench = Bench(protocol)
    dialogue = bench.driver.collect((), [])
    bad = converse(dialogue, echoing(bench.meter), piece=piece, lose=lambda n: n % 3 == 1)
    assert bad.registers == clean.registers
    assert bad.clock == clean.clock


@BOTH
def test_long_answers_come_in_follow_up_frames(protocol: str) -> None:
    codes = [f"1.8.{rate}.255" for rate in range(5)]
    short = Bench(protocol, frame_size=10)
    assert short.registers(*codes) == Bench(protocol).registers(*codes)
    assert short.meter.requests > 2


@BOTH
def test_a_dead_meter_is_silent_in_the_end(protocol: str) -> None:
    bench = Bench(protocol)
    with pytest.raises(MeterSilent, match="asked 3 time"):
        converse(bench.driver.registers(()), lambda _: b"")


def test_another_meter_on_the_line_is_not_taken_for_it() -> None:
    bench = Bench(address="87654321")
    with pytest.raises(MeterSilent):
        bench.registers("1.8.0.255")


def test_a_flood_is_an_error_of_the_line() -> None:
    bench = Bench()
    with pytest.raises(RemoteProtocolError):
        converse(bench.driver.registers(()), lambda _: bytes(2 * NOISE_MAX))
    with pytest.raises(RemoteProtocolError):
        converse(bench.driver.registers(["1.0.14.7.0.255"]), lambda _: bytes(2 * NOISE_MAX))
    old = Bench(OLD)

    def floods_at_the_time(sent: bytes) -> bytes:
        return bytes(2 * NOISE_MAX) if sent[-3] == 0xB0 + 0x33 else old.meter.receive(sent)

    with pytest.raises(RemoteProtocolError):
        converse(old.driver.registers(["1.0.1.6.0.255"]), floods_at_the_time)


@BOTH
def test_a_meter_that_is_alone_is_asked_for_its_address_once(protocol: str) -> None:
    bench = Bench(protocol, address="")
    assert "1.8.0.255" in bench.registers("1.8.0.255")
    assert bench.meter.requests == 2
    bench.registers("1.8.0.255")
    assert bench.meter.requests == 3
    bench.meter.clock.drift_s = 4000
    bench.run(bench.driver.set_clock(shift_s_max=60))
    assert abs(bench.meter.clock.drift_s) <= 1


# -- the scheduled read


def test_a_scheduled_read_has_all_parts() -> None:
    bench = Bench(drift_s=3)
    found = bench.run(bench.driver.collect((), LAST_HOUR))
    assert found.clock.meter_time == NOW + timedelta(seconds=3)
    assert len(found.profiles["load"].rows) == 2
    assert "1.0.1.8.0.255" in {value.obis for value in found.registers.values}
    assert found.refused == {}


def test_a_part_that_is_refused_does_not_cost_the_others() -> None:
    bench = Bench(OLD)
    found = bench.run(bench.driver.collect((), LAST_HOUR))
    assert list(found.refused) == ["load"]
    assert "1997" in found.refused["load"]
    assert found.profiles == {}
    assert found.registers.values
    assert found.clock is not None
    clockless = Bench()
    read = clockless.meter.values.read
    clockless.meter.values.read = lambda di, now: None if di >> 8 == 0x040001 else read(di, now)  # type: ignore[method-assign]
    found = clockless.run(clockless.driver.collect((), []))
    assert (found.clock, "to tell its time" in found.refused["clock"]) == (None, True)
    assert found.registers.values

"""A DLMS meter whose clock is not set: it is read all the same, and its clock can be set."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pump import converse

from actors.drivers.base import DriverWorld, ProfileWanted
from actors.drivers.dlms import NOT_SET, DlmsDriver
from actors.failures import is_final, reason_of
from hes.devices import Device
from hes.events.reading import FailureReason
from hes.fleet.dlms_meter import SimulatedDlmsMeter
from hes.fleet.dlms_server import MeterIdentity
from hes.ids import MeterId, ModemId
from hes.obis import PROFILES
from protocols.dlms import axdr_encode as ax, cosem
from protocols.dlms.cosem import CLOCK_OBIS, Attribute, obis_bytes
from protocols.dlms.cosem_time import encode_time
from protocols.errors import MeterNonsense, MeterRefused, MeterSilent, RemoteProtocolError

NOW = datetime(2026, 3, 1, 5, 0, 17, tzinfo=UTC)
CLOCK = Attribute(cosem.CLASS_CLOCK, CLOCK_OBIS, 2)
ENERGY, MAXIMUM = "1.0.1.8.0.255", "1.0.1.6.0.255"
LOAD = PROFILES["load"]
NO_DATES = [
    ax.octets(bytes(12)),
    ax.octets(b"\xff" * 12),
    ax.octets(bytes.fromhex("ffffffffffffffffff8000ff")),
    ax.octets(bytes.fromhex("07ea0000000000000000fe5c")),
    ax.octets(bytes.fromhex("07ea0bfeff0c1e0000fe5c00")),
]
NO_TIMES = [ax.NULL, ax.octets(bytes.fromhex("07ea0b1c06")), ax.u32(5)]


class Bench:
    """A simulated meter that tells of some attributes what it is told to."""

    def __init__(self, told: dict[Attribute, bytes]) -> None:
        self.meter = SimulatedDlmsMeter(
            MeterIdentity(serial="7"), framing="wrapper", logical=1, physical=None,
            world=lambda: NOW, rng=random.Random(7), drift_s=600.0,
        )  # fmt: skip
        self.told = told
        server = self.meter.server
        read = server._read
        server._read = lambda a, *more: self.told.get(a) or read(a, *more)  # type: ignore[method-assign]
        device = Device(meter_id=MeterId("7"), modem_id=ModemId("9"), framing="wrapper")
        world = DriverWorld(
            now=lambda: NOW, random_bytes=bytes, counter=lambda: 0, utc_offset_min=420
        )
        self.driver = DlmsDriver(device, world)

    def wire(self, data: bytes) -> bytes:
        answer = self.meter.receive(data)
        if b"\xc1\x01" in data[8:10]:
            self.told.clear()  # its clock has been set
        return answer

    def run(self, dialogue: Any) -> Any:
        return converse(dialogue, self.wire)


@pytest.mark.parametrize("shown", [*NO_DATES, *NO_TIMES])
def test_all_but_the_clock_is_read(shown: bytes) -> None:
    bench = Bench({CLOCK: shown})
    begin = NOW - timedelta(hours=3)
    found = bench.run(bench.driver.collect([ENERGY], [ProfileWanted("load", begin, NOW)]))
    assert found.clock is None
    assert [value.obis for value in found.registers.values] == [ENERGY]
    assert len(found.profiles["load"].rows) == 6
    assert list(found.refused) == ["clock"]
    assert "clock is n" in found.refused["clock"]
    with pytest.raises(MeterNonsense):
        bench.run(bench.driver.clock())


@pytest.mark.parametrize("shown", NO_DATES)
def test_what_an_unset_clock_shows_is_no_time_zone(shown: bytes) -> None:
    """An FFFF there is no deviation of one minute, nor is 0000 the time of Greenwich."""
    rules = Bench({}).driver._rules
    octets = shown[2:]
    assert rules.as_written(octets) == rules


@pytest.mark.parametrize("shown", [*NO_DATES, *NO_TIMES])
def test_it_can_be_set(shown: bytes) -> None:
    bench = Bench({CLOCK: shown})
    changed = bench.run(bench.driver.set_clock(shift_s_max=60.0))
    assert changed.method == "set"
    assert changed.before.meter_time == NOT_SET
    assert abs(changed.after.meter_time - NOW) < timedelta(seconds=1)


@pytest.mark.parametrize(("hundredths", "drift_s"), [(0xFF, 40.5), (0, 40.0), (25, 40.25)])
def test_a_clock_that_leaves_hundredths_out_has_cut_them_off(
    hundredths: int, drift_s: float
) -> None:
    """On average it shows half a second too little, and its drift is no better known than that."""
    shown = bytearray(encode_time(NOW + timedelta(seconds=40), utc_offset_min=420))
    shown[8] = hundredths
    bench = Bench({CLOCK: ax.octets(bytes(shown))})
    read = bench.run(bench.driver.clock())
    assert read.drift_s == drift_s
    assert read.resolution_s == (1.0 if hundredths == 0xFF else 0.0)


@pytest.mark.parametrize("shown", [*NO_DATES, *NO_TIMES])
def test_a_maximum_that_never_was_has_no_time_and_costs_nothing_else(shown: bytes) -> None:
    bench = Bench({Attribute(cosem.CLASS_EXTENDED_REGISTER, obis_bytes(MAXIMUM), 5): shown})
    found = bench.run(bench.driver.registers([MAXIMUM, ENERGY]))
    assert [(v.obis, v.time) for v in found.values] == [(MAXIMUM, None), (ENERGY, None)]
    assert found.refused == {}


def test_a_table_without_sense_costs_the_table_only() -> None:
    buffer = Attribute(cosem.CLASS_PROFILE, obis_bytes(LOAD), 2)
    bench = Bench({buffer: ax.array(ax.structure(ax.u8(1)))})
    begin = NOW - timedelta(hours=3)
    found = bench.run(bench.driver.collect([ENERGY], [ProfileWanted(LOAD, begin, NOW)]))
    assert found.clock is not None
    assert len(found.registers.values) == 1
    assert found.profiles == {}
    assert "cells" in found.refused[LOAD]


def test_nonsense_is_what_broke_the_protocol_and_would_come_again() -> None:
    nonsense = MeterNonsense("profile", "a row that has not 4 cells")
    assert reason_of(nonsense) is FailureReason.BAD_CHECK
    assert is_final(nonsense)
    assert is_final(MeterRefused("no"))
    assert not is_final(RemoteProtocolError("fcs", "damaged"))
    assert not is_final(MeterSilent("no answer"))

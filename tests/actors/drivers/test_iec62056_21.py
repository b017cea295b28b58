"""The driver of IEC 62056-21 against a simulated meter, with a clock that both look at."""

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from pump import converse

from actors.drivers.base import DriverWorld, ProfileWanted
from actors.drivers.iec62056_21 import Iec62056Driver
from actors.drivers.registry import KINDS, make_driver
from hes.devices import Device
from hes.fleet.iec62056_21_meter import Iec62056Plan, SimulatedIec62056Meter
from hes.ids import MeterId, ModemId
from hes.quantities import decimal_text, unit_symbol
from protocols.errors import MeterRefused, MeterSilent
from protocols.iec62056_21.states import State


class Bench:
    """A meter whose answers take a second on their way there and back."""

    def __init__(self, *, drift_s: float = 0.0, password: str = "00000000") -> None:
        self.now = datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC)
        self.meter = SimulatedIec62056Meter(
            Iec62056Plan(serial="00012345"), world=lambda: self.now, drift_s=drift_s
        )
        device = Device(
            meter_id=MeterId("m"), modem_id=ModemId("x"), protocol="iec62056-21", address="12345",
            password=password,
        )  # fmt: skip
        world = DriverWorld(
            now=lambda: self.now, random_bytes=bytes, counter=lambda: 0, utc_offset_min=420
        )
        self.driver = make_driver(device, world)
        self.deaf_to = b"\xff"

    def wire(self, sent: bytes) -> bytes:
        self.now += timedelta(seconds=0.5)
        answer = self.meter.receive(sent)
        self.now += timedelta(seconds=0.5)
        return b"" if self.deaf_to in sent else answer

    def run(
        self, dialogue: Generator[Any, Any, Any], piece: int = 3, heard: list[bytes] | None = None
    ) -> Any:
        def noting(sent: bytes) -> bytes:
            if heard is not None:
                heard.append(sent)
            return self.wire(sent)

        return converse(dialogue, noting, piece=piece)

    def end(self) -> datetime:
        return self.now


def test_it_is_found_by_its_protocol() -> None:
    assert "iec62056-21" in KINDS
    assert isinstance(Bench().driver, Iec62056Driver)


def test_values_come_out_as_the_meter_shows_them() -> None:
    bench = Bench()
    found = bench.run(bench.driver.registers(["1.0.1.8.0.255", "1.0.32.7.0.255"]))
    shown = bench.meter.values.registers
    energy, voltage = found.values
    assert unit_symbol(energy.unit) == "kWh"
    kwh = shown["1.8.0"](found.meter_time).strip("()").removesuffix("*kWh")
    assert decimal_text(energy.value, energy.scaler) == kwh.lstrip("0")
    volts = shown["32.7.0"](found.meter_time).strip("()").removesuffix("*V")
    assert decimal_text(voltage.value, voltage.scaler) == volts


def test_a_session_is_ended_when_its_work_is_done() -> None:
    bench = Bench()
    bench.run(bench.driver.profile("load", bench.now - timedelta(hours=2), bench.now))
    assert bench.driver._talk.session.state is State.CLOSED
    assert bench.meter.mood.value == "request"


def test_the_clock_is_measured_around_the_question_for_it() -> None:
    bench = Bench(drift_s=7)
    read = bench.run(bench.driver.clock())
    assert (read.got_at - read.sent_at).total_seconds() == 1
    middle = read.sent_at + (read.got_at - read.sent_at) / 2
    assert abs((read.meter_time - middle).total_seconds() - 7) <= 1
    assert read.drift_s == (read.meter_time - middle).total_seconds() + 0.5
    assert read.resolution_s == 1.0


def test_the_clock_is_set_to_what_it_will_be_on_arrival() -> None:
    bench = Bench(drift_s=-300)
    changed = bench.run(bench.driver.set_clock(shift_s_max=60))
    assert changed.method == "set"
    assert abs(bench.meter.clock.drift_s) <= 1
    assert bench.run(bench.driver.set_clock(shift_s_max=60)).method == "none"


def test_a_write_that_was_not_answered_is_read_back() -> None:
    bench = Bench(drift_s=-300)
    bench.deaf_to = b"0.9.1(0"
    changed = bench.run(bench.driver.set_clock(shift_s_max=60))
    assert changed.method == "set"
    bench = Bench(drift_s=-300)
    bench.deaf_to = b"0.9.2(0"  # the date is taken, the time never sent: nothing has changed
    with pytest.raises(MeterSilent, match="did not say"):
        bench.run(bench.driver.set_clock(shift_s_max=60))
    assert bench.meter.clock.drift_s == -300


def test_a_refusal_ends_the_session() -> None:
    bench = Bench(drift_s=-300, password="9")
    with pytest.raises(MeterRefused, match="password"):
        bench.run(bench.driver.set_clock(shift_s_max=60))
    assert bench.meter.mood.value == "request"


def test_everything_in_one_conversation() -> None:
    bench = Bench(drift_s=2)
    begin = bench.now - timedelta(days=1)
    found = bench.run(bench.driver.collect((), [ProfileWanted("load", begin, bench.now)]))
    assert found.refused == {}
    assert found.clock is not None
    assert len(found.registers.values) > 20
    assert len(found.profiles["load"].rows) == 48
    assert found.profiles["load"].rows[-1].time == datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_a_log_is_a_table_of_status_words() -> None:
    bench = Bench()
    bench.meter.values.log.append((bench.now - timedelta(hours=1), 0x80))
    found = bench.run(bench.driver.profile("events", bench.now - timedelta(days=1), bench.now))
    (row,) = found.rows
    assert (row.status, row.values) == (0x80, (0x80,))
    assert row.time == datetime(2026, 3, 1, 11, 0, 5, tzinfo=UTC)


def test_a_part_that_is_refused_leaves_the_others() -> None:
    bench = Bench()
    bench.meter.values.registers.pop("0.9.1")
    found = bench.run(bench.driver.collect((), []))
    assert found.registers is not None
    assert "clock" in found.refused


def test_a_profile_that_is_refused_leaves_those_behind_it() -> None:
    bench = Bench()
    begin = bench.now - timedelta(hours=2)
    codes = ["1.0.99.7.0.255", "load"]
    found = bench.run(
        bench.driver.collect((), [ProfileWanted(code, begin, bench.now) for code in codes])
    )
    assert list(found.refused) == codes[:1]
    assert len(found.profiles["load"].rows) == 4


def test_more_profiles_do_not_send_a_wrong_password_more_often() -> None:
    codes = ["load", "events", "1.0.99.2.0.255"]
    sent: dict[int, int] = {}
    for count in (1, 3):
        bench = Bench(password="9")
        bench.driver._talk.options = msgspec.structs.replace(
            bench.driver._talk.options, login="always"
        )
        heard: list[bytes] = []
        begin = bench.now - timedelta(hours=2)
        wanted = [ProfileWanted(code, begin, bench.now) for code in codes[:count]]
        found = bench.run(bench.driver.collect((), wanted), heard=heard)
        sent[count] = sum(b"P1" in data for data in heard)
        assert found.registers is not None
        assert list(found.refused) == codes[:count]
        assert all("password" in why for why in found.refused.values())
    # Once for the clock, which is in the readout too, and once for the first profile.
    assert sent == {1: 2, 3: 2}

"""DL/T 645 meters that say nothing to what they do not have, or tell nonsense in one place."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from dlt645_bench import BOTH, NOW, Bench
from pump import converse

from actors.drivers.base import Collected, ProfileWanted
from actors.drivers.dlt645 import NEW, OLD
from protocols.dlt645.frame import FrameReader, encode_frame
from protocols.dlt645.registers import NO_ANSWER, NOT_ASKED
from protocols.errors import MeterSilent

LOAD = [ProfileWanted("load", NOW - timedelta(hours=1), NOW)]
TOTAL, EXPORT, VOLTAGE = "1.0.1.8.0.255", "1.0.2.8.0.255", "1.0.32.7.0.255"
ENERGY, ENERGY_BLOCK, VOLTAGES = 0x00010000, 0x0001FF00, 0x0201FF00
Deaf = Callable[[int], bool]


class Wire:
    """A meter that does not hear some questions, and tells other data than it has to some."""

    def __init__(self, bench: Bench, deaf: Deaf, **instead: bytes) -> None:
        self.bench = bench
        self.deaf = deaf
        self.asked: list[int] = []
        self._instead = {int(name[1:], 16): data for name, data in instead.items()}

    def __call__(self, sent: bytes) -> bytes:
        (frame,) = FrameReader().feed(sent)
        size = 2 if self.bench.meter.plan.old else 4
        di = int.from_bytes(frame.data[:size], "little")
        self.asked.append(di)
        if di in self._instead:
            data = frame.data[:size] + self._instead[di]
            return encode_frame(self.bench.meter.address, frame.control | 0x80, data)
        return b"" if self.deaf(di) else self.bench.meter.receive(sent)

    def collect(self) -> Collected:
        found: Collected = converse(self.bench.driver.collect((), LOAD), self)
        return found

    def read(self, *codes: str) -> Any:
        return converse(self.bench.driver.registers(codes), self)


def refuses(bench: Bench) -> Deaf:
    """Return what a meter would refuse, told as a question that it does not hear."""

    def deaf(di: int) -> bool:
        size = 2 if bench.meter.plan.old else 4
        asked = encode_frame(
            bench.meter.address, 0x01 if size == 2 else 0x11, di.to_bytes(size, "little")
        )
        (answer,) = FrameReader().feed(bench.meter.receive(asked))
        return bool(answer.control & 0x40)

    return deaf


@BOTH
def test_a_meter_that_never_refuses_is_read_and_soon_not_asked_in_vain(protocol: str) -> None:
    bench = Bench(protocol, blocks=False)
    wire = Wire(bench, refuses(bench))
    counts = []
    for _ in range(5):
        before = len(wire.asked)
        found = wire.collect()
        counts.append(len(wire.asked) - before)
        assert found.registers is not None
        assert found.clock is not None
        assert TOTAL in {value.obis for value in found.registers.values}
    assert counts[0] > counts[-1] == counts[-2]
    assert found.registers.refused == {}


def test_only_one_block_is_asked_in_vain_and_known_ones_go_on() -> None:
    bench = Bench()
    wire = Wire(bench, lambda di: di & 0xFF00 == 0xFF00)
    assert len(wire.collect().registers.values) > 20
    assert len({di for di in wire.asked if di & 0xFF00 == 0xFF00}) == 1
    bench = Bench()
    wire = Wire(bench, lambda di: di == VOLTAGES)
    wire.collect()
    blocks = {di for di in wire.asked if di & 0xFF00 == 0xFF00}
    assert len(blocks) > 3
    wire.asked.clear()
    wire.collect()
    assert {di for di in wire.asked if di & 0xFF00 == 0xFF00} == blocks - {VOLTAGES}


def test_a_block_that_nobody_hears_first_costs_one_question_more() -> None:
    bench = Bench()
    found = Wire(bench, lambda di: di == ENERGY_BLOCK).read(TOTAL, "1.0.1.8.1.255")
    assert len(found.values) == 2
    wire = Wire(Bench(), lambda _: True)
    with pytest.raises(MeterSilent):
        wire.read(TOTAL, "1.0.1.8.1.255")
    assert wire.asked == [ENERGY_BLOCK] * 3 + [ENERGY] * 3


def test_a_meter_that_knows_blocks_and_is_silent_to_one_has_gone() -> None:
    bench = Bench()
    wire = Wire(bench, lambda _: False)
    wire.read(TOTAL, "1.0.1.8.1.255")
    wire.deaf = lambda _: True
    wire.asked.clear()
    with pytest.raises(MeterSilent):
        wire.read(TOTAL, "1.0.1.8.1.255")
    assert wire.asked == [ENERGY_BLOCK] * 3


def test_after_two_silences_nothing_more_is_asked_and_what_came_is_kept() -> None:
    bench = Bench()
    wire = Wire(bench, lambda di: di != ENERGY)
    found = wire.read(TOTAL, EXPORT, VOLTAGE, "1.0.31.7.0.255")
    assert [value.obis for value in found.values] == [TOTAL]
    assert list(found.refused.values()) == [NO_ANSWER, NO_ANSWER, NOT_ASKED]


def test_a_silence_among_others_is_told_and_not_learnt_at_once() -> None:
    bench = Bench(blocks=False)
    wire = Wire(bench, lambda di: di == ENERGY)
    for _ in range(2):
        assert wire.collect().registers.refused == {TOTAL: NO_ANSWER}
    wire.deaf = lambda _: False
    assert TOTAL in {value.obis for value in wire.collect().registers.values}
    wire.deaf = lambda di: di == ENERGY
    for _ in range(2):
        assert wire.collect().registers.refused == {TOTAL: NO_ANSWER}
    assert wire.collect().registers.refused == {}, "three times in a row: it does not have it"


def test_a_dead_meter_is_silent() -> None:
    wire = Wire(Bench(), lambda _: True)
    with pytest.raises(MeterSilent):
        wire.collect()
    assert len(wire.asked) == 3


@pytest.mark.parametrize(
    ("protocol", "instead"),
    [
        (NEW, {"x04000101": b"\xff" * 4}), (NEW, {"x04000102": b"\x99\x99\x99"}),
        (OLD, {"xC010": b"\xff" * 4}),
    ],
)  # fmt: skip
def test_a_clock_that_tells_no_time_costs_nothing_else(
    protocol: str, instead: dict[str, bytes]
) -> None:
    wire = Wire(Bench(protocol), lambda _: False, **instead)
    found = wire.collect()
    assert "clock" in found.refused
    assert len(found.registers.values) > 20
    told = wire.read(TOTAL, "0.0.1.0.0.255")
    assert ([value.obis for value in told.values], list(told.refused)) == (
        [TOTAL], ["0.0.1.0.0.255"]
    )  # fmt: skip


def test_a_clock_that_nobody_answers_for_costs_nothing_else() -> None:
    wire = Wire(Bench(), lambda di: di == 0x04000102)
    found = wire.collect()
    assert list(found.refused) == ["clock"]
    assert len(found.profiles["load"].rows) > 0


def test_load_records_that_are_none_cost_nothing_else() -> None:
    wire = Wire(Bench(), lambda _: False, x06000001=b"\xa0\xa0\x05nonsense")
    found = wire.collect()
    assert list(found.refused) == ["load"]
    assert len(found.registers.values) > 20


def test_a_demand_whose_time_nobody_tells_has_none() -> None:
    wire = Wire(Bench(OLD), lambda di: di >> 12 == 0xB and di >> 8 & 0xF < 2)
    (value,) = wire.read("1.0.1.6.0.255").values
    assert (value.value is not None, value.time) == (True, None)


def test_a_settlement_that_breaks_off_is_not_told_by_halves() -> None:
    bench = Bench(blocks=False)
    begin, kept = NOW - timedelta(days=70), 0x00010001
    wire = Wire(bench, lambda di: di >> 24 in {0, 1} and di & 0xFF == 1 and di != kept)
    with pytest.raises(MeterSilent):
        converse(bench.driver.profile("billing", begin, NOW), wire)
    wire.deaf = lambda di: di == 0x01010001
    told = converse(bench.driver.profile("billing", begin, NOW), wire)
    assert len(told.rows) > 0, "one value that it says nothing to is one that it does not have"

"""The schedule: who is read when, over a virtual day, with exact counts."""

from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
import trio
from actor_bench import START, Bench, device
from trio.testing import MockClock

from actors.actor import Actor
from actors.collector import RETRY_SPREAD, CatchUp, Schedule, slot_s
from actors.meter_messages import Collect
from hes.devices import Device
from hes.events.reading import FailureReason
from hes.ids import MeterId, ModemId

HOUR = 3600.0
DAY = 24 * HOUR
HALF_HOURLY = Schedule()


class Told(Actor):
    """A meter that notes when it is told to collect."""

    def __init__(self, meter: MeterId, board: "Board") -> None:
        self._meter = meter
        self._board = board

    async def receive(self, message: Any) -> None:
        assert isinstance(message, Collect)
        self._board.asked[self._meter].append((trio.current_time(), message))


class Board:
    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.asked: defaultdict[str, list[tuple[float, Collect]]] = defaultdict(list)
        bench.context.make_meter = lambda meter: Told(meter, self)

    def times(self, meter: str = "m1") -> list[float]:
        return [at for at, _ in self.asked[meter]]

    @property
    def counts(self) -> Counter[str]:
        return Counter({meter: len(asked) for meter, asked in self.asked.items()})

    def missed(self, meter: str = "m1", reason: FailureReason = FailureReason.NO_ANSWER) -> None:
        self.bench.context.on_missed(MeterId(meter), reason)

    def caught_up(self, modem: str = "M1") -> None:
        collector = self.bench.node.find_child("collector")
        assert collector is not None
        collector.tell(CatchUp(ModemId(modem)))


@asynccontextmanager
async def board(
    *devices: Device, schedule: Schedule = HALF_HOURLY, start: datetime = START
) -> AsyncIterator[Board]:
    bench = Bench(devices, schedule=schedule, start=start)
    made = Board(bench)
    async with bench.run():
        yield made


async def test_every_meter_is_read_48_times_a_day_at_its_own_moment(
    autojump_clock: MockClock,
) -> None:
    names = [f"m{number}" for number in range(50)]
    async with board(*(device(name, f"M{name}") for name in names)) as b:
        await trio.sleep(DAY)
        assert b.counts == Counter(dict.fromkeys(names, 48))
        for name in names:
            # The node starts at noon, which is on the grid.
            slot = slot_s(MeterId(name), 600.0)
            assert b.times(name) == pytest.approx([slot + n * 1800.0 for n in range(48)])
        assert {message for _, message in b.asked["m1"]} == {Collect(1800.0)}


async def test_the_reads_are_spread_over_the_jitter(autojump_clock: MockClock) -> None:
    async with board(*(device(f"m{n}", f"M{n}") for n in range(600))) as b:
        await trio.sleep(1800)
        minutes = Counter(int(b.times(f"m{n}")[0] // 60) for n in range(600))
        assert set(minutes) == set(range(10))
        assert all(35 <= count <= 85 for count in minutes.values())


def test_a_slot_is_the_same_on_every_machine_and_within_the_jitter() -> None:
    assert slot_s(MeterId("18097634"), 600.0) == slot_s(MeterId("18097634"), 600.0)
    assert all(0 <= slot_s(MeterId(str(n)), 600.0) < 600.0 for n in range(1000))
    assert slot_s(MeterId("a"), 0.0) == 0.0


async def test_another_period_keeps_the_grid_of_the_clock(autojump_clock: MockClock) -> None:
    schedule = Schedule(every_s=900.0, jitter_s=0.0)
    start = START + timedelta(seconds=100)  # noon, and 100 s into a quarter of an hour
    async with board(device(), schedule=schedule, start=start) as b:
        await trio.sleep(HOUR)
        assert b.times() == pytest.approx([800.0 + 900.0 * n for n in range(4)])


async def test_a_jitter_longer_than_the_period_is_cut(autojump_clock: MockClock) -> None:
    schedule = Schedule(every_s=60.0, jitter_s=600.0)
    async with board(*(device(f"m{n}", f"M{n}") for n in range(20)), schedule=schedule) as b:
        await trio.sleep(600)
        assert set(b.counts.values()) == {10}


async def test_who_only_pushes_is_never_asked(autojump_clock: MockClock) -> None:
    silent = [
        device("push", "P", link="dlms-push"),
        device("alarm", "A", link="dsmr4"),
        device("other", "O", protocol="telepathy"),
    ]
    async with board(device(), *silent) as b:
        await trio.sleep(2 * HOUR)
        b.caught_up("P")
        b.caught_up("A")
        b.caught_up("O")
        await trio.sleep(60)
        assert set(b.counts) == {"m1"}


async def test_a_schedule_that_is_switched_off_asks_nobody(autojump_clock: MockClock) -> None:
    async with board(device(), schedule=Schedule(enabled=False)) as b:
        b.caught_up()
        await trio.sleep(DAY)
        assert b.counts == Counter()


async def test_meters_that_are_imported_later_join_the_grid(autojump_clock: MockClock) -> None:
    async with board(device()) as b:
        await trio.sleep(4000)
        b.bench.add(device("m2", "M2"))
        await trio.sleep(DAY - 4000)
        assert b.counts["m1"] == 48
        first = 3600.0 + slot_s(MeterId("m2"), 600.0)
        first += 1800.0 if first < 4000 else 0.0
        count = int((DAY - first) // 1800.0) + 1
        assert b.times("m2") == pytest.approx([first + 1800.0 * n for n in range(count)])


async def test_an_import_of_the_same_meters_changes_nothing(autojump_clock: MockClock) -> None:
    async with board(device()) as b:
        for _ in range(10):
            await trio.sleep(300)
            b.bench.add(device())
        await trio.sleep(DAY - 3000)
        assert b.counts == Counter(m1=48)


async def test_a_meter_that_is_to_push_from_now_on_is_asked_no_more(
    autojump_clock: MockClock,
) -> None:
    async with board(device()) as b:
        await trio.sleep(HOUR)
        b.bench.add(device(link="dlms-push"))
        await trio.sleep(DAY)
        assert b.counts == Counter(m1=2)
        b.bench.add(device())
        await trio.sleep(DAY)
        assert b.counts == Counter(m1=2 + 48)


async def test_a_modem_that_connects_is_read_soon_if_it_was_not_lately(
    autojump_clock: MockClock,
) -> None:
    async with board(device("m1"), device("m2"), device("m3", "M2")) as b:
        await trio.sleep(1500)
        b.caught_up()
        await trio.sleep(100)
        for meter in ("m1", "m2"):
            at, message = b.asked[meter][-1]
            assert at == pytest.approx(1500 + slot_s(MeterId(meter), 30.0))
            # Whether it was read lately is for the meter to say.
            begun = at - slot_s(MeterId(meter), 600.0)
            assert message == Collect(pytest.approx(1800.0 - begun), pytest.approx(begun))
        assert b.counts == Counter(m1=2, m2=2, m3=1)


async def test_a_modem_that_comes_and_goes_is_not_asked_each_time(
    autojump_clock: MockClock,
) -> None:
    async with board(device()) as b:
        await trio.sleep(1000)
        for _ in range(12):
            b.caught_up()
            await trio.sleep(5)
        assert b.counts == Counter(m1=1 + 2)


async def test_a_meter_with_too_much_to_do_does_not_stop_the_others(
    autojump_clock: MockClock,
) -> None:
    async with board(device("busy", "B"), device("m1")) as b:
        ref = b.bench.meter("busy")
        await trio.sleep(1)

        async def stuck(_message: Any) -> None:
            await trio.sleep_forever()

        assert ref.actor is not None
        ref.actor.receive = stuck  # type: ignore[method-assign]
        for _ in range(257):
            ref.tell(Collect(1.0))
            await trio.lowlevel.checkpoint()
        await trio.sleep(DAY)
        assert b.counts["m1"] == 48


# -- a read that fails is tried again within its period


SLOT = slot_s(MeterId("m1"), 600.0)
"""When the first read of m1 is due; its period ends half an hour later."""


def after(pause_s: float) -> float:
    return pause_s + slot_s(MeterId("m1"), RETRY_SPREAD * pause_s)


async def failing(b: Board, *, until: float, answers_s: float = 1.0) -> None:
    """Let every read of m1 fail a second after it was asked for."""
    told = 0
    while trio.current_time() < until:
        await trio.sleep(answers_s)
        if len(b.times()) > told:
            told = len(b.times())
            b.missed()


async def test_a_failed_read_is_tried_again_after_1_5_and_15_minutes(
    autojump_clock: MockClock,
) -> None:
    async with board(device()) as b:
        await failing(b, until=SLOT + 1799)
        pauses = [after(60.0), after(300.0), after(900.0)]
        times = b.times()
        assert len(times) == 4
        assert times[0] == pytest.approx(SLOT)
        for before, at, pause_s in zip(times, times[1:], pauses, strict=False):
            assert at - before == pytest.approx(pause_s + 1, abs=1.01)
        # Who was read meanwhile, by whatever occasion, is not asked again.
        for at, message in b.asked["m1"][1:]:
            assert message.unless_within_s == pytest.approx(at - SLOT)
            assert message.deadline_s == pytest.approx(SLOT + 1800 - at)


async def test_each_period_has_tries_of_its_own(autojump_clock: MockClock) -> None:
    async with board(device()) as b:
        await failing(b, until=3 * HOUR)
        assert b.counts["m1"] == 6 * 4


async def test_no_try_reaches_into_the_next_period(autojump_clock: MockClock) -> None:
    schedule = Schedule(every_s=600.0, jitter_s=0.0)
    async with board(device(), schedule=schedule) as b:
        await failing(b, until=HOUR)
        # Ten minutes have room for the first two; the regular reads keep their grid.
        assert b.counts["m1"] == 6 * 3
        regular = [at for at, told in b.asked["m1"] if told == Collect(600.0)]
        assert regular == pytest.approx([600.0 * n for n in range(6)])


@pytest.mark.parametrize("reason", ["no-modem", "refused", "internal", "partial"])
async def test_what_would_fail_again_is_not_tried_again(
    autojump_clock: MockClock, reason: str
) -> None:
    async with board(device()) as b:
        await trio.sleep(SLOT + 1)
        b.missed(reason=FailureReason(reason))
        await trio.sleep(1700)
        assert b.counts["m1"] == 1


async def test_a_modem_that_comes_back_is_read_once_not_twice(autojump_clock: MockClock) -> None:
    async with board(device()) as b:
        await trio.sleep(SLOT + 1)
        b.caught_up()
        await trio.lowlevel.checkpoint()
        b.missed(reason=FailureReason.CUT)
        await trio.sleep(200)
        assert b.counts["m1"] == 2
        b.missed()
        await trio.sleep(100)
        assert b.counts["m1"] == 3


async def test_who_left_the_list_is_not_tried_again(autojump_clock: MockClock) -> None:
    async with board(device()) as b:
        b.missed("stranger")
        await trio.sleep(SLOT + 1)
        b.missed()
        b.bench.add(device(link="dlms-push"))
        await trio.sleep(DAY)
        assert b.counts == Counter(m1=1)

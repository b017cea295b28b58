"""Pushes that are larger than an event may be: in parts or cut, never refused, once each."""

from actor_bench import START, Bench, settled
from scripted_meter import WIRED, confirmations, event_of, push_of, register
from trio.testing import MockClock

from hes.events.meter_event import MeterEvent
from hes.events.reading import PushKept, Reading
from hes.rules.event_size import CUT, EVENT_SIZE_MAX, size_of
from protocols.dlms import axdr_encode as ax
from protocols.dlms.cosem import obis_bytes


def octets(code: str, value: bytes) -> bytes:
    return ax.structure(ax.octets(obis_bytes(code)), ax.octets(value))


async def test_a_push_of_many_octet_strings_is_stored_in_parts(autojump_clock: MockClock) -> None:
    told = [bytes([n]) * 90 for n in range(60)]
    push = push_of(5, *[octets(f"0.0.96.1.{n}.255", v) for n, v in enumerate(told)], at=START)
    async with Bench([WIRED]).run() as bench:
        call = await bench.call_in()
        for times in (1, 2):
            call.say(push)
            await settled()
            readings = bench.of_meter(Reading)
            assert len(readings) > 1
            assert [value for one in readings for value in one.values] == told
            codes = [channel.obis for one in readings for channel in one.layout.channels]
            assert codes == [f"0.0.96.1.{n}.255" for n in range(60)]
            assert all(size_of(one) <= EVENT_SIZE_MAX for one in readings)
            assert confirmations(call.take()) == [5], f"the push came {times} times"
        assert bench.of_meter(PushKept) == []


async def test_a_push_of_one_giant_value_is_read_and_kept_whole(autojump_clock: MockClock) -> None:
    giant = bytes(range(256)) * 20
    push = push_of(
        5, register("1.0.1.8.0.255", 7), octets("0.0.96.1.0.255", giant), at=START
    )  # fmt: skip
    async with Bench([WIRED]).run() as bench:
        call = await bench.call_in()
        call.say(push, push)
        await settled()
        (reading,) = bench.of_meter(Reading)
        assert reading.values == (7, [CUT, 5120, giant[:240]])
        kept = bench.of_meter(PushKept)
        assert {one.reason for one in kept} == {"too-large"}
        assert b"".join(one.data for one in kept) == push[8:]
        assert confirmations(call.take()) == [5, 5]
    async with Bench([WIRED], log=bench.log).run() as again:  # a repeat is known after a restart
        call = await again.call_in()
        call.say(push)
        await settled()
        assert len(again.of_meter(Reading)) == 1


async def test_an_event_with_a_giant_value_is_cut_and_kept_whole(autojump_clock: MockClock) -> None:
    frame = event_of("0.0.97.97.9.255", ax.octets(b"\xff" * 6000), at=START)
    async with Bench([WIRED]).run() as bench:
        call = await bench.call_in()
        call.say(frame)
        await settled()
        (event,) = bench.of_meter(MeterEvent)
        assert event.detail.endswith(" octets)")
        assert size_of(event) <= EVENT_SIZE_MAX
        assert b"".join(one.data for one in bench.of_meter(PushKept)) == frame[8:]

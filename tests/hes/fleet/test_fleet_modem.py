from collections.abc import Callable
from itertools import pairwise
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from hes.fleet.options import FleetOptions
from hes.fleet.weather import FaultProfile
from protocols.dlms import hdlc
from protocols.dlms.apdu import decode_apdu
from protocols.dlms.apdu_push import EventNotification
from protocols.dlms.hdlc import HdlcReader, Kind
from protocols.dlms.wrapper import encode_wpdu, read_capture

MakeBench = Callable[..., Any]
HDLC = FleetOptions(
    meters=1, multidrop_share=0, wrapper_share=0, gmac_share=0, low_share=0, push_share=1,
    push_every_s=600, heartbeat_s=0,
)  # fmt: skip
WRAPPER = msgspec.structs.replace(HDLC, wrapper_share=1)
SILENT = msgspec.structs.replace(HDLC, push_share=0)
AARQ = bytes.fromhex("601da109060760857405080101be10040e01000000065f1f040000fe1fffff")


def but(options: FleetOptions, **changed: Any) -> FleetOptions:
    return msgspec.structs.replace(options, **changed)


def snrm(logical: int, physical: int) -> bytes:
    size = 2 if physical < 0x80 else 4
    address = hdlc.encode_address(logical, physical, size)
    return hdlc.encode_frame(address, hdlc.encode_address(1, None, 1), hdlc.SNRM)


# -- what a modem says by itself


async def test_it_says_who_it_is_once(bench: MakeBench, autojump_clock: MockClock) -> None:
    fleet = bench(SILENT)
    await trio.sleep(3600)
    assert [session.heard for session in fleet.sessions] == [[(0, fleet.registration)]]
    assert fleet.statistics.connected == 1


async def test_its_heartbeat_comes_on_time(bench: MakeBench, autojump_clock: MockClock) -> None:
    fleet = bench(but(SILENT, heartbeat_s=60, heartbeat=r"HB\x00"))
    await trio.sleep(181)
    assert fleet.sessions[0].heard[1:] == [(60, b"HB\0"), (120, b"HB\0"), (180, b"HB\0")]


async def test_without_a_heartbeat_of_its_own_it_registers_again(
    bench: MakeBench, autojump_clock: MockClock
) -> None:
    fleet = bench(but(SILENT, heartbeat_s=60))
    await trio.sleep(61)
    assert fleet.sessions[0].heard == [(0, fleet.registration), (60, fleet.registration)]


@pytest.mark.parametrize(("mode", "count"), [("link", 1), ("data", 3), ("both", 4)])
async def test_where_the_registration_stands(
    bench: MakeBench, autojump_clock: MockClock, mode: str, count: int
) -> None:
    fleet = bench(but(HDLC, registration_mode=mode, push_every_s=10))
    await trio.sleep(29.99)
    session = fleet.sessions[0]
    assert len(session.pushes) == 3
    assert session.bytes_in.count(fleet.registration) == count
    assert session.bytes_in.startswith(fleet.registration)


# -- pushes


@pytest.mark.parametrize("options", [HDLC, WRAPPER])
async def test_a_confirmed_push_is_sent_once(
    bench: MakeBench, autojump_clock: MockClock, options: FleetOptions
) -> None:
    fleet = bench(options)
    await trio.sleep(1800)
    times = [at for at, _ in fleet.sessions[0].heard[1:]]
    assert [later - times[0] for later in times] == pytest.approx([0, 600, 1200])
    assert len({push.apdu for push in fleet.sessions[0].pushes}) == 3
    told = fleet.statistics
    assert (told.pushes, told.pushes_sent, told.pushes_confirmed) == (3, 3, 3)
    assert told.requests == 0


async def test_an_unconfirmed_push_is_sent_again_as_it_was(
    bench: MakeBench, autojump_clock: MockClock
) -> None:
    fleet = bench(but(HDLC, push_every_s=40, resend_s=30), confirm=False)
    await trio.sleep(40)
    fleet.head_end.confirm = True
    await trio.sleep(60)
    pushes = [push.apdu for push in fleet.sessions[0].pushes]
    assert pushes[0] == pushes[1]
    assert len(set(pushes[1:])) == len(pushes) - 1
    assert fleet.statistics.pushes_resent == 1
    assert fleet.statistics.pushes_confirmed == fleet.statistics.pushes


async def test_an_unconfirmed_push_is_sent_again_on_the_next_connection(
    bench: MakeBench, autojump_clock: MockClock
) -> None:
    fleet = bench(but(HDLC, resend_s=10_000), confirm=False)
    await trio.sleep(600)
    await fleet.sessions[0].stream.aclose()
    await trio.sleep(10)
    first, second = fleet.sessions
    assert [push.apdu for push in first.pushes] == [push.apdu for push in second.pushes]
    assert second.bytes_in.startswith(fleet.registration)
    assert fleet.statistics.reconnects == 1


async def test_without_confirmation_each_push_is_sent_once(
    bench: MakeBench, autojump_clock: MockClock
) -> None:
    fleet = bench(but(HDLC, confirm=False), confirm=False)
    await trio.sleep(1800)
    assert [push.apdu[1] for push in fleet.sessions[0].pushes] == [0, 0, 0]
    assert (fleet.statistics.pushes, fleet.statistics.pushes_sent) == (3, 3)


async def test_a_faster_fleet_pushes_more_often(
    bench: MakeBench, autojump_clock: MockClock
) -> None:
    fleet = bench(but(HDLC, speed=60))
    await trio.sleep(100)
    assert fleet.statistics.pushes == 10


# -- connections


async def test_it_calls_again_when_the_head_end_hangs_up(
    bench: MakeBench, autojump_clock: MockClock
) -> None:
    fleet = bench(SILENT)
    for _ in range(5):
        await trio.sleep(100)
        await fleet.sessions[-1].stream.aclose()
    await trio.sleep(100)
    told = fleet.statistics
    assert (told.hang_ups, told.reconnects, told.connections, told.connected) == (5, 5, 6, 1)
    waits = [s.began - 100 * number for number, s in enumerate(fleet.sessions) if number]
    assert all(0 < wait_s <= 1.5 for wait_s in waits)


async def test_the_pauses_between_attempts_grow_up_to_a_limit(
    bench: MakeBench, autojump_clock: MockClock
) -> None:
    fleet = bench(SILENT)
    fleet.head_end.away = True
    await trio.sleep(3600)
    attempts = fleet.head_end.attempts
    pauses = [b - a for a, b in pairwise(attempts)]
    assert 1 <= pauses[0] <= 3
    assert max(pauses) <= 90
    assert min(pauses[8:]) >= 30
    assert fleet.statistics.refused == len(attempts)
    fleet.head_end.away = False
    await trio.sleep(91)
    assert fleet.statistics.connected == 1


async def test_a_head_end_that_takes_nothing_is_left(
    autojump_clock: MockClock, bench: MakeBench
) -> None:
    fleet = bench(SILENT)

    async def dial_deaf() -> trio.abc.Stream:
        theirs, _ = trio.testing.lockstep_stream_pair()
        fleet.head_end.attempts.append(trio.current_time())
        return theirs

    fleet.modem._world = msgspec.structs.replace(fleet.modem._world, connect=dial_deaf)
    await trio.sleep(200)
    attempts = fleet.head_end.attempts
    assert len(attempts) == 4
    assert all(60.5 <= b - a <= 61.5 for a, b in pairwise(attempts))


# -- the serial line


async def test_only_the_addressed_meter_answers_on_hdlc(
    bench: MakeBench, autojump_clock: MockClock
) -> None:
    fleet = bench(but(SILENT, meters=3, meters_per_modem=3, multidrop_share=1))
    await trio.sleep(1)
    session = fleet.sessions[0]
    for meter in fleet.plan.meters:
        before = len(session.bytes_in)
        await session.stream.send_all(snrm(meter.logical, meter.physical))
        await trio.sleep(1)
        reader = HdlcReader()
        reader.receive_data(session.bytes_in[before:])
        frame = reader.next_frame()
        assert frame is not None
        assert frame.kind is Kind.UA
        assert hdlc.decode_address(frame.source) == (meter.logical, meter.physical)
        assert reader.next_frame() is None
    await session.stream.send_all(snrm(1, fleet.plan.meters[-1].physical + 1))
    before = len(session.bytes_in)
    await trio.sleep(10)
    assert len(session.bytes_in) == before


async def test_only_the_addressed_meter_answers_on_the_wrapper(
    bench: MakeBench, autojump_clock: MockClock
) -> None:
    fleet = bench(
        but(SILENT, wrapper_share=1, meters=3, meters_per_modem=3, multidrop_share=1)
    )  # fmt: skip
    await trio.sleep(1)
    session = fleet.sessions[0]
    for port in (2, 3, 1):
        before = len(session.bytes_in)
        await session.stream.send_all(encode_wpdu(1, port, AARQ))
        await trio.sleep(1)
        (answer,) = read_capture(session.bytes_in[before:])
        assert (answer.source, answer.destination, answer.apdu[0]) == (port, 1, 0x61)
    assert fleet.statistics.requests == 3


async def test_half_a_request_does_not_reach_into_the_next_connection(
    bench: MakeBench, autojump_clock: MockClock
) -> None:
    fleet = bench(but(SILENT, wrapper_share=1))
    await trio.sleep(1)
    await fleet.sessions[0].stream.send_all(encode_wpdu(1, 1, AARQ)[:20])
    await trio.sleep(1)
    await fleet.sessions[0].stream.aclose()
    await trio.sleep(10)
    session = fleet.sessions[1]
    await session.stream.send_all(encode_wpdu(1, 1, AARQ))
    await trio.sleep(1)
    assert session.bytes_in[len(fleet.registration) + 8] == 0x61


async def test_noise_from_the_head_end_ends_nothing(
    bench: MakeBench, autojump_clock: MockClock
) -> None:
    for options in (SILENT, but(SILENT, wrapper_share=1)):
        fleet = bench(options)
        await trio.sleep(1)
        for noise in (b"\x7e\xa0\x07", bytes(300), b"\xff" * 3000, snrm(1, 16)[:-3]):
            await fleet.sessions[0].stream.send_all(noise)
            await trio.sleep(1)
        assert fleet.statistics.connected == 1


# -- faults


async def test_a_power_failure_is_a_last_gasp_and_silence_and_a_push(
    bench: MakeBench, autojump_clock: MockClock
) -> None:
    options = but(HDLC, meters=2, meters_per_modem=2, multidrop_share=1, push_every_s=1e6)
    fleet = bench(options, profile=FaultProfile(outage_every_s=1000.0, outage_s=300.0))
    await trio.sleep(fleet.modem._due.outage_at + 3001)
    before, after = fleet.sessions[:2]
    events = [decode_apdu(push.apdu) for push in before.pushes]
    assert all(isinstance(event, EventNotification) for event in events)
    names = [meter.identity.serial.encode() for meter in fleet.plan.meters]
    assert [event.value for event in events] == names
    assert after.began - before.ended > 1
    assert [push.apdu[0] for push in after.pushes][:2] == [0x0F, 0x0F]
    assert fleet.statistics.outages >= 1


async def test_a_vanished_connection_stays_open_for_the_head_end(
    bench: MakeBench, autojump_clock: MockClock
) -> None:
    fleet = bench(SILENT, profile=FaultProfile(half_open=1))
    for count in (1, 2, 3):
        await trio.sleep(100)
        assert len(fleet.sessions) == count
        await fleet.sessions[-1].stream.send_all(snrm(1, 16))
    await trio.sleep(100)
    assert [session.ended is None for session in fleet.sessions] == [False, False, True, True]
    assert fleet.statistics.faults == {"half_open": 3}


async def test_a_mute_modem_does_not_answer(bench: MakeBench, autojump_clock: MockClock) -> None:
    fleet = bench(SILENT, profile=FaultProfile(mute=1, mute_s=20.0))
    meter = fleet.plan.meters[0]
    await trio.sleep(1)
    await fleet.sessions[0].stream.send_all(snrm(meter.logical, meter.physical or 16))
    await trio.sleep(60)
    assert fleet.sessions[0].bytes_in == fleet.registration
    assert fleet.statistics.faults == {"mute": 1}


async def test_an_echoing_line_gives_the_request_back_first(
    bench: MakeBench, autojump_clock: MockClock
) -> None:
    fleet = bench(SILENT, profile=FaultProfile(echo=1))
    request = snrm(1, fleet.plan.meters[0].physical or 16)
    await trio.sleep(1)
    await fleet.sessions[0].stream.send_all(request)
    await trio.sleep(1)
    told = fleet.sessions[0].bytes_in[len(fleet.registration) :]
    assert told.startswith(request)
    assert len(told) > len(request)


async def test_a_cut_ends_the_connection(bench: MakeBench, autojump_clock: MockClock) -> None:
    fleet = bench(HDLC, profile=FaultProfile(cut=1))
    await trio.sleep(600)
    assert fleet.sessions[0].ended is not None
    assert fleet.sessions[0].pushes == []
    assert fleet.statistics.faults["cut"] == fleet.statistics.pushes_sent


async def test_latency_delays_an_answer(bench: MakeBench, autojump_clock: MockClock) -> None:
    fleet = bench(SILENT, profile=FaultProfile(latency_s=5.0, spread=0.0))
    await trio.sleep(1)
    await fleet.sessions[0].stream.send_all(snrm(1, fleet.plan.meters[0].physical or 16))
    await trio.sleep(10)
    assert [at for at, _ in fleet.sessions[0].heard] == [0, 6]

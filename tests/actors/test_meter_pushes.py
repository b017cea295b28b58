"""What a meter sends by itself: judged, stored, and confirmed only when it is on the disk."""

from datetime import timedelta

import pytest
import trio
from actor_bench import START, Bench, device, settled
from scripted_meter import (
    ENERGY,
    VOLTAGE,
    WIRED,
    confirmations,
    event_of,
    push_of,
    register,
)
from trio.testing import MockClock

from hes.events.meter_event import MeterEvent
from hes.events.power import PowerFailure, PowerRestored, PowerSign
from hes.events.reading import PushKept, Reading, Source
from hes.events.voltage import OverVoltage, OverVoltageCleared
from hes.meter_state import SNAPSHOT_EVERY
from protocols.dlms import axdr_encode as ax
from protocols.dlms.apdu_ciphered import GENERAL_GLO, encode_ciphered
from protocols.dlms.apdu_push import encode_data_notification
from protocols.dlms.security import protect
from protocols.dlms.wrapper import encode_wpdu

KEY, AK, TITLE = b"K" * 16, b"A" * 16, b"TST\x00\x00\x00\x00\x01"
SEALED = device(framing="wrapper", encryption_key=KEY, authentication_key=AK, system_title=TITLE)
VOLTS = 35


def energy(number: int, value: int | None = None) -> bytes:
    return push_of(number, register(ENERGY, number if value is None else value), at=START)


def volts(number: int, voltage_v: float) -> bytes:
    return push_of(number, register(VOLTAGE, round(voltage_v * 10), -1, VOLTS), at=START)


def sealed(counter: int, value: int) -> bytes:
    plain = encode_data_notification(counter, None, ax.array(register(ENERGY, value)))
    message = protect(plain, title=TITLE, control=0x30, counter=counter, key=KEY, ak=AK)
    return encode_wpdu(1, 103, encode_ciphered(GENERAL_GLO, message, TITLE))


def values(bench: Bench) -> list[object]:
    return [reading.values[0] for reading in bench.of_meter(Reading)]


async def test_a_push_becomes_one_reading_and_is_confirmed(autojump_clock: MockClock) -> None:
    async with Bench([WIRED]).run() as bench:
        call = await bench.call_in()
        call.say(push_of(5, register(ENERGY, 1234, -1), at=START - timedelta(seconds=3)))
        await settled()
        (reading,) = bench.of_meter(Reading)
        (channel,) = reading.layout.channels
        assert (channel.obis, channel.scaler, channel.unit) == (ENERGY, -1, 30)
        assert (reading.values, reading.source) == ((1234,), Source.PUSH)
        assert reading.device_time == START - timedelta(seconds=3)
        assert reading.received_at == START
        assert confirmations(call.take()) == [5]


async def test_who_wants_no_confirmation_gets_none(autojump_clock: MockClock) -> None:
    async with Bench([WIRED]).run() as bench:
        call = await bench.call_in()
        call.say(push_of(5, register(ENERGY, 1), at=START, confirmed=False))
        await settled()
        assert len(bench.of_meter(Reading)) == 1
        assert call.take() == b""


async def test_nothing_is_confirmed_before_it_is_on_the_disk(autojump_clock: MockClock) -> None:
    async with Bench([WIRED]).run() as bench:
        call = await bench.call_in()
        bench.gate.shut()
        call.say(energy(1), energy(2), energy(3))
        await settled()
        assert (values(bench), call.take()) == ([], b"")
        bench.gate.open()
        await settled()
        assert values(bench) == [1, 2, 3]
        assert confirmations(call.take()) == [1, 2, 3]


async def test_a_repeat_is_confirmed_again_and_stored_once(autojump_clock: MockClock) -> None:
    async with Bench([WIRED]).run() as bench:
        call = await bench.call_in()
        call.say(energy(1), energy(1), energy(2), energy(1))
        await settled()
        assert values(bench) == [1, 2]
        assert confirmations(call.take()) == [1, 1, 2, 1]


async def test_a_repeat_over_another_connection_after_a_restart_is_known(
    autojump_clock: MockClock,
) -> None:
    async with Bench([WIRED]).run() as bench:
        call = await bench.call_in()
        call.say(energy(1))
        await settled()
    async with Bench([WIRED], log=bench.log).run() as again:
        call = await again.call_in()
        call.say(energy(1), energy(2))
        await settled()
        assert values(again) == [1, 2]
        assert confirmations(call.take()) == [1, 2]


async def test_equal_values_without_time_and_number_are_two_observations(
    autojump_clock: MockClock,
) -> None:
    async with Bench([WIRED]).run() as bench:
        call = await bench.call_in()
        call.say(push_of(0, register(ENERGY, 7)), push_of(0, register(ENERGY, 7)))
        await settled()
        assert values(bench) == [7, 7]


async def test_what_is_not_stored_is_not_confirmed_and_may_come_again(
    autojump_clock: MockClock,
) -> None:
    async with Bench([WIRED]).run() as bench:
        call = await bench.call_in()
        call.say(energy(1))
        await settled()
        bench.gate.failures = 1
        call.say(energy(2))
        await settled()
        assert (values(bench), confirmations(call.take())) == ([1], [1])
        pages = bench.log.pages_read
        call.say(energy(2), energy(1))
        await settled()
        assert (values(bench), confirmations(call.take())) == ([1, 2], [2, 1])
        assert bench.log.pages_read > pages, "the memory was not loaded anew"
        assert bench.crashes() == {}


async def test_a_sample_that_is_not_stored_does_not_count_for_an_alarm(
    autojump_clock: MockClock,
) -> None:
    async with Bench([WIRED]).run() as bench:
        call = await bench.call_in()
        bench.gate.failures = 1
        call.say(volts(1, 250.0))
        await settled()
        call.say(volts(1, 250.0))
        await settled()
        assert bench.of_meter(OverVoltage) == []


async def test_a_store_that_cannot_be_read_is_no_crash(autojump_clock: MockClock) -> None:
    async with Bench([WIRED]).run() as bench:
        call = await bench.call_in()
        bench.log.away = True
        for number in range(20):
            call.say(energy(number + 1))
            await settled()
        assert (bench.crashes(), call.take()) == ({}, b"")
        bench.log.away = False
        call.say(energy(1))
        await settled()
        assert confirmations(call.take()) == [1]


async def test_the_answer_goes_to_the_connection_that_asked_or_nowhere(
    autojump_clock: MockClock,
) -> None:
    async with Bench([WIRED]).run() as bench:
        old = await bench.call_in()
        bench.gate.shut()
        old.say(energy(1))
        await settled()
        old.hang_up()
        bench.gate.open()
        new = await bench.call_in()
        assert (old.take(), new.take()) == (b"", b"")
        new.say(energy(1))
        await settled()
        assert confirmations(new.take()) == [1]
        assert values(bench) == [1]


# -- counters


async def test_a_ciphered_push_counts_once_and_a_replay_is_kept_as_such(
    autojump_clock: MockClock,
) -> None:
    async with Bench([SEALED]).run() as bench:
        call = await bench.call_in()
        call.say(sealed(100, 1))
        await settled()
        for number in range(70):  # more than the digests that are remembered
            call.say(sealed(101 + number, 2 + number))
            await settled()
        before = len(values(bench))
        call.say(sealed(100, 1))
        await settled()
        assert len(values(bench)) == before == 71
        (kept,) = bench.of_meter(PushKept)
        assert kept.reason == "stale-counter"
        assert "100 was used before" in kept.detail
        assert kept.data == sealed(100, 1)[8:]


async def test_store_and_forward_may_come_out_of_order(autojump_clock: MockClock) -> None:
    async with Bench([SEALED]).run() as bench:
        call = await bench.call_in()
        for counter in (110, 109, 111, 105):
            call.say(sealed(counter, counter))
            await settled()
        assert values(bench) == [110, 109, 111, 105]
        assert [r.counter for r in bench.of_meter(Reading)] == [110, 109, 111, 105]


async def test_a_push_with_a_wrong_tag_is_kept_raw(autojump_clock: MockClock) -> None:
    async with Bench([SEALED]).run() as bench:
        call = await bench.call_in()
        frame = bytearray(sealed(1, 1))
        frame[-1] ^= 1
        call.say(bytes(frame))
        await settled()
        assert bench.of_meter(Reading) == []
        (kept,) = bench.of_modem(PushKept)
        assert (kept.reason, kept.system_title) == ("auth-tag", TITLE.hex())


async def test_bare_values_are_kept_raw_never_guessed(autojump_clock: MockClock) -> None:
    async with Bench([WIRED]).run() as bench:
        call = await bench.call_in()
        frame = push_of(3, ax.u32(1), ax.u32(2))
        call.say(frame, frame)
        await settled()
        (kept,) = bench.of_meter(PushKept)
        assert (kept.reason, kept.data) == ("positional", frame[8:])
        assert confirmations(call.take()) == [3, 3]


# -- rules


async def test_over_voltage_needs_two_samples_and_clears_below_the_hysteresis(
    autojump_clock: MockClock,
) -> None:
    async with Bench([WIRED]).run() as bench:
        call = await bench.call_in()
        told = []
        # 230 V: raised above 241.5 V, cleared below 239.2 V.
        course = [242.0, 230.0, 242.0, 243.5, 250.0, 240.0, 239.0, 240.0, 239.0, 238.0, 242.0]
        for number, voltage_v in enumerate(course, start=1):
            call.say(volts(number, voltage_v))
            await settled()
            told.append((len(bench.of_meter(OverVoltage)), len(bench.of_meter(OverVoltageCleared))))
        raised, cleared = (1, 0), (1, 1)
        assert told == [(0, 0)] * 3 + [raised] * 6 + [cleared] * 2
        (alarm,) = bench.of_meter(OverVoltage)
        assert (alarm.phase, alarm.voltage_v, alarm.limit_v) == ("L1", 243.5, 241.5)
        assert "39/2015" in alarm.reference


async def test_an_alarm_is_raised_once_over_a_restart(autojump_clock: MockClock) -> None:
    async with Bench([WIRED]).run() as bench:
        call = await bench.call_in()
        call.say(volts(1, 250.0), volts(2, 250.0))
        await settled()
        bench.meter().kill("by a test")
        await trio.sleep(1)
        call.say(volts(3, 250.0), volts(4, 250.0), volts(5, 250.0))
        await settled()
        assert len(bench.of_meter(OverVoltage)) == 1


GASP = "128.128.128.128.128.0"
STANDARD_LOG = "0.0.96.11.0.255"


async def test_a_last_gasp_and_the_first_word_after_it_frame_an_outage(
    autojump_clock: MockClock,
) -> None:
    async with Bench([WIRED]).run() as bench:
        call = await bench.call_in()
        call.say(event_of(GASP, ax.octets(b"m1"), at=START))
        await settled()
        (failed,) = bench.of_meter(PowerFailure)
        assert (failed.sign, failed.device_time) == (PowerSign.LAST_GASP, START)
        autojump_clock.jump(90)
        call.say(energy(1))
        await settled()
        (restored,) = bench.of_meter(PowerRestored)
        assert (restored.sign, restored.outage_s) == (None, 90.0)
        call.say(energy(2))
        await settled()
        assert len(bench.of_meter(PowerRestored)) == 1


async def test_the_same_failure_told_in_two_ways_is_one(autojump_clock: MockClock) -> None:
    async with Bench([WIRED]).run() as bench:
        call = await bench.call_in()
        call.say(
            event_of(GASP, ax.octets(b"m1"), at=START),
            event_of(STANDARD_LOG, ax.u8(1), at=START),
            event_of(GASP, ax.octets(b"m1"), at=START),
        )
        await settled()
        assert len(bench.of_meter(PowerFailure)) == 1
        call.say(event_of(STANDARD_LOG, ax.u8(2), at=START + timedelta(seconds=60)))
        await settled()
        (restored,) = bench.of_meter(PowerRestored)
        assert restored.sign is PowerSign.METER_EVENT
        assert [event.code for event in bench.of_meter(MeterEvent)] == [1, 2]


async def test_a_return_whose_failure_we_did_not_see_is_told_without_a_duration(
    autojump_clock: MockClock,
) -> None:
    async with Bench([WIRED]).run() as bench:
        call = await bench.call_in()
        call.say(event_of(STANDARD_LOG, ax.u8(2), at=START))
        await settled()
        (restored,) = bench.of_meter(PowerRestored)
        assert restored.outage_s is None


async def test_an_unknown_code_is_an_event_all_the_same(autojump_clock: MockClock) -> None:
    async with Bench([WIRED]).run() as bench:
        call = await bench.call_in()
        call.say(event_of(STANDARD_LOG, ax.u8(77), at=START))
        await settled()
        (event,) = bench.of_meter(MeterEvent)
        assert (event.code, event.obis) == (77, STANDARD_LOG)
        assert bench.of_meter(PowerFailure) == []


# -- whose is it


@pytest.mark.parametrize("spelling", [b"AB-77", b"ab-77", b"AB-77\0\0"])
async def test_a_push_names_its_meter_among_several(
    autojump_clock: MockClock, spelling: bytes
) -> None:
    meters = [device(name, framing="wrapper", server_sap=2) for name in ("m1", "AB-77")]
    async with Bench(meters).run() as bench:
        call = await bench.call_in()
        serial = ax.structure(ax.octets(bytes((0, 0, 96, 1, 0, 255))), ax.octets(spelling))
        call.say(push_of(1, serial, register(ENERGY, 5), at=START, wport=9))
        await settled()
        assert len(bench.of_meter(Reading, "AB-77")) == 1


async def test_the_address_tells_when_no_name_does(autojump_clock: MockClock) -> None:
    meters = [device(f"m{n}", framing="wrapper", server_sap=n) for n in (1, 2, 3)]
    async with Bench(meters).run() as bench:
        call = await bench.call_in()
        call.say(push_of(1, register(ENERGY, 5), at=START, wport=2))
        call.say(push_of(2, register(ENERGY, 6), at=START, wport=4))
        await settled()
        assert [len(bench.of_meter(Reading, f"m{n}")) for n in (1, 2, 3)] == [0, 1, 0]
        assert len(bench.of_modem(PushKept)) == 1


# -- memory


async def test_a_start_reads_the_snapshot_and_what_came_after_it_only(
    autojump_clock: MockClock,
) -> None:
    async with Bench([WIRED]).run() as bench:
        call = await bench.call_in()
        for number in range(1, 3 * SNAPSHOT_EVERY + 8):
            call.say(energy(number))
            await settled()
        version, _ = bench.log.snapshots["meter:m1"]
        assert version == 3 * SNAPSHOT_EVERY
        read: list[int] = []
        whole = bench.log.read_stream

        def counted(stream: str, after: int, limit: int) -> list[object]:
            rows = whole(stream, after, limit)
            read.append(len(rows))
            return list(rows)

        bench.log.read_stream = counted  # type: ignore[method-assign,assignment]
        bench.meter().kill("by a test")
        await trio.sleep(1)
        call.say(energy(3 * SNAPSHOT_EVERY + 7))
        await settled()
        assert sum(read) == 7
        assert len(values(bench)) == 3 * SNAPSHOT_EVERY + 7  # the repeat was known


async def test_a_snapshot_that_cannot_be_written_changes_nothing(
    autojump_clock: MockClock,
) -> None:
    async with Bench([WIRED]).run() as bench:
        call = await bench.call_in()
        call.say(energy(1))
        await settled()
        bench.log.away = True
        for number in range(2, SNAPSHOT_EVERY + 2):
            call.say(energy(number))
            await settled()
        assert bench.crashes() == {}
        assert len(confirmations(call.take())) == SNAPSHOT_EVERY + 1

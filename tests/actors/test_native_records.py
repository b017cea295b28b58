"""Records of modems that store and forward: into the log once, acknowledged only then."""

from datetime import UTC, datetime
from typing import Any

import trio
from actor_bench import MemoryLog, device, settled
from native_modem import METER, NAME, NativeModem, flash, living, native_bench, record
from trio.testing import MockClock

from hes.events.base import DomainEvent
from hes.events.meter_event import MeterEvent
from hes.events.modem import ModemConnected, ModemDisconnected
from hes.events.modem_record import ModemAlarm, RecordsLost, RecordStored
from hes.events.power import PowerFailure, PowerRestored
from hes.events.reading import Reading, Source
from hes.ids import MeterId, meter_stream
from protocols.dlms import axdr_encode as ax
from protocols.dlms.apdu_push import encode_data_notification
from protocols.dlms.cosem import obis_bytes
from protocols.dlms.wrapper import encode_wpdu
from protocols.dlt645.frame import encode_frame
from protocols.hml1.kinds import Kind
from protocols.hml1.messages import Alarm
from protocols.iec62056_21.frame import encode_block

ENERGY = bytes.fromhex("00000100")  # total energy, as the standard sends it: 00 01 00 00 backwards


def answer(kwh: int, address: str = "1") -> bytes:
    """The answer of a DL/T 645 meter to 00010000."""
    digits = bytes.fromhex(f"{kwh * 100:08d}")[::-1]
    return encode_frame(address, 0x91, ENERGY + digits)


def numbers(log: MemoryLog) -> list[int]:
    events = log.events(f"modem:{NAME}")
    return [e.number for e in events if isinstance(e, RecordStored) and e.part == 1]


def readings(log: MemoryLog, meter: str = "m1") -> list[Any]:
    events: list[DomainEvent] = log.events(meter_stream(MeterId(meter)))
    return [e.values[0] for e in events if isinstance(e, Reading)]


async def test_records_become_readings_and_are_freed(autojump_clock: MockClock) -> None:
    async with native_bench().run() as bench:
        modem = NativeModem(bench)
        queue = modem.flash.queue
        for kwh in range(1, 21):
            queue.put(record(answer(kwh)))
        async with living(modem):
            await trio.sleep(5)
        assert numbers(bench.log) == list(range(1, 21))
        assert readings(bench.log) == [kwh * 100 for kwh in range(1, 21)]
        assert modem.freed == 20
        (first, *_) = bench.of_meter(Reading)
        assert (first.source, first.layout.channels[0].obis) == (Source.PUSH, "1.0.1.8.0.255")
        assert (first.layout.channels[0].scaler, first.layout.channels[0].unit) == (-2, 0x300 | 30)
        assert first.device_time == datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
        stored = bench.of_modem(RecordStored, NAME)[0]
        assert (stored.outcome, stored.data, stored.label) == ("reading", answer(1), b"00010000")
        assert [c.claim for c in bench.of_modem(ModemConnected, NAME)] == ["hmac"]
        assert bench.crashes() == {}


async def test_nothing_is_acknowledged_before_it_is_durable(autojump_clock: MockClock) -> None:
    async with native_bench().run() as bench:
        modem = NativeModem(bench)
        async with living(modem):
            await trio.sleep(1)
            bench.gate.shut()
            await modem.store(record(answer(7)))
            await trio.sleep(20)
            assert (modem.freed, numbers(bench.log)) == (0, [])
            bench.gate.open()
            await trio.sleep(1)
            assert (modem.freed, numbers(bench.log)) == (1, [1])


async def test_a_record_that_could_not_be_stored_comes_again_in_order(
    autojump_clock: MockClock,
) -> None:
    async with native_bench().run() as bench:
        modem = NativeModem(bench)
        async with living(modem):
            await trio.sleep(1)
            bench.gate.failures = 1
            await modem.store(*(record(answer(kwh)) for kwh in (1, 2, 3)))
            await trio.sleep(1)
            assert (modem.freed, numbers(bench.log)) == (0, [])
            await trio.sleep(90)
            assert (modem.freed, numbers(bench.log)) == (3, [1, 2, 3])
        assert readings(bench.log) == [100, 200, 300]


async def test_a_second_failure_between_meter_and_modem_makes_no_reading_twice(
    autojump_clock: MockClock,
) -> None:
    async with native_bench().run() as bench:
        modem = NativeModem(bench)
        async with living(modem):
            await trio.sleep(1)
            written = bench.log.write

            def fail_records(stream: str, events: Any) -> int:
                bench.log.write = written  # type: ignore[method-assign]
                version = written(stream, events)
                bench.gate.failures = 1  # the reading is durable, its record is not
                return version

            bench.log.write = fail_records  # type: ignore[method-assign]
            await modem.store(record(answer(5)))
            await trio.sleep(60)
        assert (readings(bench.log), numbers(bench.log), modem.freed) == ([500], [1], 1)


async def test_the_same_records_after_a_restart_of_the_head_end_count_once(
    autojump_clock: MockClock,
) -> None:
    log, kept = MemoryLog(), flash()
    async with native_bench(log=log).run() as bench:
        modem = NativeModem(bench, kept=kept)
        async with living(modem):
            await modem.store(*(record(answer(kwh)) for kwh in (1, 2, 3)))
            await trio.sleep(2)
    assert kept.queue.freed == 3
    # The modem did not hear of it: its flash is as it was before.
    again = flash()
    for kwh in (1, 2, 3, 4):
        again.queue.put(record(answer(kwh)))
    async with native_bench(log=log, seed=2).run() as bench:
        modem = NativeModem(bench, kept=again)
        async with living(modem):
            await trio.sleep(10)
        assert modem.freed == 4
        assert not was_sent_back(bench)  # its HELLO shows that its memory is whole
    assert (numbers(log), readings(log)) == ([1, 2, 3, 4], [100, 200, 300, 400])


def was_sent_back(bench: Any) -> bool:
    """Whether the modem was asked to call again, to be told which of its records are here."""
    return any("calls again" in e.reason for e in bench.of_modem(ModemDisconnected, NAME))


async def test_a_modem_whose_memory_was_wiped_loses_nothing(autojump_clock: MockClock) -> None:
    log = MemoryLog()
    async with native_bench(log=log).run() as bench, living(modem := NativeModem(bench)):
        await modem.store(*(record(answer(kwh)) for kwh in (1, 2, 3)))
        await trio.sleep(2)
    wiped = flash()
    wiped.queue.put(record(answer(9)))  # its number is 1, which the log has
    async with native_bench(log=log, seed=3).run() as bench:
        async with living(modem := NativeModem(bench, kept=wiped)):
            await trio.sleep(10)
        assert modem.freed == 4
        assert was_sent_back(bench)
    assert (numbers(log), readings(log)) == ([1, 2, 3, 4], [100, 200, 300, 900])


async def test_what_went_missing_while_the_head_end_was_away_is_noted(
    autojump_clock: MockClock,
) -> None:
    log = MemoryLog()
    async with native_bench(log=log).run() as bench, living(modem := NativeModem(bench)):
        await modem.store(*(record(answer(kwh)) for kwh in (1, 2, 3)))
        await trio.sleep(2)
    later = flash(next_number=8)  # 4 to 7 are gone
    later.queue.put(record(answer(8)))
    async with native_bench(log=log, seed=2).run() as bench:
        async with living(modem := NativeModem(bench, kept=later)):
            await trio.sleep(10)
        assert was_sent_back(bench)  # only a WELCOME that says 3 shows what is missing
        assert [(e.first, e.last) for e in bench.of_modem(RecordsLost, NAME)] == [(4, 7)]
    assert (numbers(log), modem.freed) == ([1, 2, 3, 8], 8)


async def test_overwritten_records_are_noted_and_acknowledged(autojump_clock: MockClock) -> None:
    async with native_bench().run() as bench:
        kept = flash(capacity=4)
        for kwh in range(1, 11):
            kept.queue.put(record(answer(kwh)))
        async with living(modem := NativeModem(bench, kept=kept)):
            await trio.sleep(5)
        assert [(e.first, e.last) for e in bench.of_modem(RecordsLost, NAME)] == [(1, 7)]
        assert numbers(bench.log) == [8, 9, 10]
        assert modem.freed == 10


async def test_what_cannot_be_read_is_kept_and_does_not_stop_the_others(
    autojump_clock: MockClock,
) -> None:
    behind = [METER, device("i1", NAME, protocol="iec62056-21", address="9")]
    async with native_bench(behind).run() as bench:
        modem = NativeModem(bench)
        damaged = bytearray(answer(1))
        damaged[-2] ^= 1
        async with living(modem):
            await modem.store(
                record(bytes(damaged)),
                record(answer(1), "nobody"),
                record(answer(1, "2")),
                record(answer(1), "i1", protocol=1),
                record(b"x" * 4000, protocol=99),
                record(b"?", kind=77),
                record(answer(8)),
            )
            await trio.sleep(5)
        stored = bench.of_modem(RecordStored, NAME)
        outcomes = [e.outcome for e in stored if e.part == 1]
        assert outcomes == [
            "frame", "unknown-meter", "address", "data", "protocol", "kind-77", "reading",
        ]  # fmt: skip
        long = [e for e in stored if e.number == 5]
        assert b"".join(e.data for e in long) == b"x" * 4000
        assert [(e.part, e.parts) for e in long] == [(1, 3), (2, 3), (3, 3)]
        assert modem.freed == 7
        assert readings(bench.log) == [800]


async def test_a_readout_becomes_a_reading(autojump_clock: MockClock) -> None:
    behind = [device("i1", NAME, protocol="iec62056-21", address="9")]
    text = "1.8.0(000123.4*kWh)\r\n32.7(231.5*V)\r\n!\r\n"
    readout = b"/XYZ5TEST\r\n" + encode_block(text)
    async with native_bench(behind).run() as bench:
        async with living(modem := NativeModem(bench)):
            await modem.store(record(readout, "9", protocol=1, clock_quality=0))
            await modem.store(
                record(encode_block("(000124.0*kWh)"), "i1", protocol=1, label=b"R5 1.8.0()")
            )
            await trio.sleep(2)
        first, second = bench.of_meter(Reading, "i1")
        assert [c.obis for c in first.layout.channels] == ["1.0.1.8.0.255", "1.0.32.7.0.255"]
        assert (first.values, first.device_time) == ((1234, 2315), None)
        assert second.values == (1240,)


async def test_a_stored_push_of_dlms_counts_once(autojump_clock: MockClock) -> None:
    behind = [device("d1", NAME, framing="wrapper")]
    body = ax.array(ax.structure(ax.octets(obis_bytes("1.0.1.8.0.255")), ax.u32(77)))
    push = encode_wpdu(1, 1, encode_data_notification(5, None, body))
    async with native_bench(behind).run() as bench:
        async with living(modem := NativeModem(bench)):
            await modem.store(record(push, "d1", protocol=5))
            await trio.sleep(2)
        assert readings(bench.log, "d1") == [77]
        assert modem.freed == 1


# -- alarms


async def test_an_alarm_and_its_record_are_one_event(autojump_clock: MockClock) -> None:
    async with native_bench().run() as bench:
        modem = NativeModem(bench)
        async with living(modem):
            await trio.sleep(1)
            for code in (1, 2):
                told = Alarm(utc_s=1_772_366_400 + code, clock_quality=1, code=code, meter="m1")
                await modem._do(modem.modem.alarm(told, trio.current_time()))
                await trio.sleep(1)
            itself = Alarm(utc_s=1_772_366_500, clock_quality=1, code=4, meter="")
            await modem._do(modem.modem.alarm(itself, trio.current_time()))
            stranger = Alarm(utc_s=1_772_366_500, clock_quality=1, code=200, meter="elsewhere")
            await modem._do(modem.modem.alarm(stranger, trio.current_time()))
            await trio.sleep(1)
        assert len(bench.of_meter(PowerFailure)) == len(bench.of_meter(PowerRestored)) == 1
        names = [e.name for e in bench.of_meter(MeterEvent)]
        assert names == ["supply-lost", "supply-restored"]
        alarms = [(e.code, e.source) for e in bench.of_modem(ModemAlarm, NAME)]
        assert alarms == [("antenna", NAME), ("code-200", "elsewhere")]
        assert modem.freed == 4
        assert {e.outcome for e in bench.of_modem(RecordStored, NAME)} == {"alarm"}


async def test_a_frame_that_breaks_off_is_given_up(autojump_clock: MockClock) -> None:
    async with native_bench().run() as bench:
        modem = NativeModem(bench)
        async with living(modem):
            await trio.sleep(1)
            whole = modem.modem._peer.send(Kind.RECORD, bytes(40))
            await modem.stream.send_all(whole[:-10])
            await trio.sleep(10)
            await modem.store(record(answer(3)))
            await trio.sleep(40)
        await settled()
        assert readings(bench.log) == [300]


async def test_a_modem_speaks_for_the_meters_behind_it_alone(autojump_clock: MockClock) -> None:
    """Its secret proves who it is, not that it knows of the meters of others."""
    others = device("o1", "another-modem", protocol="dlt645-2007", address="7")
    alone = device("n1", "", protocol="dlt645-2007", address="8")
    async with native_bench([METER, others, alone]).run() as bench:
        modem = NativeModem(bench)
        async with living(modem):
            await trio.sleep(1)
            for meter in ("o1", "n1"):
                told = Alarm(utc_s=1_772_366_401, clock_quality=1, code=1, meter=meter)
                await modem._do(modem.modem.alarm(told, trio.current_time()))
            await modem.store(
                record(answer(1, "7"), "o1"),
                record(answer(2, "7"), "7"),
                record(answer(3, "8"), "n1"),
            )
            await trio.sleep(5)
        assert (bench.of_meter(PowerFailure, "o1"), readings(bench.log, "o1")) == ([], [])
        assert [e.source for e in bench.of_modem(ModemAlarm, NAME)] == ["o1"]
        assert len(bench.of_meter(PowerFailure, "n1")) == 1
        assert readings(bench.log, "n1") == [300]
        answers = [e for e in bench.of_modem(RecordStored, NAME) if e.kind == 0]
        assert [e.outcome for e in answers] == ["unknown-meter", "unknown-meter", "reading"]

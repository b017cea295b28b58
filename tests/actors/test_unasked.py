"""Telegrams of mode D on the line of a modem: whose they are, once each, and never an answer."""

import pytest
import trio
from actor_bench import Bench, device, settled
from trio.testing import MockClock

from actors.bus import Priority, Transaction
from actors.modem_messages import DevicesChanged, Submit
from actors.unasked import whose
from hes.events.base import DomainEvent
from hes.events.power import PowerFailure, PowerRestored, PowerSign
from hes.events.reading import Reading, Source
from hes.ids import MeterId, ModemId, meter_stream
from hes.rules.kept import kept_events
from protocols.dialogue import Dialogue, Exchange
from protocols.iec62056_21.telegram import crc16

IEC = "iec62056-21"
ONE = device(protocol=IEC, framing="", address="00004711")


def telegram(kwh: str, *, number: str = "4711", second: int = 5, crc: bool = True,
             clock: bool = True) -> bytes:  # fmt: skip
    lines = ["/SIM5TEST", "", f"0.0.0({number})", f"1.8.0({kwh}*kWh)", "32.7(250.0*V)"]
    lines += [f"0-0:1.0.0(2603011900{second:02}W)"] if clock else []
    body = "\r\n".join([*lines, "!"]).encode()
    return body + (f"{crc16(body):04X}".encode() if crc else b"") + b"\r\n"


def kwh_of(bench: Bench, meter: str = "m1") -> list[object]:
    return [event.values[1] for event in bench.of_meter(Reading, meter)]


def kept(bench: Bench, meter: str = "modem:M1") -> list[DomainEvent]:
    like = type(kept_events("x", "", b"", bench.context.now(), digest=b"")[0])
    return [event for event in bench.events(meter) if isinstance(event, like)]


async def test_a_telegram_is_a_reading_once(autojump_clock: MockClock) -> None:
    async with Bench([ONE]).run() as bench:
        call = await bench.call_in()
        for data in (telegram("1.5"), telegram("1.5"), telegram("1.6", second=15)):
            for at in range(0, len(data), 3):
                call.say(data[at : at + 3])
            await settled()
        assert kwh_of(bench) == [15, 16]
        first = bench.of_meter(Reading)[0]
        assert first.source is Source.PUSH
        assert first.device_time is not None
        assert (first.device_time.hour, first.device_time.second) == (12, 5)
        assert first.layout.channels[1].unit == 0x300 | 30
        assert bench.crashes() == {}


async def test_without_a_time_each_counts(autojump_clock: MockClock) -> None:
    async with Bench([ONE]).run() as bench:
        call = await bench.call_in()
        for _ in range(2):
            call.say(telegram("1.5", clock=False, crc=False))
            await trio.sleep(10)
        assert kwh_of(bench) == [15, 15]


async def test_one_that_comes_with_the_registration_counts(autojump_clock: MockClock) -> None:
    async with Bench([ONE]).run() as bench:
        bench.dial(b"MODEM:M1\r\n" + telegram("1.5"))
        await settled()
        assert kwh_of(bench) == [15]


async def test_a_damaged_one_and_one_without_values_are_kept(autojump_clock: MockClock) -> None:
    async with Bench([ONE]).run() as bench:
        call = await bench.call_in()
        call.say(telegram("1.5").replace(b"1.5", b"1.7"))
        call.say(b"/SIM5TEST\r\n\r\nhello\r\n!\r\n")
        await settled()
        assert kwh_of(bench) == []
        assert len(kept(bench)) >= 2


async def test_of_several_it_is_who_it_says(autojump_clock: MockClock) -> None:
    meters = [device(f"m{n}", protocol=IEC, framing="", address=f"000{n}") for n in (1, 2, 3)]
    async with Bench(meters).run() as bench:
        call = await bench.call_in()
        call.say(telegram("1.5", number="0002"), telegram("2.5", number="9"))
        await settled()
        assert [kwh_of(bench, f"m{n}") for n in (1, 2, 3)] == [[], [15], []]
        assert kept(bench)


async def test_an_answer_is_no_telegram(autojump_clock: MockClock) -> None:
    """The readout that somebody asked for looks the same, but for its frame."""

    def question() -> Dialogue[bytes | None]:
        return (yield Exchange(b"?", 30.0))

    async with Bench([ONE]).run() as bench:
        call = await bench.call_in()
        ask = Transaction("q", Priority.DEMAND, question, deadline=trio.current_time() + 60,
                          done=lambda _result, _failure: None)  # fmt: skip
        bench.context.modem(ModemId("M1")).tell(Submit(ask))
        await settled()
        framed = b"/SIM5TEST\r\n\x021.8.0(9*kWh)\r\n!\r\n\x03\x22"
        # One without a CRC may be pieces of answers, while somebody asks.
        call.say(framed + telegram("8", crc=False)[:-2] + b"\r\n" + telegram("7", second=7))
        await settled()
        assert kwh_of(bench) == [7]


async def test_a_meter_that_is_added_later_is_heard(autojump_clock: MockClock) -> None:
    async with Bench([device("d1")]).run() as bench:
        call = await bench.call_in()
        call.say(telegram("1.5"))
        bench.add(ONE)
        bench.context.modem(ModemId("M1")).tell(DevicesChanged())
        await settled()
        call.say(telegram("1.6", second=9))
        await settled()
        assert kwh_of(bench) == [16]


async def test_who_speaks_has_supply(autojump_clock: MockClock) -> None:
    async with Bench([ONE]).run() as bench:
        failed = PowerFailure(
            received_at=bench.context.now(), device_time=None, sign=PowerSign.METER_EVENT
        )
        bench.log.write(meter_stream(MeterId("m1")), [failed])
        call = await bench.call_in()
        call.say(telegram("1.5"))
        await settled()
        assert len(bench.of_meter(PowerRestored)) == 1


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["4711"], "m1"), (["04711"], "m1"), (["M2"], "m2"), ([], None), (["4711", "m2"], None),
        (["123"], None),
    ],
)  # fmt: skip
def test_it_is_never_guessed(names: list[str], found: str | None) -> None:
    two = [ONE, device("m2", protocol=IEC, framing="", address="4712")]
    meter = whose(two, names)
    assert (meter and meter.meter_id) == found


def test_the_only_meter_need_not_name_itself_but_may_be_another() -> None:
    assert whose([ONE], []) is ONE
    assert whose([ONE], ["XYZ"]) is ONE
    other = whose([ONE], ["4712"])
    assert other is None
    assert whose([], ["4711"]) is None

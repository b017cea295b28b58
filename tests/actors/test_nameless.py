"""Meters of mode D that call without a modem on a shared port: whose they are, what they say."""

from random import Random

import pytest
import trio
from actor_bench import Bench, device, settled
from trio.testing import MockClock

from actors.asking import is_asked
from actors.collector import Schedule
from actors.meter_messages import Perform
from hes.commands import CommandFailed, ReadRegisters
from hes.devices import Device
from hes.events.modem import ModemConnected, ModemDisconnected, UnknownCaller
from hes.events.reading import FailureReason, PushKept, ReadFailed, Reading
from hes.ids import MeterId, node_stream
from protocols.iec62056_21.block_check import CHECKS, EVEN_PARITY
from protocols.iec62056_21.options import Iec62056Options
from protocols.iec62056_21.telegram import crc16
from protocols.links.base import LinkSettings
from protocols.meter_types.meter_type import MeterType, plain

AUTO = LinkSettings()
IEC = "iec62056-21"
MODE_D = device(protocol=IEC, framing="", address="00004711", link="mode-d")
TOTAL = "1.0.1.8.0.255"


def block(kwh: str, *, code: str = "0.0.0", name: str = "4711", second: int = 5) -> str:
    lines = [f"{code}({name})"] if name else []
    return "\r\n".join([*lines, f"0-0:1.0.0(2603011900{second:02}W)", f"1.8.0({kwh}*kWh)", "!"])


def telegram(kwh: str, *, ident: str = "SIM5TEST", crc: bool = True, **of: object) -> bytes:
    body = f"/{ident}\r\n\r\n{block(kwh, **of)}".encode()  # type: ignore[arg-type]  # as it takes
    return body + (f"{crc16(body):04X}".encode() if crc else b"") + b"\r\n"


def framed(kwh: str, *, check: str = "xor", **of: object) -> bytes:
    checked = f"{block(kwh, **of)}\r\n\x03".encode()  # type: ignore[arg-type]  # as it takes
    return b"/SIM5TEST\r\n\x02" + checked + bytes((CHECKS[check](checked),))


def kwh_of(bench: Bench, meter: str = "m1") -> list[object]:
    """What came of the total, in tenths: of numbers with one place behind the point."""
    return [
        value
        for reading in bench.of_meter(Reading, meter)
        for channel, value in zip(reading.layout.channels, reading.values, strict=True)
        if channel.obis == TOTAL
    ]


def strangers(bench: Bench) -> list[PushKept]:
    found = bench.events(node_stream("strangers"))
    return [event for event in found if isinstance(event, PushKept)]


NOISES = {
    "none": b"", "nuls": bytes(30), "line": b"\xff\x00\x81\x13\xc0", "slash": b"\x80/\x07/",
    "letters": b"/SI", "the end of a telegram": b"h)\r\n!\r\n",
}  # fmt: skip


@pytest.mark.parametrize("noise", NOISES.values(), ids=NOISES)
async def test_a_caller_without_a_name_is_known_by_its_telegram(
    autojump_clock: MockClock, noise: bytes
) -> None:
    async with Bench([MODE_D], settings=AUTO).run() as bench:
        call = bench.dial(noise + telegram("1.5"))
        await settled()
        call.say(telegram("1.6", second=15))
        await settled()
        assert kwh_of(bench) == [15, 16]
        (connected,) = bench.of_modem(ModemConnected)
        assert (connected.link, connected.claim) == ("mode-d", "device-id")
        assert not call.closed
        assert call.heard == b"", "something was said to a meter that takes nothing"
        assert strangers(bench) == []


@pytest.mark.parametrize("size", [1, 3, 7, 64])
async def test_in_pieces_and_with_parity_it_is_the_same(
    autojump_clock: MockClock, size: int
) -> None:
    async with Bench([MODE_D], settings=AUTO).run() as bench:
        said = b"\x00\x00" + telegram("1.5", crc=False) + telegram("1.6", second=15, crc=False)
        said = said.translate(EVEN_PARITY)
        call = bench.dial()
        for at in range(0, len(said), size):
            call.say(said[at : at + size])
            await trio.sleep(0.01)
        await settled()
        assert kwh_of(bench) == [15, 16]


async def test_nothing_is_lost_between_two_pieces(autojump_clock: MockClock) -> None:
    """Wherever the bytes are cut: before, in and behind the telegram that tells who it is."""
    rng = Random(7)
    said = telegram("1.5") + telegram("1.6", second=6) + telegram("1.7", second=7)
    for at in rng.sample(range(len(said)), 40):
        async with Bench([MODE_D], settings=AUTO).run() as bench:
            bench.dial(said[:at], said[at:])
            await settled()
            assert kwh_of(bench) == [15, 16, 17], at


WAYS: dict[str, tuple[Device, bytes]] = {
    "address": (MODE_D, telegram("1.5")),
    "serial number": (MODE_D, telegram("1.5", code="C.1.0")),
    "identifier of a customer port": (
        device(protocol=IEC, address="SIM4711"),
        telegram("1.5", code="0-0:96.1.1", name="53494D34373131"),
    ),
    "its id": (device("m1", protocol=IEC, link="auto"), telegram("1.5", name="M1")),
    "identification": (
        device(protocol=IEC, address="TEST", link="raw"), telegram("1.5", name="")
    ),
    "all of the identification": (
        device(protocol=IEC, address="SIM5TEST"), telegram("1.5", name="")
    ),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
async def test_it_is_known_by(autojump_clock: MockClock, way: str) -> None:
    meter, said = WAYS[way]
    others = [device(f"x{n}", f"X{n}", protocol=IEC, address=f"100{n}") for n in range(9)]
    # Another one behind its modem: that it is the only one must not be what decides.
    behind = device("y", protocol=IEC, address="77", link="raw")
    async with Bench([*others, meter, behind], settings=AUTO).run() as bench:
        bench.dial(said)
        await settled()
        assert kwh_of(bench, meter.meter_id) == [15]


async def test_a_type_may_say_under_which_code_its_meters_tell_who_they_are(
    autojump_clock: MockClock,
) -> None:
    names = {"SNR": "0.0.96.1.0.255"}
    own = MeterType(
        name="own", protocol=IEC, options=Iec62056Options(names=names), timers=plain(IEC).timers
    )
    meter = device(protocol=IEC, address="4711", meter_type="own")
    other = device("m2", "M2", protocol=IEC, address="4712")
    bench = Bench([meter, other], settings=AUTO)
    bench.context.take_meter_types(bench.context.meter_types.with_own([own]))
    async with bench.run():
        bench.dial(telegram("1.5", code="SNR"))
        bench.dial(telegram("2.5", code="SNR", name="4712"))  # not of that type
        await settled()
        assert (kwh_of(bench), kwh_of(bench, "m2")) == ([15], [])
        assert len(strangers(bench)) == 1


async def test_one_of_nobody_is_noted_and_known_once_it_is_in_the_list(
    autojump_clock: MockClock,
) -> None:
    async with Bench(settings=AUTO).run() as bench:
        call = bench.dial(telegram("1.5"))
        for second in range(6, 16):
            await trio.sleep(10)
            call.say(telegram("1.6", second=second))
        await settled()
        (kept,) = strangers(bench)  # not one every ten seconds
        assert kept.reason == "unknown-meter"
        assert "4711" in kept.detail
        assert kept.data == telegram("1.5")
        assert not call.closed
        bench.add(MODE_D)
        call.say(telegram("1.7", second=20))
        await settled()
        assert kwh_of(bench) == [17]


async def test_it_is_not_guessed_between_two(autojump_clock: MockClock) -> None:
    two = [device(f"m{n}", f"M{n}", protocol=IEC, address="4711") for n in (1, 2)]
    async with Bench(two, settings=AUTO).run() as bench:
        bench.dial(telegram("1.5"))
        await settled()
        assert kwh_of(bench, "m1") == kwh_of(bench, "m2") == []
        assert "several" in strangers(bench)[0].detail


async def test_a_meter_behind_a_modem_that_says_who_it_is_is_nobody_without_it(
    autojump_clock: MockClock,
) -> None:
    behind = device(protocol=IEC, address="4711", link="prot")
    async with Bench([behind], settings=AUTO).run() as bench:
        bench.dial(telegram("1.5"))
        await settled()
        assert bench.of_modem(ModemConnected) == []
        assert strangers(bench)


async def test_a_damaged_one_tells_nothing(autojump_clock: MockClock) -> None:
    async with Bench([MODE_D], settings=AUTO).run() as bench:
        call = bench.dial(telegram("1.5").replace(b"1.5", b"1.7"))
        await settled()
        assert (kwh_of(bench), bench.of_modem(ModemConnected)) == ([], [])
        assert strangers(bench)[0].reason == "bad-check"
        call.say(telegram("1.6"))
        await settled()
        assert kwh_of(bench) == [16]


async def test_a_readout_in_its_frame_counts_by_its_block_check(autojump_clock: MockClock) -> None:
    async with Bench([MODE_D], settings=AUTO).run() as bench:
        call = bench.dial(framed("1.5"))
        await settled()
        call.say(framed("1.6", second=6)[:-1] + b"\x01", framed("1.7", second=7))
        await settled()
        assert kwh_of(bench) == [15, 17]


async def test_a_block_check_of_the_other_kind_is_wrong_for_a_stranger(
    autojump_clock: MockClock,
) -> None:
    added = MeterType(
        name="added", protocol=IEC, options=Iec62056Options(check="sum"), timers=plain(IEC).timers
    )
    adding = device("m2", "M2", protocol=IEC, address="4712", meter_type="added")
    bench = Bench([MODE_D, adding], settings=AUTO)
    bench.context.take_meter_types(bench.context.meter_types.with_own([added]))
    async with bench.run():
        bench.dial(framed("1.5", check="sum"))
        bench.dial(framed("2.5", check="sum", name="4712"))
        await settled()
        assert (kwh_of(bench), kwh_of(bench, "m2")) == ([], [25])


async def test_who_is_found_by_asking_may_speak_first(autojump_clock: MockClock) -> None:
    """A port that asks those who are silent: a telegram in between is what tells who it is."""
    asked = device("m2", "M2", protocol=IEC, address="4712", link="raw")
    bench = Bench([asked, MODE_D], settings=AUTO)
    bench.listener.probe = True
    async with bench.run():
        call = bench.dial()
        await trio.sleep(5)
        assert b"4712" in call.take()
        assert b"4711" not in call.take(), "it takes no questions"
        call.say(telegram("1.5"))
        await settled()
        assert kwh_of(bench) == [15]
        assert bench.crashes() == {}


async def test_who_only_sends_is_not_looked_for_by_asking(autojump_clock: MockClock) -> None:
    sends = MeterType(
        name="s", protocol=IEC, options=Iec62056Options(only_sends=True), timers=plain(IEC).timers
    )
    behind = device(protocol=IEC, address="4711", link="raw", meter_type="s")
    bench = Bench([behind, device("m2", "M2", protocol=IEC, address="4712")], settings=AUTO)
    bench.context.take_meter_types(bench.context.meter_types.with_own([sends]))
    bench.listener.probe = True
    async with bench.run():
        call = bench.dial()
        await trio.sleep(300)
        assert b"4712" in call.heard
        assert b"4711" not in call.heard


async def test_what_only_looks_alike_is_let_go(autojump_clock: MockClock) -> None:
    async with Bench([MODE_D], settings=AUTO).run() as bench:
        web = bench.dial(b"GET /abc HTTP/1.1\r\nHost: x\r\n\r\n" + bytes(64))
        await settled()
        assert web.closed
        bench.dial(b"/SIM5TEST\r\n")  # an answer to nobody's question, and never more
        await trio.sleep(70)
        assert [e for e in bench.events(node_stream("strangers")) if isinstance(e, UnknownCaller)]
        assert kwh_of(bench) == []


# -- nobody asks them


async def test_it_is_asked_by_nobody(autojump_clock: MockClock) -> None:
    schedule = Schedule(every_s=1800.0)
    silent = device("m2", "M1", protocol=IEC, address="4712")  # its type is as it may be
    async with Bench([MODE_D, silent], settings=AUTO, schedule=schedule).run() as bench:
        call = bench.dial(telegram("1.5"))
        for second in range(20):
            await trio.sleep(600)
            call.say(telegram("1.6", second=second + 20))
        assert call.heard == b""
        assert bench.of_meter(ReadFailed) == bench.of_meter(ReadFailed, "m2") == []
        with pytest.raises(CommandFailed, match="only sends by itself") as refused:
            await bench.meter().ask(Perform(ReadRegisters(meter=MeterId("m1"), obis=()), 9), 10)
        assert refused.value.reason is FailureReason.REFUSED
        assert len(bench.of_modem(ModemDisconnected)) == 0
        assert bench.crashes() == {}


async def test_a_meter_behind_a_modem_is_asked_again_when_it_comes_with_one(
    autojump_clock: MockClock,
) -> None:
    asked = device(protocol=IEC, address="4711")
    settings = LinkSettings(registration=r"MODEM:(?P<modem_id>\w+)\r\n")
    async with Bench([asked], settings=settings, schedule=Schedule()).run() as bench:
        call = bench.dial(telegram("1.5"))
        await trio.sleep(7200)
        assert call.heard == b""
        call.hang_up()
        with_modem = await bench.call_in()
        await trio.sleep(3600)
        assert b"4711" in with_modem.take()


def test_a_type_may_say_that_its_meters_only_send() -> None:
    behind = device(protocol=IEC, address="4711", link="raw")
    usual = plain(IEC)
    sends = MeterType(
        name="s", protocol=IEC, options=Iec62056Options(only_sends=True), timers=usual.timers
    )
    assert is_asked(behind, usual)
    assert not is_asked(behind, sends)
    assert not is_asked(MODE_D, usual)
    assert not is_asked(MODE_D)

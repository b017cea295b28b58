"""Who is calling? Callers until they said it: named, noted with their first bytes, or let go."""

import pytest
import trio
from actor_bench import TEMPLATE, Bench, device, settled
from scripted_meter import ENERGY, confirmations, push_of, register
from trio.testing import MockClock

from actors.listener import IDENTIFY_S_MAX, UNKNOWN_MODEMS_MAX
from hes.events.meter_event import MeterEvent
from hes.events.modem import ModemConnected, ModemDisconnected, ModemQuarantined, UnknownCaller
from hes.events.power import PowerFailure
from hes.events.reading import PushKept, Reading
from hes.ids import node_stream
from protocols.ddp import frame as ddp
from protocols.dlms import axdr_encode as ax
from protocols.dlms.apdu_ciphered import GENERAL_GLO, encode_ciphered
from protocols.dlms.apdu_push import encode_data_notification
from protocols.dlms.cosem import obis_bytes
from protocols.dlms.hdlc import UI, encode_frame
from protocols.dlms.security import protect
from protocols.dlms.wrapper import encode_wpdu
from protocols.gdw376 import frame as gdw376, link_layer
from protocols.links.alarm_push import encode_dsmr4
from protocols.links.base import LinkSettings
from protocols.links.registry import DETECTION_SIZE_MAX

AUTO = LinkSettings(registration=TEMPLATE)
OPEN_END = LinkSettings(registration=r"MODEM:(?P<modem_id>\w+)")
KEY, AK, TITLE = b"K" * 16, b"A" * 16, b"TST\x00\x00\x00\x00\x01"
STRANGERS = node_stream("strangers")


def named(number: int, name: bytes, value: int = 1) -> bytes:
    serial = ax.structure(ax.octets(obis_bytes("0.0.96.1.0.255")), ax.octets(name))
    return push_of(number, serial, register(ENERGY, value))


def sealed(counter: int, *, title: bytes = TITLE) -> bytes:
    plain = encode_data_notification(counter, None, ax.array(register(ENERGY, counter)))
    message = protect(plain, title=title, control=0x30, counter=counter, key=KEY, ak=AK)
    return encode_wpdu(1, 103, encode_ciphered(GENERAL_GLO, message, title))


def callers(bench: Bench) -> list[UnknownCaller]:
    return [e for e in bench.events(STRANGERS) if isinstance(e, UnknownCaller)]


def kept(bench: Bench) -> list[PushKept]:
    return [e for e in bench.events(STRANGERS) if isinstance(e, PushKept)]


# -- named by their text


async def test_the_text_in_pieces_names_the_modem(autojump_clock: MockClock) -> None:
    async with Bench([device()], settings=AUTO).run() as bench:
        call = bench.dial(*[bytes((byte,)) for byte in b"MODEM:M1\r\n"])
        await settled()
        assert len(bench.of_modem(ModemConnected)) == 1
        assert bench.listener.callers == {}
        assert not call.closed


async def test_a_text_without_an_end_is_ended_by_a_pause(autojump_clock: MockClock) -> None:
    async with Bench([device()], settings=OPEN_END).run() as bench:
        call = bench.dial(b"MOD")
        await trio.sleep(2)
        call.say(b"EM:M")
        call.say(b"1")
        await settled()
        assert bench.of_modem(ModemConnected) == []
        await trio.sleep(1)
        assert len(bench.of_modem(ModemConnected)) == 1
        assert callers(bench) == []


async def test_data_behind_the_text_reaches_the_meter(autojump_clock: MockClock) -> None:
    meter = device(framing="wrapper")
    async with Bench([meter], settings=AUTO).run() as bench:
        push = push_of(1, register(ENERGY, 7))
        call = bench.dial(b"MODEM:M1\r\n" + push[:20], push[20:] + push_of(2, register(ENERGY, 8)))
        await settled()
        assert [reading.values for reading in bench.of_meter(Reading)] == [(7,), (8,)]
        assert confirmations(call.take()) == [1, 2]


# -- named by their messages


async def test_a_caller_without_a_text_is_named_by_its_first_message(
    autojump_clock: MockClock,
) -> None:
    meter = device("AB-77", "P1", link="dlms-push", framing="wrapper")
    async with Bench([meter], settings=AUTO).run() as bench:
        call = bench.dial(named(1, b"ab-77", 5)[:30])
        call.say(named(1, b"ab-77", 5)[30:] + named(2, b"ab-77", 6))
        await settled()
        assert [r.values[-1] for r in bench.of_meter(Reading, "AB-77")] == [5, 6]
        (connected,) = bench.of_modem(ModemConnected, "P1")
        assert (connected.link, connected.claim) == ("dlms-push", "device-id")
        assert confirmations(call.take()) == [1, 2]


async def test_a_meter_without_a_modem_is_its_own(autojump_clock: MockClock) -> None:
    meter = device("AB-77", "", link="dlms-push", framing="wrapper")
    async with Bench([meter], settings=AUTO).run() as bench:
        bench.dial(named(1, b"AB-77", 5))
        await settled()
        assert len(bench.of_meter(Reading, "AB-77")) == 1
        assert len(bench.of_modem(ModemConnected, "AB-77")) == 1


async def test_a_title_and_its_key_prove_the_sender(autojump_clock: MockClock) -> None:
    meter = device(
        "AB-77", "P1", framing="wrapper", encryption_key=KEY, authentication_key=AK,
        system_title=TITLE,
    )  # fmt: skip
    async with Bench([meter], settings=AUTO).run() as bench:
        bench.dial(sealed(7))
        await settled()
        (reading,) = bench.of_meter(Reading, "AB-77")
        assert (reading.values, reading.counter) == ((7,), 7)
        assert bench.of_modem(ModemConnected, "P1")[0].claim == "system-title"


async def test_hdlc_pushes_name_their_meter_too(autojump_clock: MockClock) -> None:
    async with Bench([device("AB-77", "P1")], settings=AUTO).run() as bench:
        apdu = named(1, b"AB-77", 5)[8:]
        frame = encode_frame(b"\xcf", b"\x23", UI, b"\xe6\xe7\x00" + apdu)
        bench.dial(*[bytes((byte,)) for byte in frame])
        await settled()
        assert len(bench.of_meter(Reading, "AB-77")) == 1


async def test_a_message_of_nobody_is_kept_once_and_the_caller_may_go_on(
    autojump_clock: MockClock,
) -> None:
    async with Bench([device("AB-77", "P1", framing="wrapper")], settings=AUTO).run() as bench:
        call = bench.dial(named(1, b"OTHER"), named(1, b"OTHER"), sealed(3))
        await settled()
        assert [(k.reason, k.system_title) for k in kept(bench)] == [
            ("unknown-meter", None),
            ("no-key", TITLE.hex()),
        ]
        assert kept(bench)[0].data == named(1, b"OTHER")[8:]
        assert "OTHER" in kept(bench)[0].detail
        call.say(named(2, b"AB-77"))
        await settled()
        assert len(bench.of_meter(Reading, "AB-77")) == 1
        assert callers(bench) == []


# -- what modems tell beside their pipe

METER = "E0099000000000042"
ALARM = LinkSettings()


def alarm_of(register: int) -> bytes:
    return encode_dsmr4(METER, register.to_bytes(4))


def codes(bench: Bench) -> list[int | None]:
    return [event.code for event in bench.of_meter(MeterEvent, METER)]


@pytest.mark.parametrize("modem", ["", "P1"])
async def test_an_alarm_that_only_the_end_of_the_connection_ends_is_an_event(
    autojump_clock: MockClock, modem: str
) -> None:
    async with Bench([device(METER, modem)], settings=ALARM).run() as bench:
        for register in (0x10, 0x10, 0x81):
            bench.dial(alarm_of(register)[:9], alarm_of(register)[9:], b"")
            await settled()
        assert codes(bench) == [0x10, 0x10, 0x81], "an equal alarm is a new one"
        assert len(bench.of_modem(ModemConnected, modem or METER)) == 3
        assert callers(bench) == []


async def test_alarms_are_told_after_pauses_on_a_connection_that_stays(
    autojump_clock: MockClock,
) -> None:
    async with Bench([device(METER)], settings=ALARM).run() as bench:
        call = bench.dial(alarm_of(1))
        await trio.sleep(2)
        assert codes(bench) == [1]
        call.say(alarm_of(2))
        await settled()
        assert codes(bench) == [1], "it might be the longer form"
        await trio.sleep(2)
        assert codes(bench) == [1, 2]
        call.say(alarm_of(3))
        await settled()
        call.say(b"")
        await settled()
        assert codes(bench) == [1, 2, 3]


async def test_an_alarm_by_an_object_tells_no_number(autojump_clock: MockClock) -> None:
    async with Bench([device(METER)], settings=ALARM).run() as bench:
        bench.dial(encode_dsmr4(METER, bytes((0, 1, 25, 9, 0, 255))))
        await settled()
        (told,) = bench.of_meter(MeterEvent, METER)
        assert (told.code, told.obis, told.detail) == (None, "0.1.25.9.0.255", "")


async def test_a_last_gasp_in_this_form_is_a_power_failure(autojump_clock: MockClock) -> None:
    async with Bench([device(METER)], settings=ALARM).run() as bench:
        bench.dial(encode_dsmr4(METER, bytes((128, 128, 128, 128, 128, 0))))
        await settled()
        assert len(bench.of_meter(PowerFailure, METER)) == 1


async def test_an_alarm_of_an_unknown_meter_is_kept(autojump_clock: MockClock) -> None:
    async with Bench([device()], settings=ALARM).run() as bench:
        bench.dial(alarm_of(5), b"")
        await settled()
        (event,) = bench.of_modem(PushKept, METER)
        assert (event.reason, event.data) == ("unknown-meter", alarm_of(5))


SMR5_NAME = ax.octets(bytes((0, 1, 25, 9, 0, 255)))


async def test_an_alarm_as_data_is_an_event_too(autojump_clock: MockClock) -> None:
    meter = device(METER, "P1", framing="wrapper")
    body = ax.structure(ax.octets(METER.encode()), SMR5_NAME, ax.u32(0x1000))
    push = encode_wpdu(1, 103, encode_data_notification(7, None, body))
    async with Bench([meter], settings=ALARM).run() as bench:
        bench.dial(push, push)
        await settled()
        assert codes(bench) == [0x1000, 0x1000]
        assert bench.of_meter(Reading, METER) == []
        assert bench.of_meter(MeterEvent, METER)[0].obis == "0.1.25.9.0.255"


def terminal(function: int, number: int) -> bytes:
    return gdw376.encode_frame(
        link_layer.link_request(link_layer.address_of("33010042"), function, number, version=2)
    )


async def test_a_logout_is_answered_before_the_connection_is_closed(
    autojump_clock: MockClock,
) -> None:
    async with Bench([device(modem="33010042")], settings=ALARM).run() as bench:
        call = bench.dial(terminal(link_layer.LOGIN, 1))
        await settled()
        assert not call.closed
        call.take()
        call.say(terminal(link_layer.LOGOUT, 2))
        await settled()
        assert call.closed
        assert [frame.seq & 0x0F for frame in gdw376.FrameReader().feed(call.take())] == [2]
        (ended,) = bench.of_modem(ModemDisconnected, "33010042")
        assert ended.reason == "the terminal logged out"


async def test_a_logout_in_the_first_bytes_counts_too(autojump_clock: MockClock) -> None:
    async with Bench([device(modem="33010042")], settings=ALARM).run() as bench:
        call = bench.dial(terminal(link_layer.LOGIN, 1) + terminal(link_layer.LOGOUT, 2))
        await settled()
        assert call.closed
        assert len(gdw376.FrameReader().feed(call.take())) == 2


async def test_a_frame_that_nobody_reads_is_kept_once(autojump_clock: MockClock) -> None:
    log = ddp.encode_packet(ddp.Packet(0x0E, "13700137000", b"log"))
    login = ddp.encode_packet(ddp.Packet(ddp.REGISTER, "13700137000", bytes(6)))
    async with Bench([device(modem="13700137000")], settings=ALARM).run() as bench:
        call = bench.dial(login + log)
        await settled()
        call.say(log)
        await settled()
        (event,) = bench.of_modem(PushKept, "13700137000")
        assert (event.reason, event.data) == ("foreign-frame", log)


@pytest.mark.parametrize("start", [b"\x68\x1e\x00", b"\x68\x52\x03\x52\x03\x68\x88"])
async def test_a_frame_that_never_ends_is_given_up_after_a_long_pause(
    autojump_clock: MockClock, start: bytes
) -> None:
    async with Bench([device(modem="33010042")], settings=ALARM).run() as bench:
        call = bench.dial(terminal(link_layer.LOGIN, 1))
        await trio.sleep(10)
        call.take()
        beat = terminal(link_layer.HEARTBEAT, 2)
        for piece in (beat[:6], beat[6:]):
            call.say(piece)
            await trio.sleep(2)
        assert len(gdw376.FrameReader().feed(call.take())) == 1
        call.say(start)
        await trio.sleep(8)
        call.say(beat)
        await settled()
        assert len(gdw376.FrameReader().feed(call.take())) == 1


async def test_a_new_connection_gives_up_a_frame_that_never_ends_as_soon(
    autojump_clock: MockClock,
) -> None:
    async with Bench([device(modem="33010042")], settings=ALARM).run() as bench:
        bench.dial(terminal(link_layer.LOGIN, 1))
        await trio.sleep(1)
        call = bench.dial(terminal(link_layer.LOGIN, 1) + b"\x68\x52\x03\x52\x03\x68\x88")
        await trio.sleep(8)
        call.take()
        call.say(terminal(link_layer.HEARTBEAT, 2))
        await settled()
        assert len(gdw376.FrameReader().feed(call.take())) == 1


@pytest.mark.parametrize("cut", [1, 6, 12, 20, 31])
async def test_the_rest_of_a_login_may_be_late(autojump_clock: MockClock, cut: int) -> None:
    login = bytes.fromhex("681e00810534120000000000ddda010500007807ea0b1c060a0b0c01590a5e16")
    async with Bench([device(modem="000000001234")], settings=ALARM).run() as bench:
        call = bench.dial(login[:cut])
        await trio.sleep(2)
        call.say(login[cut:])
        await settled()
        assert len(bench.of_modem(ModemConnected, "000000001234")) == 1
        assert call.take()


async def test_a_login_in_two_pieces_with_a_pause_is_taken(autojump_clock: MockClock) -> None:
    login = terminal(link_layer.LOGIN, 1)
    async with Bench([device(modem="33010042")], settings=ALARM).run() as bench:
        for cut in (1, 6, 10, 19):
            call = bench.dial(login[:cut])
            await trio.sleep(2)
            call.say(login[cut:])
            await settled()
        assert len(bench.of_modem(ModemConnected, "33010042")) == 4


# -- not named


async def test_a_held_sign_is_settled_by_a_pause(autojump_clock: MockClock) -> None:
    imei = "861234567890123"
    settings = LinkSettings(registration=r"(?P<modem_id>\d{15})")
    async with Bench([device(modem=imei)], settings=settings).run() as bench:
        bench.dial(imei.encode())
        await settled()
        assert bench.of_modem(ModemConnected, imei) == []
        await trio.sleep(1)
        assert bench.of_modem(ModemConnected, imei)[0].link == "raw"


async def test_who_is_still_in_doubt_after_three_seconds_is_noted_and_listened_to(
    autojump_clock: MockClock,
) -> None:
    async with Bench([device()], settings=AUTO).run() as bench:
        call = bench.dial(b"MOD")
        await trio.sleep(2.5)
        assert callers(bench) == []
        await trio.sleep(1)
        (caller,) = callers(bench)
        assert caller.first_bytes == b"MOD"
        assert "no link that is known" in caller.reason
        assert not call.closed
        call.say(b"EM:M1\r\n")
        await settled()
        assert len(bench.of_modem(ModemConnected)) == 1
        assert len(callers(bench)) == 1


async def test_who_stays_in_doubt_is_let_go_and_noted_once(autojump_clock: MockClock) -> None:
    async with Bench(settings=AUTO).run() as bench:
        call = bench.dial(b"MOD")
        await trio.sleep(IDENTIFY_S_MAX + 3)
        assert call.closed
        assert len(callers(bench)) == 1


async def test_bytes_of_no_link_are_let_go_at_the_limit(autojump_clock: MockClock) -> None:
    async with Bench(settings=LinkSettings()).run() as bench:
        call = bench.dial(b"\xfe" * (DETECTION_SIZE_MAX - 1))
        await settled()
        assert not call.closed
        call.say(b"\xfe")
        await settled()
        assert call.closed
        assert len(callers(bench)[0].first_bytes) == DETECTION_SIZE_MAX


async def test_nonsense_is_noted_with_its_first_bytes_and_let_go(
    autojump_clock: MockClock,
) -> None:
    async with Bench(settings=AUTO).run() as bench:
        call = bench.dial(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", peer="10.9.9.9:9")
        await settled()
        assert call.closed
        (caller,) = callers(bench)
        assert (caller.peer, caller.listener) == ("10.9.9.9:9", "bench")
        assert caller.first_bytes == b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
        assert "no link that is known" in caller.reason


async def test_a_text_that_breaks_off_is_noted_whole(autojump_clock: MockClock) -> None:
    async with Bench(settings=LinkSettings(link="raw", registration=TEMPLATE)).run() as bench:
        call = bench.dial(b"MOD", b"EM:", b"!!")
        await settled()
        assert call.closed
        assert callers(bench)[0].first_bytes == b"MODEM:!!"


async def test_who_says_nothing_is_let_go_after_a_minute(autojump_clock: MockClock) -> None:
    async with Bench(settings=AUTO).run() as bench:
        call = bench.dial()
        await trio.sleep(IDENTIFY_S_MAX - 1)
        assert not call.closed
        await trio.sleep(3)
        assert call.closed
        (caller,) = callers(bench)
        assert caller.first_bytes == b""


async def test_who_talks_and_talks_without_a_name_is_let_go_too(
    autojump_clock: MockClock,
) -> None:
    async with Bench(settings=LinkSettings(link="raw", registration=TEMPLATE)).run() as bench:
        call = bench.dial()
        for _ in range(int(IDENTIFY_S_MAX) // 5 + 1):
            call.say(b"\x00")
            await trio.sleep(5)
        assert call.closed
        assert "did not say within 60 s" in callers(bench)[0].reason


async def test_who_hangs_up_without_a_name_is_noted_once(autojump_clock: MockClock) -> None:
    async with Bench(settings=AUTO).run() as bench:
        bench.dial(b"MODEM:", b"")
        await settled()
        assert [caller.first_bytes for caller in callers(bench)] == [b"MODEM:"]
        assert bench.listener.callers == {}


async def test_a_named_caller_may_be_silent_for_longer(autojump_clock: MockClock) -> None:
    async with Bench([device()], settings=AUTO).run() as bench:
        call = await bench.call_in()
        await trio.sleep(10 * IDENTIFY_S_MAX)
        assert not call.closed


async def test_a_push_link_that_breaks_is_closed(autojump_clock: MockClock) -> None:
    async with Bench([device("AB-77", "P1", framing="wrapper")], settings=AUTO).run() as bench:
        call = bench.dial(named(1, b"AB-77") + b"\x00\x02" + b"x" * 20)
        await settled()
        assert call.closed
        assert len(bench.of_meter(Reading, "AB-77")) == 1
        assert bench.crashes() == {}


# -- many


async def test_a_storm_of_logins_names_everybody(autojump_clock: MockClock) -> None:
    meters = [device(f"m{n}", f"M{n}") for n in range(300)]
    async with Bench(meters, settings=AUTO).run() as bench:
        calls = [bench.dial(f"MODEM:M{n}\r\n".encode()) for n in range(300)]
        await settled()
        assert not any(call.closed for call in calls)
        assert all(len(bench.of_modem(ModemConnected, f"M{n}")) == 1 for n in range(300))


async def test_unknown_modems_do_not_fill_the_memory(autojump_clock: MockClock) -> None:
    async with Bench([device()], settings=AUTO).run() as bench:
        calls = []
        for number in range(UNKNOWN_MODEMS_MAX + 20):
            calls.append(bench.dial(f"MODEM:X{number}\r\n".encode()))
            await trio.lowlevel.checkpoint()
        await settled()
        taken = [call for call in calls if not call.closed]
        assert len(taken) == bench.context.modem_count() <= UNKNOWN_MODEMS_MAX + 1
        assert len(bench.of_modem(ModemQuarantined, "X0")) == 1
        known = await bench.call_in()
        assert not known.closed

"""A protected message that carries no values is not heard twice either, however late it comes."""

import pytest
from actor_bench import START, Bench, device, settled
from trio.testing import MockClock

from hes.events.meter_event import MeterEvent
from hes.events.power import PowerFailure
from hes.events.reading import PushKept, Reading
from protocols.dlms import axdr_encode as ax
from protocols.dlms.apdu_ciphered import GENERAL_GLO, encode_ciphered
from protocols.dlms.apdu_push import encode_data_notification, encode_event_notification
from protocols.dlms.cosem import Attribute, obis_bytes
from protocols.dlms.cosem_time import encode_time
from protocols.dlms.security import protect
from protocols.dlms.wrapper import encode_wpdu

KEY, AK, TITLE = b"K" * 16, b"A" * 16, b"TST\x00\x00\x00\x00\x01"
SEALED = device(framing="wrapper", encryption_key=KEY, authentication_key=AK, system_title=TITLE)
TIME = encode_time(START, utc_offset_min=420)
LAST_GASP = Attribute(1, obis_bytes("128.128.128.128.128.0"), 2)
LOGGED = Attribute(1, obis_bytes("0.0.96.11.0.255"), 2)
DIGESTS = 70
"""More than are remembered."""
EVENT = encode_event_notification(TIME, LOGGED, ax.u8(44))
MESSAGES = {
    "event": (EVENT, MeterEvent),
    "event-without-time": (encode_event_notification(None, LOGGED, ax.u8(44)), MeterEvent),
    "last-gasp": (encode_event_notification(TIME, LAST_GASP, ax.octets(b"1")), PowerFailure),
    "bare-values": (encode_data_notification(1, TIME, ax.structure(ax.u8(1), ax.u8(2))), PushKept),
}


def sealed(counter: int, plain: bytes) -> bytes:
    message = protect(plain, title=TITLE, control=0x30, counter=counter, key=KEY, ak=AK)
    return encode_wpdu(1, 103, encode_ciphered(GENERAL_GLO, message, TITLE))


@pytest.mark.parametrize("name", MESSAGES)
async def test_a_replay_after_many_others_is_kept_as_such(
    autojump_clock: MockClock, name: str
) -> None:
    plain, kind = MESSAGES[name]
    async with Bench([SEALED]).run() as bench:
        call = await bench.call_in()
        first = sealed(100, plain)
        call.say(first)
        await settled()
        (told,) = bench.of_meter(kind)
        assert told.counter == 100
        values = ax.array(ax.structure(ax.octets(obis_bytes("1.0.1.8.0.255")), ax.u32(1)))
        for number in range(DIGESTS):
            call.say(sealed(101 + number, encode_data_notification(number + 1, None, values)))
            await settled()
        assert len(bench.of_meter(Reading)) == DIGESTS
        call.say(first)
        await settled()
        stale = [kept for kept in bench.of_meter(PushKept) if kept.reason == "stale-counter"]
        assert [kept.data for kept in stale] == [first[8:]]
        assert stale[0].counter is None
        again = [event for event in bench.of_meter(kind) if event.counter is not None]
        assert len(again) == 1


async def test_a_counter_that_an_event_has_used_is_used(autojump_clock: MockClock) -> None:
    """The next message under it is no other one, whatever it says."""
    async with Bench([SEALED]).run() as bench:
        call = await bench.call_in()
        call.say(sealed(5, EVENT))
        await settled()
        call.say(sealed(5, encode_event_notification(TIME, LOGGED, ax.u8(45))))
        await settled()
        assert [event.code for event in bench.of_meter(MeterEvent)] == [44]
        assert [kept.reason for kept in bench.of_meter(PushKept)] == ["stale-counter"]

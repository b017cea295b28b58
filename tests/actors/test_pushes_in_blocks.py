"""Pushes in blocks whose sender waits for each: acknowledged at once, confirmed when stored."""

import pytest
from actor_bench import RAW, Bench, device, settled
from scripted_meter import ENERGY, push_of, register
from trio.testing import MockClock

from hes.events.reading import Reading
from protocols.dlms import axdr_encode as ax
from protocols.dlms.apdu import decode_apdu
from protocols.dlms.cosem import obis_bytes
from protocols.dlms.gbt import TAG, Block, decode_block, encode_block
from protocols.dlms.wrapper import WrapperReader, encode_wpdu
from protocols.links.base import LinkSettings

NAME = ax.structure(ax.octets(obis_bytes("0.0.96.1.0.255")), ax.octets(b"AB-77"))


def apdus(heard: bytes) -> list[bytes]:
    reader, found = WrapperReader(), []
    reader.receive_data(heard)
    while (wpdu := reader.next_wpdu()) is not None:
        found.append(wpdu.apdu)
    return found


@pytest.mark.parametrize("nameless", [False, True])
async def test_they_are_readings(autojump_clock: MockClock, nameless: bool) -> None:
    """Behind a modem, and of a caller whose name stands in the last of the blocks."""
    meter = device("AB-77", "M1", framing="wrapper", link="dlms-push" if nameless else "raw")
    push = push_of(1, register(ENERGY, 7), NAME)[8:]
    async with Bench([meter], settings=LinkSettings() if nameless else RAW).run() as bench:
        call = bench.dial() if nameless else await bench.call_in()
        bench.gate.shut()
        pieces = [push[at : at + 20] for at in range(0, len(push), 20)]
        for number, piece in enumerate(pieces, start=1):
            block = Block(number == len(pieces), False, 1, number, number - 1, piece)
            call.say(encode_wpdu(1, 103, encode_block(block)))
            await settled()
            (told,) = apdus(call.take())
            assert told[0] == TAG
            assert decode_block(told).acknowledged == number
        assert bench.of_meter(Reading, "AB-77") == []
        bench.gate.open()
        await settled()
        (reading,) = bench.of_meter(Reading, "AB-77")
        assert reading.values[0] == 7
        (confirm,) = map(decode_apdu, apdus(call.take()))
        assert confirm.long_invoke_id & 0xFFFFFF == 1
        assert bench.crashes() == {}

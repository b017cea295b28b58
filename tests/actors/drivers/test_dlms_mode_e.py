"""DLMS meters behind a sign-on of IEC 62056-21: mode E."""

import random
from datetime import UTC, datetime
from typing import Any

import pytest
from pump import converse

from actors.drivers.base import DriverWorld
from actors.drivers.registry import make_driver
from hes.devices import MODE_E, Device
from hes.fleet.dlms_meter import SimulatedDlmsMeter
from hes.fleet.dlms_server import MeterIdentity
from hes.ids import MeterId, ModemId
from protocols.dlms.hdlc import HdlcReader, Kind
from protocols.errors import MeterRefused, MeterSilent
from protocols.iec62056_21.frame import encode_command

NOW = datetime(2026, 3, 1, 5, 0, tzinfo=UTC)
ENERGY = "1.0.1.8.0.255"


class ModeEMeter:
    """It speaks no HDLC before the option is chosen, and nothing else until it is let go."""

    def __init__(self, *, offers: bool = True) -> None:
        self.inner = SimulatedDlmsMeter(
            MeterIdentity(serial="7"), framing="hdlc", logical=1, physical=17,
            world=lambda: NOW, rng=random.Random(7),
        )  # fmt: skip
        self.offers = offers
        self.binary = False
        self.heard: list[bytes] = []

    def receive(self, sent: bytes) -> bytes:
        if self.binary:
            self.binary = not any(frame.kind is Kind.DISC for frame in frames(sent))
            return self.inner.receive(sent)
        plain = bytes(byte & 0x7F for byte in sent)
        self.heard.append(plain)
        if plain == b"/?00000007!\r\n":
            return b"/SIM5\\2TEST\r\n" if self.offers else b"/SIM5TEST\r\n"
        if plain == b"\x06252\r\n":
            self.binary = True
            return plain
        return b""


def frames(data: bytes) -> list[Any]:
    reader = HdlcReader()
    reader.receive_data(data)
    found = []
    while (frame := reader.next_frame()) is not None:
        found.append(frame)
    return found


def driver(address: str) -> Any:
    device = Device(meter_id=MeterId("7"), modem_id=ModemId("9"), framing=MODE_E, address=address)
    world = DriverWorld(
        now=lambda: NOW, random_bytes=random.Random(8).randbytes, counter=lambda: 0,
        utc_offset_min=420,
    )  # fmt: skip
    return make_driver(device, world)


@pytest.mark.parametrize("piece", [0, 3])
def test_each_conversation_signs_on_and_gives_the_line_back(piece: int) -> None:
    meter, ours = ModeEMeter(), driver("00000007/17")
    for _ in range(2):
        read = converse(ours.registers([ENERGY]), meter.receive, piece=piece)
        assert [value.obis for value in read.values] == [ENERGY]
        assert not meter.binary
    assert meter.heard.count(b"\x06252\r\n") == 2
    assert meter.heard[0].startswith(encode_command("B0")), "others may be on the line"


def test_a_meter_that_does_not_offer_it_refuses() -> None:
    with pytest.raises(MeterRefused, match="mode E"):
        converse(driver("00000007/17").registers([ENERGY]), ModeEMeter(offers=False).receive)


def test_a_meter_that_is_called_otherwise_is_silent() -> None:
    with pytest.raises(MeterSilent):
        converse(driver("8/17").registers([ENERGY]), ModeEMeter().receive)

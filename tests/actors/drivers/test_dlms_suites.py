"""The security suite of a meter: by the size of its keys, and by its type where they are short."""

import random
from collections.abc import Iterator

import pytest

from actors.drivers.base import DriverWorld
from actors.drivers.dlms_session import DlmsSessions
from hes.devices import Device
from hes.ids import MeterId, ModemId
from protocols.dlms.apdu import decode_apdu
from protocols.dlms.client import DlmsClient
from protocols.dlms.opened import open_ciphered
from protocols.dlms.options import DlmsOptions
from protocols.dlms.security import Keys
from protocols.dlms.timers import DlmsTimers

SHORT, LONG = bytes(range(16)), bytes(range(32))
TITLE = b"HES\0\0\0\0\1"
SUITES = [(0, SHORT, 0), (1, SHORT, 1), (2, LONG, 0), (2, LONG, 1)]


@pytest.mark.parametrize(("suite", "key", "short"), SUITES)
def test_the_device_list_and_the_type_of_a_meter_tell_the_suite(
    suite: int, key: bytes, short: int
) -> None:
    device = Device(
        meter_id=MeterId("7"), modem_id=ModemId("9"), framing="wrapper", auth="gmac",
        encryption_key=key, authentication_key=key,
    )  # fmt: skip
    rng = random.Random(1)
    world = DriverWorld(
        now=lambda: None,  # type: ignore[arg-type, return-value]
        random_bytes=rng.randbytes, counter=lambda: 5, utc_offset_min=420,
    )  # fmt: skip
    options = DlmsOptions(suite=short, dedicated_key=True)  # type: ignore[arg-type]
    sessions = DlmsSessions(device, world, options, DlmsTimers())

    def work(_client: DlmsClient) -> Iterator[None]:
        raise AssertionError("there is no association")

    sent = next(sessions.once(work)).send  # type: ignore[arg-type]
    information = decode_apdu(decode_apdu(sent[8:]).user_information)
    assert information.header.control == 0x30 | suite
    opened = open_ciphered(information, Keys(key, key), TITLE).plain
    assert len(opened.dedicated_key) == len(key)

"""A client that we did not write reads our simulated meter: dlms-cosem 21.3.2.

Over the wrapper it reads with no authentication and with a password, blocks and all. What it cannot
do, so that nothing here tests it:

* HLS-GMAC goes as far as the meter's proof: ``glo-action-response`` (tag 207) is missing in its
  factory of APDUs, so every HLS association with ciphering ends in a KeyError;
* its HDLC transport cuts frames at the next 7E, so a frame with 7E inside, a stray byte or a shared
  flag stops it for good; it negotiates nothing (128 bytes of information) and repeats nothing;
* its HDLC addresses are the sum of the sizes of both parts, three bytes for 1/1234, which is no
  address size of HDLC: meters with a lower address above 127 are out of its reach;
* a range whose times carry a weekday: it writes "not specified" there, as is allowed.
"""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from dlms_bench import NOW, Bench
from dlms_cosem import exceptions, utils
from dlms_cosem.clients.dlms_client import DataResultError, DlmsClient
from dlms_cosem.cosem.capture_object import CaptureObject
from dlms_cosem.cosem.selective_access import RangeDescriptor
from dlms_cosem.parsers import ProfileGenericBufferParser
from dlms_cosem.time import datetime_from_bytes
from dlms_cosem_peer import attribute, over_hdlc, over_tcp, settings

from hes.fleet.dlms_objects import PROFILE_COLUMNS
from protocols.dlms.acse import Mechanism

CLOCK = attribute(8, "0.0.1.0.0.255", 2)
BUFFER = attribute(7, "1.0.99.1.0.255", 2)
VIETNAM = timezone(timedelta(hours=7))
END = datetime(2026, 3, 31, 6, 30, tzinfo=UTC)
HOURS = 6
COLUMNS = [CLOCK, attribute(1, "0.0.96.10.1.255", 2)]
COLUMNS += [attribute(3, code, 2) for code in PROFILE_COLUMNS]


def read_everything(client: DlmsClient) -> dict[str, Any]:
    """Read clock, registers with their scales, and a load profile by range."""
    client.associate()
    window = RangeDescriptor(
        restricting_object=CaptureObject(CLOCK),
        from_value=(END - timedelta(hours=HOURS)).astimezone(VIETNAM),
        to_value=END.astimezone(VIETNAM),
    )
    found = {
        "clock": utils.parse_as_dlms_data(client.get(CLOCK)),
        "energy": utils.parse_as_dlms_data(client.get(attribute(3, "1.0.1.8.0.255", 2))),
        "energy-scale": utils.parse_as_dlms_data(client.get(attribute(3, "1.0.1.8.0.255", 3))),
        "voltage": utils.parse_as_dlms_data(client.get(attribute(3, "1.0.32.7.0.255", 2))),
        "voltage-scale": utils.parse_as_dlms_data(client.get(attribute(3, "1.0.32.7.0.255", 3))),
        "serial": utils.parse_as_dlms_data(client.get(attribute(1, "0.0.96.1.0.255", 2))),
        "columns": utils.parse_as_dlms_data(client.get(attribute(7, "1.0.99.1.0.255", 3))),
        "period": utils.parse_as_dlms_data(client.get(attribute(7, "1.0.99.1.0.255", 4))),
        "buffer": client.get(BUFFER, window),
    }
    client.release_association()
    return found


def check(found: dict[str, Any], bench: Bench) -> None:
    truth = bench.meter.objects.consumption
    clock, _ = datetime_from_bytes(found["clock"])
    assert clock == NOW
    assert clock.utcoffset() == timedelta(hours=7)
    assert found["energy"] == truth.energy_wh(NOW)
    assert found["energy-scale"] == [0, 30]
    assert found["voltage"] == round(truth.voltages_v(NOW)[0] * 10)
    assert found["voltage-scale"] == [-1, 35]
    assert found["serial"] == b"20001234"
    assert [(c[0], ".".join(map(str, c[1]))) for c in found["columns"]][2:] == [
        (3, code) for code in PROFILE_COLUMNS
    ]
    period_min = found["period"] // 60
    parser = ProfileGenericBufferParser(capture_objects=COLUMNS, capture_period=period_min)
    rows = parser.parse_bytes(found["buffer"])
    times = [row[0].value for row in rows]
    assert times == [END - timedelta(minutes=30 * n) for n in reversed(range(2 * HOURS + 1))]
    assert [next(c.value for c in row if c.attribute == COLUMNS[2]) for row in rows] == [
        truth.energy_wh(time) for time in times
    ]


@pytest.mark.parametrize("max_pdu", [1024, 200, 128])
@pytest.mark.parametrize("auth", [Mechanism.NONE, Mechanism.LOW])
async def test_reads_over_the_wrapper(auth: Mechanism, max_pdu: int) -> None:
    bench = Bench("wrapper", auth, max_pdu=max_pdu)
    check(await over_tcp(bench.meter, read_everything, **settings(auth)), bench)


async def test_reads_a_profile_without_what_did_not_change() -> None:
    """Null in the clock column: its parser counts on by the period, as ours does."""
    bench = Bench("wrapper", compress=True)
    found = await over_tcp(bench.meter, read_everything, **settings(Mechanism.LOW))
    check(found, bench)
    assert b"\x02\x06\x00" in found["buffer"]


async def test_reads_what_arrives_in_pieces() -> None:
    bench = Bench("wrapper")
    check(await over_tcp(bench.meter, read_everything, piece=7, **settings(Mechanism.LOW)), bench)


async def test_is_refused_with_a_wrong_password() -> None:
    bench = Bench("wrapper")
    with pytest.raises(exceptions.DlmsClientException, match=r"AUTHENTICATION_FAILURE|13"):
        await over_tcp(bench.meter, read_everything, **settings(Mechanism.LOW, b"00000000"))


async def test_hears_a_refused_object() -> None:
    def ask(client: DlmsClient) -> None:
        client.associate()
        client.get(attribute(3, "1.0.99.9.9.255", 2))

    with pytest.raises(DataResultError, match="OBJECT_UNDEFINED"):
        await over_tcp(Bench("wrapper").meter, ask, **settings(Mechanism.LOW))


@pytest.mark.parametrize("physical", [None, 17])
@pytest.mark.parametrize("auth", [Mechanism.NONE, Mechanism.LOW])
def test_reads_over_hdlc_where_it_can(physical: int | None, auth: Mechanism) -> None:
    """Server addresses of one and two bytes; no 7E stands inside any of these frames."""
    bench = Bench("hdlc", auth, physical=physical, max_pdu=128)
    client = over_hdlc(bench.meter, physical, **settings(auth))
    client.connect()
    check(read_everything(client), bench)

"""Both ends of a DL/T 645 library that we did not write: PyPI dlt645 3.2.0.

Its client reads our simulated meter, and our driver reads its server. What does not work, so that
nothing here tests it:

* it knows the standard of 2007 only, and no load records;
* its client reads a maximum demand from three bytes too far on, without its time: an error, though
  its own server sends what the standard says;
* its client and its server take no blocks: a block's answer has no item in the client's table, and
  the server refuses it (our driver then asks one by one);
* its client reads no settlement's freeze (05): it has no such items;
* its broadcast of the time goes out with the year first; the standard, and our meter, want the
  seconds first. It is therefore no time for our meter, which leaves its clock alone;
* its client does not tell a taken write from a refused one: both are None;
* its server answers questions to other addresses, with a refusal, and broadcasts nothing;
* its server's clock does not run.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from blocking_peer import behind_tcp
from dlt645 import Demand, DLT645Protocol
from dlt645.model.data.define import DIMap
from dlt645.service.clientsvc import client_service
from dlt645.service.clientsvc.client_service import MeterClientService
from dlt645.service.serversvc import server_service
from dlt645.service.serversvc.server_service import MeterServerService
from dlt645_bench import NOW, Bench
from pump import converse

from hes.fleet.dlt645_meter import Dlt645Plan, SimulatedDlt645Meter
from protocols.errors import MeterRefused
from protocols.values import ReadValue

SERIAL = "12345678"
ADDRESS = bytes.fromhex("785634120000")
VIETNAM = timedelta(hours=7)


@pytest.fixture(autouse=True, scope="module")
def _one_table() -> Iterator[None]:
    """Its clients and servers copy a table of thousands of items, which takes seconds; one does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(client_service.data, "clone_data_map", lambda: DIMap)
        patch.setattr(server_service, "clone_data_map", lambda: DIMap)
        yield


# -- its client, our meter


class Line:
    """What its client takes for a serial line; at the other end is our meter."""

    _message_capture = None

    def __init__(self, meter: SimulatedDlt645Meter) -> None:
        self._meter = meter

    def _ensure_connection(self) -> bool:
        return True

    def send_request(self, data: bytes) -> bytes | None:
        """Return the meter's answer; None when it is silent."""
        return self._meter.receive(bytes(data)) or None

    def send_only(self, data: bytes) -> bool:
        """Send what has no answer."""
        assert self._meter.receive(bytes(data)) == b""
        return True


def their_client(meter: SimulatedDlt645Meter) -> MeterClientService:
    client = MeterClientService(Line(meter))
    client.set_address(ADDRESS.hex())
    client.address = bytearray(ADDRESS)
    return client


def our_meter() -> SimulatedDlt645Meter:
    return SimulatedDlt645Meter(Dlt645Plan(serial=SERIAL), world=lambda: NOW)


def check(client: MeterClientService, meter: SimulatedDlt645Meter) -> None:
    """Compare what the client reads with what the meter holds."""
    c = meter.values.consumption
    rates = [wh // 10 for wh in c.rate_energy_wh(NOW)]
    energies = [client.read_00(0x00010000 + 0x100 * rate).value for rate in range(4)]
    assert energies == pytest.approx([n / 100 for n in [sum(rates), *rates]], abs=1e-6)
    month = datetime(2026, 11, 1, tzinfo=UTC) - VIETNAM
    latched = sum(wh // 10 for wh in c.rate_energy_wh(month))
    assert client.read_00(0x00010001).value == pytest.approx(latched / 100, abs=1e-6)
    for phase in range(3):
        volts = client.read_02(0x02010100 + 0x100 * phase)
        assert (volts.value, volts.unit) == (pytest.approx(c.voltages_v(NOW)[phase], abs=0.06), "V")
        amperes = client.read_02(0x02020100 + 0x100 * phase)
        assert amperes.value == pytest.approx(c.currents_a(NOW)[phase], abs=0.0006)
    power = client.read_02(0x02030000)
    assert (power.value, power.unit) == (pytest.approx(c.power_w(NOW) / 1000, abs=1e-4), "kW")
    assert client.read_02(0x02060000).value == pytest.approx(c.power_factor, abs=1e-3)
    assert client.read_02(0x02800002).value == 50.0
    assert client.read_04(0x04000101).value == "26112806"
    assert client.read_04(0x04000102).value == "130017"
    assert client.read_04(0x04000402).value == SERIAL.rjust(12, "0")


def test_its_client_reads_our_meter() -> None:
    meter = our_meter()
    check(their_client(meter), meter)


@pytest.mark.parametrize("piece", [0, 3])
async def test_its_client_reads_our_meter_over_tcp(piece: int) -> None:
    meter = our_meter()

    def run(port: int) -> None:
        client = MeterClientService.new_tcp_client("127.0.0.1", port, timeout=5)
        client.address = bytearray(ADDRESS)
        assert client.connect()
        try:
            check(client, meter)
        finally:
            client.disconnect()

    await behind_tcp(meter.receive, run, piece=piece)


def test_its_client_finds_the_address() -> None:
    client = MeterClientService(Line(our_meter()))
    assert client.read_address().value == ADDRESS.hex()
    assert client.address == ADDRESS


def test_its_client_hears_a_refusal_and_silence_alike() -> None:
    client = their_client(our_meter())
    assert client.read_00(0x00770000) is None
    client.address = bytearray(6)
    assert client.read_00(0x00010000) is None


def test_its_client_sets_the_clock_and_freezes() -> None:
    meter = our_meter()
    client = their_client(meter)
    client.write_04(0x04000102, "131500", "02000000")
    assert (meter.writes, meter.clock.now()) == (1, NOW.replace(minute=15, second=0))
    client.write_04(0x04000102, "140000", "02999999")
    assert (meter.writes, meter.clock.now()) == (1, NOW.replace(minute=15, second=0))
    assert client.freeze(99, 99, 99, 99) is not None
    assert client.freeze(99, 99, 99, 99, broadcast=True) is not None
    assert len(meter.values.freezes) == 2


def test_its_broadcast_is_no_time_of_the_standard() -> None:
    meter = our_meter()
    assert their_client(meter).broadcast_time_sync(NOW + VIETNAM + timedelta(seconds=60))
    assert meter.clock.now() == NOW


# -- our driver, its server

ENERGIES = {0x00010000: 1234.56, 0x00010100: 1000.25, 0x00010200: 200.31, 0x00010300: 34.0,
            0x00020000: 7.5, 0x00030000: 55.5, 0x00010001: 1200.0}  # fmt: skip
INSTANTS = {0x02010100: 230.1, 0x02020100: 5.123, 0x02030000: 1.2345, 0x02060000: 0.987,
            0x02800002: 49.98}  # fmt: skip
EXPECTED = {
    "1.8.0.255": (123456, 1, 30), "1.8.1.255": (100025, 1, 30), "1.8.2.255": (20031, 1, 30),
    "1.8.3.255": (3400, 1, 30), "2.8.0.255": (750, 1, 30), "3.8.0.255": (5550, 1, 32),
    "1.8.0.101": (120000, 1, 30), "32.7.0.255": (2301, -1, 35), "31.7.0.255": (5123, -3, 33),
    "1.7.0.255": (12345, -1, 27), "13.7.0.255": (987, -3, 255), "14.7.0.255": (4998, -2, 44),
    "1.6.0.255": (31415, -1, 27),
}  # fmt: skip
"""Code to value, scaler and unit of what stands above."""


class TheirMeter:
    """Its server, without its socket: frames cut by its own reader."""

    def __init__(self) -> None:
        self.server = MeterServerService(Line(our_meter()))
        self.server.set_address(ADDRESS)
        assert self.server.set_password("02000000")
        for di, value in ENERGIES.items():
            assert self.server.set_00(di, value)
        for di, value in INSTANTS.items():
            assert self.server.set_02(di, value)
        peak = Demand(3.1415, datetime(2026, 11, 5, 10, 30, tzinfo=UTC))  # its time is local
        assert self.server.set_01(0x01010000, peak)
        assert self.server.set_04(0x04000101, "26112806")
        assert self.server.set_04(0x04000102, "130017")

    def receive(self, data: bytes) -> bytes:
        rest, frame = DLT645Protocol.deserialize_with_remaining(data)
        assert rest == b""
        assert frame is not None
        return bytes(self.server.handle_request(frame) or b"")


def bare(read: ReadValue) -> tuple[Any, int, int]:
    """Return value, scaler and unit; a unit with a prefix as the plain one."""
    assert read.scaler is not None
    assert read.unit is not None
    prefix = (read.unit >> 8 ^ 0x80) - 0x80
    return read.value, read.scaler + prefix, read.unit & 0xFF


def run(dialogue: Any, meter: TheirMeter, piece: int = 0) -> Any:
    return converse(dialogue, meter.receive, piece=piece)


@pytest.mark.parametrize("piece", [0, 3])
def test_our_driver_reads_its_server(piece: int) -> None:
    codes = [f"1.0.{code}" for code in EXPECTED]
    read = run(Bench().driver.registers(codes), TheirMeter(), piece)
    assert read.refused == {}
    found = {value.obis.removeprefix("1.0."): bare(value) for value in read.values}
    assert found == EXPECTED
    (demand,) = [v for v in read.values if v.obis == "1.0.1.6.0.255"]
    assert demand.time == datetime(2026, 11, 5, 3, 30, tzinfo=UTC)


def test_our_driver_finds_its_address() -> None:
    read = run(Bench(address="").driver.registers(["1.0.1.8.0.255"]), TheirMeter())
    assert [value.value for value in read.values] == [123456]


def test_our_driver_hears_its_refusals(monkeypatch: pytest.MonkeyPatch) -> None:
    meter = TheirMeter()
    monkeypatch.delitem(DIMap, 0x02800002)  # it has some value for nearly everything
    read = run(Bench().driver.registers(["1.0.1.8.0.255", "1.0.14.7.0.255"]), meter)
    assert [value.value for value in read.values] == [123456]
    assert list(read.refused) == ["1.0.14.7.0.255"]


def test_our_driver_sets_its_clock() -> None:
    bench, meter = Bench(), TheirMeter()
    assert run(bench.driver.clock(), meter).meter_time == NOW
    bench.now += timedelta(seconds=700)
    run(bench.driver.set_clock(shift_s_max=60), meter)
    assert meter.server.get_data_item(0x04000102).value == "131157"
    assert meter.server.get_data_item(0x04000101).value == "26112806"


def test_our_driver_is_refused_with_a_wrong_password() -> None:
    bench, meter = Bench(password="123456"), TheirMeter()
    bench.now += timedelta(seconds=700)
    with pytest.raises(MeterRefused, match="password"):
        run(bench.driver.set_clock(shift_s_max=60), meter)
    assert meter.server.get_data_item(0x04000102).value == "130017"

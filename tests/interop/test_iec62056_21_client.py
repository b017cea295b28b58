"""A client that we did not write reads our simulated meter: PyPI iec62056-21 0.0.2.

It reads the readout, single registers (R1), tables whole (R5) and in parts (R6), and writes (W1),
over TCP and with the answers in pieces. What it cannot do, so that nothing here tests it:

* ``send_password`` ends in a TypeError: its own ``DataSet`` wants an address. The command is built
  by hand below, as ``CommandMessage("P", 1, DataSet("", password))``;
* it has no server: our driver reads one put together from its messages, at the end. Its module
  ``meter`` imports packages that are not published;
* ``read_single_value`` takes one bracket: a maximum demand with its time is TooManyValuesReturned;
* it asks nobody again after a damaged answer but says NAK for ever: it knows no end of tries;
* it waits by ``time.sleep``, 250 ms after each message, unless the meter's sign ends in a small
  letter: ours does here;
* the only check it knows is the XOR of ISO 1155, and it knows no modes A, B, D and E.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from blocking_peer import behind_tcp
from iec62056_21 import constants, exceptions
from iec62056_21.client import Iec6205621Client
from iec62056_21.messages import (
    CommandMessage,
    DataBlock,
    DataLine,
    DataSet,
    IdentificationMessage,
    ReadoutDataMessage,
)
from pump import converse

from actors.drivers.base import DriverWorld
from actors.drivers.registry import make_driver
from hes.devices import Device
from hes.fleet.iec62056_21_meter import Iec62056Plan, Mood, SimulatedIec62056Meter
from hes.fleet.iec62056_21_values import parts
from hes.ids import MeterId, ModemId

NOW = datetime(2026, 11, 28, 6, 0, 17, tzinfo=UTC)  # 13:00:17 where the meter is
SERIAL = "20001234"
PASSWORD = "13572468"
ROWS = 49
"""Of a day: both ends count."""


def meter(address: str = "", **plan: Any) -> SimulatedIec62056Meter:
    return SimulatedIec62056Meter(
        Iec62056Plan(
            serial=SERIAL, address=address, password=PASSWORD,
            identification="SIm5\\@HES010000", **plan,
        ),
        world=lambda: NOW,
    )  # fmt: skip


async def talk(
    to: SimulatedIec62056Meter,
    words: Callable[[Iec6205621Client], Any],
    *,
    address: str = SERIAL,
    piece: int = 0,
) -> Any:
    def run(port: int) -> Any:
        client = Iec6205621Client.with_tcp_transport(("127.0.0.1", port), address)
        client.transport.disconnect()  # its socket waits 30 s; make one that does not
        client.transport.timeout = 5
        client.connect()
        try:
            return words(client)
        finally:
            client.disconnect()

    return await behind_tcp(to.receive, run, piece=piece)


def unlock(client: Iec6205621Client, password: str = PASSWORD) -> Any:
    """Go through the sign-on into programming mode; return what the meter asked with."""
    asked = client.access_programming_mode()
    client.transport.send(CommandMessage("P", 1, DataSet("", password)).to_bytes())
    return asked


@pytest.mark.parametrize("piece", [0, 3])
async def test_reads_the_readout(piece: int) -> None:
    m = meter()
    answer = await talk(m, lambda client: client.standard_readout(), piece=piece)
    shown = [(s.address, s.value, s.unit) for s in answer.data]
    c = m.values.consumption
    wh = c.energy_wh(NOW)
    assert (shown[1], shown[2]) == (("0.0.0", SERIAL, None), ("C.1.0", SERIAL, None))
    assert ("1.8.0", f"{wh // 1000:06}.{wh % 1000:03}", "kWh") in shown
    assert ("0.9.1", "0130017", None) in shown
    assert ("0.9.2", "0261128", None) in shown
    assert ("32.7.0", f"{c.voltages_v(NOW)[0]:05.1f}", "V") in shown
    maximum = next(n for n, (code, *_) in enumerate(shown) if code == "1.6.0")
    assert shown[maximum + 1][0] is None, "the time of the maximum stands in the next brackets"
    # One data set for each register, and one more for that time.
    assert len(shown) == len(m.values.registers) + 1
    assert m.mood is Mood.REQUEST


async def test_another_meter_of_the_line_is_silent() -> None:
    """The client waits in vain; what it asks with is right, as the other tests show."""
    m = meter(address="77")
    request = f"/?{SERIAL}!\r\n".encode()
    assert m.receive(request) == b""
    answer = await talk(m, lambda client: client.standard_readout(), address="77")
    assert answer.data[1].value == SERIAL


async def test_reads_registers_and_sets_the_clock() -> None:
    m = meter()

    def words(client: Iec6205621Client) -> dict[str, Any]:
        asked = unlock(client)
        found: dict[str, Any] = {"asked": asked, "taken": client._recv_ack()}
        found["energy"] = client.read_single_value("1.8.0")
        found["missing"] = client.read_single_value("9.9.9")
        with pytest.raises(exceptions.TooManyValuesReturned):
            client.read_single_value("1.6.0")
        client.write_single_value("0.9.1", "131000")
        found["time"] = client.read_single_value("0.9.1")
        client.send_break()
        return found

    found = await talk(m, words)
    assert (found["asked"].command, found["asked"].command_type) == ("P", 0)
    assert found["asked"].data_set.value == SERIAL
    assert found["taken"] == constants.ACK
    wh = m.values.consumption.energy_wh(NOW)
    energy = found["energy"]
    assert (energy.address, energy.value, energy.unit) == (
        "1.8.0", f"{wh // 1000:06}.{wh % 1000:03}", "kWh",
    )  # fmt: skip
    assert (found["missing"].address, found["missing"].value) == (None, "ER07")
    assert found["time"].value == "0131000"
    assert m.clock.now() == NOW.replace(minute=10, second=0)
    # What it sent last, the break, may still be on its way when it hangs up.
    assert m.mood in {Mood.ANYTHING, Mood.REQUEST}


async def test_is_refused_with_a_wrong_password() -> None:
    m = meter()

    def words(client: Iec6205621Client) -> Any:
        unlock(client, "00000000")
        return client.read_response().data[0].value

    assert await talk(m, words) == "ER01"
    assert m.mood is Mood.COMMAND


@pytest.mark.parametrize("how", [5, 6])
async def test_reads_a_load_profile_whole_and_in_parts(how: int) -> None:
    m = meter()
    window = "0261127120000;0261128120000"

    def words(client: Iec6205621Client) -> Any:
        unlock(client)
        client._recv_ack()
        client.transport.send(CommandMessage("R", how, DataSet("P.01", window)).to_bytes())
        return client.read_response()

    answer = await talk(m, words)
    end = NOW.replace(hour=5, minute=0, second=0)
    lines = m.values.profile(end - timedelta(days=1), end, NOW)
    told = [
        "".join(f"{s.address or ''}({s.value})" for s in line.data_sets)
        for line in answer.data_block.data_lines
        if line.data_sets
    ]
    assert told == lines
    rows = [line for line in lines if not line.startswith("P.01")]
    assert len(rows) == ROWS
    blocks = len(list(parts(lines))) if how == 6 else 1
    assert sum(sent.startswith(b"\x02") for sent in m.sent) == blocks


# -- our driver, what it writes

SHOWN = [DataSet("1.8.0", "001234.567", "kWh"), DataSet("32.7.0", "230.1", "V"),
         DataSet("0.9.1", "130017"), DataSet("0.9.2", "261128")]  # fmt: skip


def their_answer(sent: bytes) -> bytes:
    """Answer a request and the choice of the readout with the library's messages."""
    if sent.endswith(b"!\r\n"):
        return bytes(IdentificationMessage("HES010000", "SIM", "5").to_bytes())
    if sent == b"\x06050\r\n":
        block = DataBlock([DataLine([shown]) for shown in SHOWN])
        return bytes(ReadoutDataMessage(block).to_bytes())
    return b""


@pytest.mark.parametrize("piece", [0, 3])
def test_our_driver_reads_its_messages(piece: int) -> None:
    device = Device(
        meter_id=MeterId("m"), modem_id=ModemId("x"), protocol="iec62056-21", address=SERIAL
    )
    world = DriverWorld(now=lambda: NOW, random_bytes=bytes, counter=lambda: 0, utc_offset_min=420)
    driver = make_driver(device, world)
    read = converse(
        driver.registers(["1.0.1.8.0.255", "1.0.32.7.0.255"]), their_answer, piece=piece
    )
    energy, volts = read.values
    assert (energy.obis, energy.value, energy.unit & 0xFF) == ("1.0.1.8.0.255", 1234567, 30)
    assert energy.scaler + (energy.unit >> 8) == 0  # a unit may carry its prefix: kWh
    assert (volts.obis, volts.value, volts.scaler, volts.unit) == ("1.0.32.7.0.255", 2301, -1, 35)

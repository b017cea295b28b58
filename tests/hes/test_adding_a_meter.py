"""Adding a meter is adding a file: for each protocol, one whose meter the generic type misreads."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pump import converse

from actors.drivers.base import DriverWorld
from actors.drivers.registry import make_driver
from hes.commands import CommandFailed
from hes.devices import Device, DeviceListError, parse_csv
from hes.fleet.dlms_meter import SimulatedDlmsMeter
from hes.fleet.dlms_server import MeterIdentity
from hes.fleet.dlt645_meter import Dlt645Plan, SimulatedDlt645Meter
from hes.fleet.iec62056_21_meter import Iec62056Plan, SimulatedIec62056Meter
from hes.fleet.model import Consumption
from hes.meter_types import MeterTypesUnusable, faults, files_of, read_types
from hes.quantities import UNIT_CODES, base_scale, scaled
from protocols.dlt645 import bcd
from protocols.errors import RemoteProtocolError
from protocols.meter_types.catalogue import MeterTypes
from protocols.values import RegistersRead

NOW = datetime(2026, 11, 28, 3, 0, tzinfo=UTC)
"""The meters' clocks stand still, so that what they hold is known to the last digit."""
SERIAL = "12345678"
TRUTH = Consumption.of(SERIAL)
TARIFFS = [f"1.0.1.8.{tariff}.255" for tariff in range(4)]
Meter = Callable[[bytes], bytes]
Register = Callable[[datetime], Any]


def dlms_meter() -> Meter:
    """A meter that counts in tens of watt-hours, says single ones, and has its peak rate first."""
    meter = SimulatedDlmsMeter(
        MeterIdentity(serial=SERIAL), framing="wrapper", logical=1, physical=None,
        world=lambda: NOW, rng=random.Random(1),
    )  # fmt: skip
    own = dict(meter.objects.registers)
    for theirs, ours in zip((1, 2, 3), (2, 1, 3), strict=True):
        meter.objects.registers[TARIFFS[theirs]] = own[TARIFFS[ours]]
    return meter.receive


def iec62056_meter() -> Meter:
    """A meter that adds for its check, leaves units out, and has its peak rate first."""
    plan = Iec62056Plan(serial=SERIAL, check="sum")
    meter = SimulatedIec62056Meter(plan, world=lambda: NOW)
    own: dict[str, Register] = dict(meter.values.registers)

    def bare(code: str) -> Register:
        return lambda at: own[code](at).partition("*")[0] + ")"

    for theirs, ours in zip((0, 1, 2, 3), (0, 2, 1, 3), strict=True):
        meter.values.registers[f"1.8.{theirs}"] = bare(f"1.8.{ours}")
    return meter.receive


def dlt645_meter() -> Meter:
    """A meter that sends energies with three decimals, and has its peak rate first."""
    meter = SimulatedDlt645Meter(Dlt645Plan(serial=SERIAL, blocks=False), world=lambda: NOW)
    rates = [sum(TRUTH.rate_energy_wh(NOW)), *(TRUTH.rate_energy_wh(NOW)[n] for n in (1, 0, 2))]
    energies = {0x00010000 | rate << 8: wh for rate, wh in enumerate(rates)}
    usual = meter.values.read

    def read(di: int, now: datetime) -> bytes | None:
        wh = energies.get(di)
        return usual(di, now) if wh is None else bcd.encode(wh, 4, signed=False)

    meter.values.read = read  # type: ignore[method-assign]
    return meter.receive


FILES = {
    "dlms": (
        dlms_meter,
        """
        [options]
        rates = [2, 1, 3]
        [options.scales]
        "1.0.1.8.0.255" = { scaler = 1, unit = "Wh" }
        "1.0.1.8.1.255" = { scaler = 1, unit = "Wh" }
        "1.0.1.8.2.255" = { scaler = 1, unit = "Wh" }
        "1.0.1.8.3.255" = { scaler = 1, unit = "Wh" }
        """,
        [10, 10, 10, 10],
    ),
    "iec62056-21": (
        iec62056_meter,
        """
        [options]
        check = "sum"
        rates = [2, 1, 3]
        [options.units]
        "1.0.1.8.0.255" = "kWh"
        "1.0.1.8.1.255" = "kWh"
        "1.0.1.8.2.255" = "kWh"
        "1.0.1.8.3.255" = "kWh"
        """,
        [1, 1, 1, 1],
    ),
    "dlt645-2007": (
        dlt645_meter,
        """
        [options]
        rates = [2, 1, 3]
        [options.formats]
        00010000 = "XXXXX.XXX kWh"
        00010100 = "XXXXX.XXX kWh"
        00010200 = "XXXXX.XXX kWh"
        00010300 = "XXXXX.XXX kWh"
        """,
        [1, 1, 1, 1],
    ),
}
EACH = pytest.mark.parametrize("protocol", FILES)


def head(protocol: str) -> str:
    return f'protocol = "{protocol}"\ntitle = "Odd meters"\nsource = "this test"\n'


def add(folder: Path, protocol: str, name: str = "odd-1") -> MeterTypes:
    """Write the file of an odd meter; return what a node with such a folder knows."""
    text = head(protocol) + FILES[protocol][1]
    (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return read_types(str(folder))


def csv(protocol: str, meter_type: str = "odd-1") -> str:
    framing, address = ("wrapper", "") if protocol == "dlms" else ("", SERIAL)
    return (
        "meter_id,modem_id,protocol,framing,meter_type,address,password\n"
        f"m1,d1,{protocol},{framing},{meter_type},{address},000000\n"
    )


def read(device: Device, types: MeterTypes | None = None) -> dict[str, Decimal | None]:
    """Return watt-hours by code, None where the unit is not known."""
    world = DriverWorld(now=lambda: NOW, random_bytes=bytes, counter=lambda: 0, utc_offset_min=420)
    driver = make_driver(device, world, types)
    assert driver is not None
    meter = FILES[device.protocol][0]()
    found = converse(driver.registers(TARIFFS), meter)
    assert isinstance(found, RegistersRead)
    told: dict[str, Decimal | None] = {}
    for value in found.values:
        scaler, unit = base_scale(value.scaler, value.unit)
        told[value.obis] = scaled(value.value, scaler) if unit == UNIT_CODES["Wh"] else None
    return told


@EACH
def test_a_file_in_a_folder_makes_an_odd_meter_readable(protocol: str, tmp_path: Path) -> None:
    types = add(tmp_path, protocol)
    (device,) = parse_csv(csv(protocol), types.protocols)
    factors = FILES[protocol][2]
    rates = TRUTH.rate_energy_wh(NOW)
    truth = [sum(rates) if protocol == "dlt645-2007" else TRUTH.energy_wh(NOW), *rates]
    told = [wh * factor for wh, factor in zip(truth, factors, strict=True)]
    assert read(device, types) == dict(zip(TARIFFS, map(Decimal, told), strict=True))


@EACH
def test_the_generic_type_misreads_it(protocol: str, tmp_path: Path) -> None:
    types = add(tmp_path, protocol)
    odd, generic = (parse_csv(csv(protocol, name), types.protocols)[0] for name in ("odd-1", ""))
    right = read(odd, types)
    try:
        told = read(generic, types)
    except RemoteProtocolError:
        told = {}  # it cannot be read at all
    assert all(told.get(code) != right[code] for code in TARIFFS[:3])


@EACH
def test_before_the_file_is_there_the_import_is_refused(protocol: str, tmp_path: Path) -> None:
    types = read_types(str(tmp_path))
    with pytest.raises(DeviceListError, match="row 2, column meter_type: 'odd-1' is no meter type"):
        parse_csv(csv(protocol), types.protocols)
    (device,) = parse_csv(csv(protocol))
    with pytest.raises(CommandFailed, match=r"the meter type 'odd-1' of .* is not known here"):
        read(device, types)


def test_a_type_of_another_protocol_does_not_fit(tmp_path: Path) -> None:
    types = add(tmp_path, "iec62056-21")
    with pytest.raises(DeviceListError, match="'odd-1' is a type of iec62056-21, not dlms"):
        parse_csv(csv("dlms"), types.protocols)


# -- the folder


def test_what_is_no_file_of_a_type_is_passed_over(tmp_path: Path) -> None:
    add(tmp_path, "dlms")
    (tmp_path / "notes.txt").write_text("mine")
    assert [path.name for path in files_of(tmp_path)] == ["odd-1.toml"]


def test_one_wrong_file_keeps_a_node_from_starting(tmp_path: Path) -> None:
    add(tmp_path, "dlms")
    file = tmp_path / "wrong.toml"
    file.write_text(head("dlms") + "[options]\nraets = [1]\n[timers]\nx = 1\n")
    with pytest.raises(MeterTypesUnusable) as caught:
        read_types(str(tmp_path))
    told = f"{file}: options.raets: is not known; did you mean rates?"
    assert str(caught.value) == f"{told} (and 1 more)"
    assert next(iter(faults([file]))) == told
    assert len(list(faults([tmp_path / "odd-1.toml", file]))) == 2


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"\xff", "byte 0 is no UTF-8; save it as such"), (None, "cannot be read: No such file")],
)
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None, told: str) -> None:
    file = tmp_path / "a.toml"
    if content is not None:
        file.write_bytes(content)
    (sentence,) = faults([file])
    assert sentence.startswith(f"{file}: {told}")


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(MeterTypesUnusable, match=r"^meter_types.folder: .*: No such file"):
        read_types(str(tmp_path / "nowhere"))

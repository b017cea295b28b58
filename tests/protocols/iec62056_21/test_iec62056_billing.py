"""Latched values in a readout, behind a star the number of their period."""

from datetime import UTC, datetime
from typing import Any

import pytest
from iec62056_talk import B0, IDENT, Script, talk
from pump import converse

from actors.drivers.base import DriverWorld
from actors.drivers.iec62056_21 import Iec62056Driver
from hes.devices import Device
from hes.ids import MeterId, ModemId
from protocols.errors import MeterRefused
from protocols.iec62056_21.billing import read_billing
from protocols.iec62056_21.frame import encode_block, encode_command
from protocols.values import ProfileRead

BILLING = "0.0.98.1.0.255"
BEGIN, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 12, 31, tzinfo=UTC)
READOUT = """\
0.1.0(12)
0.1.2(2611010000)
0.1.2*12(2611010000)
0.1.2*11(2610010000)
0.1.2*10(2609010000)
0.1.2*09(0000000000)
1.6.1(0.50*kW)(2611120730)
1.6.1*12(0.39912*kW)(2610130900)
1.6.1*11(0.7*kW)(2609281400)
1.8.0(00300.5*kWh)
1.8.0*12(00200.25*kWh)
1.8.0*11(00100.5*kWh)
1.8.0*10(--)
1.8.0*09(00000.0*kWh)
1.8.1*12(00150.0*kWh)
C.8.1*12(001234)
!
"""


def read(text: str, begin: datetime = BEGIN, end: datetime = END, **options: Any) -> Any:
    block = encode_block(text.replace("\n", "\r\n"))
    return converse(
        read_billing(talk(**options), BILLING, begin, end), Script(call=IDENT, readout=block)
    )


def rows(told: ProfileRead) -> dict[str, dict[str, Any]]:
    codes = [column.obis for column in told.columns]
    return {
        row.time.isoformat(): {
            code: value for code, value in zip(codes, row.values, strict=True) if value is not None
        }
        for row in told.rows
    }


def test_each_period_is_a_row_at_the_time_of_its_end() -> None:
    told = read(READOUT)
    assert (told.obis, told.period_s) == (BILLING, None)
    assert {c.obis: (c.scaler, (c.unit or 0) & 0xFF) for c in told.columns} == {
        "1.0.1.6.1.255": (-5, 27), "1.0.1.8.0.255": (-2, 30), "1.0.1.8.1.255": (-1, 30),
    }  # fmt: skip
    assert rows(told) == {
        "2026-08-31T17:00:00+00:00": {},
        "2026-09-30T17:00:00+00:00": {"1.0.1.6.1.255": 70000, "1.0.1.8.0.255": 10050},
        "2026-10-31T17:00:00+00:00": {
            "1.0.1.6.1.255": 39912, "1.0.1.8.0.255": 20025, "1.0.1.8.1.255": 1500,
        },
    }  # fmt: skip


def test_only_periods_that_ended_within_the_range() -> None:
    october = datetime(2026, 10, 1, tzinfo=UTC)
    assert list(rows(read(READOUT, october))) == ["2026-10-31T17:00:00+00:00"]
    assert rows(read(READOUT, BEGIN, datetime(2026, 2, 1, tzinfo=UTC))) == {}


def test_other_writings_of_a_period_and_rates_of_the_makers_order() -> None:
    text = "1-0:0.1.2&03(0261101000000)\n1.0.1.8.2.3(7*kWh)\n1-0:1.8.1*03(5*kWh)\n!\n"
    told = rows(read(text, rates=(2, 1)))
    assert told == {"2026-10-31T17:00:00+00:00": {"1.0.1.8.1.255": 7, "1.0.1.8.2.255": 5}}


@pytest.mark.parametrize(
    "text", ["1.8.0(1*kWh)\n!\n", "1.8.0*12(1*kWh)\n!\n", "0.1.2*12(2611010000)\n!\n"]
)
def test_a_readout_without_ends_of_periods_tells_none(text: str) -> None:
    assert read(text) is None


def driver() -> Iec62056Driver:
    device = Device(meter_id=MeterId("m"), modem_id=ModemId("x"), protocol="iec62056-21")
    world = DriverWorld(
        now=lambda: END, random_bytes=bytes, counter=lambda: 0, utc_offset_min=420
    )  # fmt: skip
    return Iec62056Driver(device, world)


def test_the_driver_takes_them_from_the_readout_or_asks_for_a_table() -> None:
    block = encode_block(READOUT.replace("\n", "\r\n"))
    told = converse(
        driver().profile("billing", BEGIN, END), Script(call=IDENT, readout=block, B0=B0)
    )
    assert len(told.rows) == 3
    wire = Script(
        call=IDENT, readout=encode_block("1.8.0(1*kWh)\r\n!\r\n"),
        program=encode_command("P0", "()"), R6=b"\x15", R5=b"\x15",
    )  # fmt: skip
    with pytest.raises(MeterRefused, match=r"L\.1"):
        converse(driver().profile("billing", BEGIN, END), wire)

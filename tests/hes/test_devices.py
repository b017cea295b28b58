import csv
import io
import re
from collections.abc import Mapping

import pytest
from hypothesis import given, strategies as st

from hes.devices import COLUMNS, ERRORS_MAX, Device, DeviceListError, parse_csv, write_csv
from hes.ids import MeterId, ModemId

HEADER = ",".join(COLUMNS)
KEY = "000102030405060708090A0B0C0D0E0F"
FULL = (
    f"18097634,861234567890123,raw,dlms,wrapper,hexing,16,2,3,gmac,,{KEY},{KEY},"
    "4858450000000001,Hanoi,200/5,1"
)


def rows(*lines: str, header: str = HEADER) -> str:
    return "\n".join((header, *lines)) + "\n"


TYPES = {"generic-dlms": "dlms", "hexing": "dlms", "mt174": "iec62056-21"}


def errors(text: str, types: Mapping[str, str] | None = None) -> list[tuple[int, str]]:
    with pytest.raises(DeviceListError) as caught:
        parse_csv(text, types)
    return [(error.row, error.column) for error in caught.value.errors]


def one(column: str, cell: str, **more: str) -> str:
    cells = {"meter_id": "m", "modem_id": "d", **more, column: cell}
    return rows(",".join(cells.values()), header=",".join(cells))


def test_every_column_of_the_contract_is_taken() -> None:
    (device,) = parse_csv(rows(FULL))
    assert device == Device(
        meter_id=MeterId("18097634"),
        modem_id=ModemId("861234567890123"),
        link="raw",
        protocol="dlms",
        framing="wrapper",
        meter_type="hexing",
        address="16",
        client_sap=2,
        server_sap=3,
        auth="gmac",
        password="",
        encryption_key=bytes(range(16)),
        authentication_key=bytes(range(16)),
        system_title=bytes.fromhex("4858450000000001"),
        area="Hanoi",
        ct_ratio="200/5",
        vt_ratio="1",
    )
    assert device.has_keys


def test_columns_may_stand_in_any_order_and_be_left_out() -> None:
    (device,) = parse_csv("modem_id,meter_id\nd1, m1 \n")
    assert device == Device(meter_id=MeterId("m1"), modem_id=ModemId("d1"))


def test_a_byte_order_mark_and_windows_lines_do_not_matter() -> None:
    assert len(parse_csv("\ufeffmeter_id,modem_id\r\nm1,d1\r\nm2,d1\r\n")) == 2


def test_an_empty_list_is_a_list() -> None:
    assert parse_csv(rows()) == []


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("meter_id", ""),
        ("meter_id", "x" * 65),
        ("meter_id", "a\x07b"),
        ("modem_id", "x" * 65),
        ("link", "carrier-pigeon"),
        ("framing", "tcp"),
        ("auth", "ecdsa"),
        ("client_sap", "x"),
        ("client_sap", "-1"),
        ("server_sap", "65536"),
        ("server_sap", "9" * 5000),
        ("address", "16384"),
        ("address", "0x10"),
        ("address", "9" * 5000),
        ("ct_ratio", "0"),
        ("ct_ratio", "200/5/1"),
        ("vt_ratio", "nan"),
        ("vt_ratio", "1e999999"),
        ("vt_ratio", "-200/5"),
        ("vt_ratio", "200/0"),
        ("encryption_key", "00"),
        ("encryption_key", "zz" * 16),
        ("authentication_key", "00" * 15),
        ("system_title", "00" * 7),
    ],
)
def test_a_wrong_cell_is_told_by_row_and_column(column: str, cell: str) -> None:
    assert errors(one(column, cell)) == [(2, column)]


@pytest.mark.parametrize(
    ("cells", "column", "told"),
    [
        ({"protocol": "modbus"}, "protocol", "'modbus' is none of dlms, iec62056-21"),
        ({"meter_type": "hexin"}, "meter_type", "did you mean hexing?"),
        ({"meter_type": "x"}, "meter_type", "`hes meter-types list` tells all"),
        ({"meter_type": "mt174"}, "meter_type", "is a type of iec62056-21, not dlms"),
        (
            {"protocol": "iec62056-21", "meter_type": "hexing"},
            "meter_type",
            "is a type of dlms, not iec62056-21",
        ),
    ],
)
def test_a_type_that_nobody_knows_is_told_by_row_and_column(
    cells: dict[str, str], column: str, told: str
) -> None:
    good = {"meter_id": "m0", "modem_id": "d"}
    text = rows(
        ",".join([*good.values(), *[""] * len(cells)]),
        ",".join(["m1", "d", *cells.values()]),
        header=",".join([*good, *cells]),
    )
    assert errors(text, TYPES) == [(3, column)]
    with pytest.raises(DeviceListError, match=re.escape(told)):
        parse_csv(text, TYPES)
    assert len(parse_csv(text)) == 2  # whoever takes them knows better


@pytest.mark.parametrize(
    "cells", [{}, {"meter_type": "hexing"}, {"protocol": "iec62056-21", "meter_type": "mt174"}]
)
def test_types_that_are_known_are_taken(cells: dict[str, str]) -> None:
    (device,) = parse_csv(one("area", "x", **cells), TYPES)
    assert device.meter_type == cells.get("meter_type", "")


def test_the_authentication_needs_its_secrets() -> None:
    assert errors(one("auth", "gmac")) == [(2, "encryption_key")]
    assert errors(one("auth", "low")) == [(2, "password")]
    assert len(parse_csv(one("auth", "low", password="x"))) == 1
    for auth in ("md5", "sha1", "sha256"):
        assert errors(one("auth", auth)) == [(2, "password")]
        assert len(parse_csv(one("auth", auth, password="x"))) == 1


def test_addresses_of_other_protocols_are_texts() -> None:
    assert parse_csv(one("address", "A01B", protocol="dlt645-2007"))[0].address == "A01B"


def test_only_dlms_has_a_framing_that_nobody_names() -> None:
    text = rows("m1,d1,", "m2,d2,dlms", "m3,d3,iec62056-21", header="meter_id,modem_id,protocol")
    devices = parse_csv(text)
    assert [device.framing for device in devices] == ["hdlc", "hdlc", ""]
    assert parse_csv(write_csv(devices)) == devices


LINE = "meter_id,modem_id,protocol,address"


@pytest.mark.parametrize("protocol", ["iec62056-21", "dlt645-2007", "dlt645-1997"])
def test_a_meter_without_an_address_is_alone_on_its_line(protocol: str) -> None:
    alone = rows(f"m1,d1,{protocol},", f"m2,d2,{protocol}, ", "m3,d1,dlms,", header=LINE)
    assert len(parse_csv(alone)) == 3
    shared = rows(f"m1,d1,{protocol},1", "m2,d1,dlms,", f"m3,d1,{protocol},", header=LINE)
    assert errors(shared) == [(4, "address")]
    addressed = rows(f"m1,d1,{protocol},1", f"m2,d1,{protocol},2", header=LINE)
    assert len(parse_csv(addressed)) == 2


def test_both_standards_of_dlt645_hear_a_call_without_an_address() -> None:
    text = rows("m1,d1,dlt645-2007,", "m2,d1,dlt645-1997,1", "m3,d1,iec62056-21,", header=LINE)
    with pytest.raises(DeviceListError, match=r"row 2, column address: .* behind modem d1"):
        parse_csv(text)
    assert errors(text) == [(2, "address")]


def test_a_line_does_not_hide_the_errors_of_cells() -> None:
    text = rows("m1,d1,iec62056-21,", "m1,d1,iec62056-21,", "m2,d2,modbus,", header=LINE)
    told = [(2, "address"), (3, "meter_id"), (3, "address"), (4, "protocol")]
    assert errors(text, TYPES) == told


def test_all_errors_are_told_and_nothing_is_taken() -> None:
    text = rows("m1,d1", "m1,d2", "m3,d3,,modbus", "m4,d4,,,tcp,,,x")
    assert errors(text, TYPES) == [
        (3, "meter_id"), (4, "protocol"), (5, "framing"), (5, "client_sap"),
    ]  # fmt: skip


def test_rows_are_counted_as_a_spreadsheet_does_with_the_header_as_the_first() -> None:
    assert errors(rows("m1,d1", "m2,d2", ",d3")) == [(4, "meter_id")]


def test_a_wrong_header_is_told_by_its_column() -> None:
    assert errors("modem_id,colour\nx,y\n") == [(1, "meter_id"), (1, "colour")]
    assert errors("") == [(1, "meter_id"), (1, "modem_id")]


def test_too_many_cells_are_told() -> None:
    assert errors("meter_id,modem_id\nm,d,extra\n") == [(2, "-")]


def test_what_is_no_csv_is_told() -> None:
    assert errors('meter_id,modem_id\nm,d\n"m,d\n') == [(3, "-")]


def test_a_very_wrong_list_is_not_told_in_full() -> None:
    assert len(errors(rows(*["m,d,,modbus"] * 1000))) <= ERRORS_MAX + 2


def test_secrets_are_never_told() -> None:
    secret = "0badc0de" * 3
    with pytest.raises(DeviceListError) as caught:
        parse_csv(one("encryption_key", secret))
    assert secret not in str(caught.value)
    (device,) = parse_csv(rows(FULL))
    assert "0102030405" not in repr(device).lower()
    assert KEY not in write_csv([device])


def test_a_written_list_is_read_again_without_its_secrets() -> None:
    known = Device(
        meter_id=MeterId("m"), modem_id=ModemId("d"), auth="none", encryption_key=bytes(16),
        system_title=bytes(8), area="Hà Nội, quận 1",
    )  # fmt: skip
    (again,) = parse_csv(write_csv([known]))
    assert again.area == known.area
    assert again.system_title == known.system_title
    assert not again.has_keys


def taken_or_told(text: str) -> int:
    """Return how many devices and errors came of a text; another exception fails the test."""
    try:
        return len(parse_csv(text))
    except DeviceListError as problem:
        return len(problem.errors)


@given(st.text(max_size=400))
def test_any_text_is_a_list_or_a_list_of_errors(text: str) -> None:
    assert taken_or_told(text) >= 0


@given(st.lists(st.lists(st.text(max_size=20), max_size=20), max_size=8))
def test_any_cells_are_a_list_or_a_list_of_errors(cells: list[list[str]]) -> None:
    out = io.StringIO()
    csv.writer(out).writerows([COLUMNS, *cells])
    lines = sum(any(row) for row in cells)
    assert taken_or_told(out.getvalue()) >= min(lines, 1)


MODE_E = "meter_id,modem_id,framing,address"


@pytest.mark.parametrize(
    ("address", "sign_on", "physical"),
    [("", "", None), ("00123456", "00123456", None), ("AB12/17", "AB12", 17), ("/17", "", 17)],
)
def test_a_meter_with_mode_e_has_two_addresses(
    address: str, sign_on: str, physical: int | None
) -> None:
    (device,) = parse_csv(rows(f"m1,d1,mode-e,{address}", header=MODE_E))
    assert (device.sign_on, device.physical) == (sign_on, physical)


@pytest.mark.parametrize("address", ["12/", "12/16384", "12/x", "a-b/17", "1" * 33, "1/2/3"])
def test_addresses_that_mode_e_cannot_have(address: str) -> None:
    assert errors(rows(f"m1,d1,mode-e,{address}", header=MODE_E)) == [(2, "address")]


@pytest.mark.parametrize("address", ["", "/17"])
def test_a_call_of_mode_e_without_an_address_wakes_meters_of_its_line(address: str) -> None:
    header = "meter_id,modem_id,protocol,framing,address"
    shared = rows(f"m1,d1,dlms,mode-e,{address}", "m2,d1,iec62056-21,,5", header=header)
    assert errors(shared) == [(2, "address")]
    assert (
        len(parse_csv(rows(f"m1,d1,dlms,mode-e,{address}", "m2,d1,dlms,hdlc,5", header=header)))
        == 2
    )

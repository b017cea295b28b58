"""What stands in a message: identifications, codes, numbers, units, times."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from protocols.errors import RemoteProtocolError
from protocols.iec62056_21.codes import obis_of, same_code, short_code
from protocols.iec62056_21.datasets import DataSet, parse_block, parse_lines
from protocols.iec62056_21.identification import is_request, parse_identification
from protocols.iec62056_21.options import Iec62056Options
from protocols.iec62056_21.reading import clock_in, read_value
from protocols.iec62056_21.stamps import StampRules, format_stamp, parse_clock, parse_stamp
from protocols.iec62056_21.units import parse_number, split_unit, unit_of

OPTIONS, RULES = Iec62056Options(), StampRules(420)
KILO = 3 << 8
"""In front of a unit, as the meter wrote it."""


@pytest.mark.parametrize(
    ("text", "maker", "baud", "escapes", "rest", "mode"),
    [
        ("XYZ5\\2\\@AB12", "XYZ", 9600, ("2", "@"), "AB12", "E"),
        ("XYZ4AB.12", "XYZ", 4800, (), "AB.12", "C"),
        ("XYz0", "XYz", 300, (), "", "C"),
        ("XYZE1", "XYZ", 9600, (), "1", "B"),
        ("XYZ XY", "XYZ", 300, (), "XY", "A"),
        ("XYZ5\\", "XYZ", 9600, (), "\\", "C"),
    ],
)
def test_identifications(
    text: str, maker: str, baud: int, escapes: tuple[str, ...], rest: str, mode: str
) -> None:
    found = parse_identification(text)
    assert (found.manufacturer, found.baud, found.escapes) == (maker, baud, escapes)
    assert (found.rest, found.mode, found.fast) == (rest, mode, maker == "XYz")


@pytest.mark.parametrize("text", ["", "XY", "XYZ", "1YZ5", "?123!", "\xe4YZ5"])
def test_what_is_no_identification(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_identification(text)


def test_requests() -> None:
    assert is_request("?!")
    assert is_request("?00123!")
    assert not is_request("XYZ5")


@pytest.mark.parametrize(
    ("code", "obis"),
    [
        ("1.8.0", "1.0.1.8.0.255"),
        ("32.7", "1.0.32.7.0.255"),
        ("1-0:1.8.0*255", "1.0.1.8.0.255"),
        ("1.0.1.8.0.255", "1.0.1.8.0.255"),
        ("1-1:1.8.1", "1.1.1.8.1.255"),
        ("1.8.0*07", "1.0.1.8.0.7"),
        ("1.8.0&07", "1.0.1.8.0.7"),
        ("0.9.1", "1.0.0.9.1.255"),
        ("C.1.0", "0.0.96.1.0.255"),
        ("C.1", "0.0.96.1.0.255"),
        ("0-0:96.1.0*255", "0.0.96.1.0.255"),
        ("F.F", "0.0.97.97.0.255"),
        ("P.01", "1.0.99.1.0.255"),
        ("P.98", "0.0.99.98.0.255"),
        ("P.200", "0.0.99.200.0.255"),
        ("1.2.3.4", "1.0.1.2.3.4"),
    ],
)
def test_codes(code: str, obis: str) -> None:
    assert obis_of(code) == obis
    assert same_code(short_code(obis), code)


@pytest.mark.parametrize(
    "code",
    [
        "",
        "1",
        "1.8.300",
        "X.1",
        "1-0:",
        "-0:1.8",
        "1.8.0*",
        "1.8.0*x",
        "1" * 60,
        "1.8.\u0661",
        "1.0.1.8.0",
        "1.0.1.8.0.255*1",
        "1-0:1.0.1.8.0.255",
        "1.0.1.8.0.256",
        "1.0.1.8.0.255.1",
        "1.0.9.1*255",
        "11-0:1.8.1.2*22",
        "1.2.3.4&5",
    ],
)
def test_names_that_are_no_codes(code: str) -> None:
    assert obis_of(code) is None


@given(st.tuples(*[st.integers(0, 255)] * 6))
def test_what_we_ask_for_means_what_was_meant(numbers: tuple[int, ...]) -> None:
    obis = ".".join(map(str, numbers))
    assert obis_of(short_code(obis)) == obis


def test_the_usual_short_forms() -> None:
    asked = ["1.0.1.8.0.255", "1.0.1.8.0.2", "0.0.96.1.0.255", "1.0.99.1.0.255", "1.1.1.8.0.255"]
    assert list(map(short_code, asked)) == ["1.8.0", "1.8.0*2", "C.1.0", "P.01", "1-1:1.8.0"]
    assert short_code("0.0.97.97.0.255") == "F.F"


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9),
                   max_value=10**9))  # fmt: skip
def test_numbers_are_exact(number: Decimal) -> None:
    found = parse_number(f"  {number:015.4f}")
    assert found is not None
    assert Decimal(found.mantissa).scaleb(found.scaler) == number


@pytest.mark.parametrize("text", ["", "  ", "-", "--1", "1.2.3", "1e5", "0x1", "1" * 40, "\u0661"])
def test_what_is_no_number(text: str) -> None:
    assert parse_number(text) is None


@pytest.mark.parametrize(
    ("text", "code", "scaler"),
    [
        ("kWh", 30, 3), ("Wh", 30, 0), ("MWh", 30, 6), ("kvarh", 32, 3), ("kVArh", 32, 3),
        ("kW", 27, 3), ("W", 27, 0), ("mW", 27, -3), ("MW", 27, 6), ("kvar", 29, 3), ("kVA", 28, 3),
        ("V", 35, 0), ("mV", 35, -3), ("A", 33, 0), ("mA", 33, -3), ("kHz", 44, 3), ("Hz", 44, 0),
        ("deg", 8, 0), ("k", 255, 3), ("m3", 13, 0), ("KWH", 30, 3), ("%", 56, 0),
        ("MVArh", 32, 6), ("Mwh", 30, 6), ("mwh", 30, -3), ("MVAR", 29, 6),
    ],
)  # fmt: skip
def test_units(text: str, code: int, scaler: int) -> None:
    unit = unit_of(text)
    assert unit is not None
    assert (unit.code, unit.scaler) == (code, scaler)


def test_an_unknown_unit_is_none() -> None:
    assert unit_of("furlong") is None
    assert unit_of("m") is None


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [("1.5*kWh", "1.5", "kWh"), ("1.5kWh", "1.5", "kWh"), ("M26", "M26", ""), ("1.5", "1.5", "")],
)
def test_units_with_and_without_a_star(text: str, value: str, unit: str) -> None:
    assert split_unit(text) == (value, unit)


@pytest.mark.parametrize(
    ("code", "values", "number", "scaler", "unit"),
    [
        ("1.0.1.8.0.255", ("061561.289*kWh",), 61561289, -3, KILO + 30),
        ("1.0.1.8.0.255", ("000052.5*kWh",), 525, -1, KILO + 30),
        ("1.0.1.8.0.255", ("52500*Wh",), 52500, 0, 30),
        ("1.0.1.7.0.255", ("1.02*MW",), 102, -2, (6 << 8) + 27),
        ("1.0.31.7.0.255", ("250*mA",), 250, 0, (253 << 8) + 33),
        ("1.0.32.7.0.255", ("241*V",), 241, 0, 35),
        ("1.0.13.7.0.255", ("0.000315*k",), 315, -3, 255),
        ("1.0.13.7.0.255", ("0.98",), 98, -2, 255),
        ("1.0.81.7.2.255", ("-120.1*deg",), -1201, -1, 8),
        ("1.0.14.7.0.255", ("0.05000*kHz",), 5000, -5, KILO + 44),
        ("1.0.1.8.0.255", ("12.5",), 125, -1, None),
        ("0.0.96.7.0.255", ("0008",), 8, 0, 255),
        ("0.0.96.1.0.255", ("   00120858",), "00120858", None, None),
        ("1.0.1.8.0.255", ("12*parsec",), "12*parsec", None, None),
        ("1.0.1.8.0.255", ("------*kWh",), None, None, None),
        ("1.0.1.8.0.255", ("*kWh",), None, None, None),
        ("1.0.1.8.0.255", ("------",), "------", None, None),
        ("0.0.96.1.1.255", ("      ",), None, None, None),
    ],
)
def test_values(
    code: str, values: tuple[str, ...], number: int | str | None, scaler: int | None,
    unit: int | None,
) -> None:  # fmt: skip
    found = read_value(code, values, OPTIONS, RULES)
    assert (found.obis, found.value, found.scaler, found.unit) == (code, number, scaler, unit)


def test_a_maximum_has_a_time() -> None:
    found = read_value("1.0.1.6.0.255", ("0.50262*kW", "2211120730"), OPTIONS, RULES)
    assert (found.value, found.scaler, found.unit) == (50262, -5, KILO + 27)
    assert found.time == datetime(2022, 11, 12, 0, 30, tzinfo=UTC)
    for none in ("0000000000", "", "garbage", "9999999999"):
        assert read_value("1.0.1.6.0.255", ("1*kW", none), OPTIONS, RULES).time is None


def test_a_meter_type_may_know_units_that_the_meter_leaves_out() -> None:
    options = Iec62056Options(units={"1.0.1.8.0.255": "kWh"})
    found = read_value("1.0.1.8.0.255", ("12.5",), options, RULES)
    assert (found.value, found.scaler, found.unit) == (125, -1, KILO + 30)


@pytest.mark.parametrize(
    ("text", "local", "season"),
    [
        ("2211120730", "2022-11-12T07:30:00", None),
        ("12211120730", "2022-11-12T07:30:00", 1),
        ("221112073015", "2022-11-12T07:30:15", None),
        ("0221112073015", "2022-11-12T07:30:15", 0),
        ("22-11-12 07:30", "2022-11-12T07:30:00", None),
        ("2211122400", "2022-11-13T00:00:00", None),
    ],
)
def test_stamps(text: str, local: str, season: int | None) -> None:
    found = parse_stamp(text)
    assert (found.local.isoformat(), found.season) == (local, season)


@pytest.mark.parametrize(
    "text", ["", "1", "2213120730", "2211320730", "2211122560", "221112", "22111207301x", "9" * 30]
)
def test_what_is_no_stamp(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_stamp(text)


def test_clocks() -> None:
    assert parse_clock("0220127", "105644").local.isoformat() == "2022-01-27T10:56:44"
    assert parse_clock("220127", "1105644").season == 1
    assert parse_clock("2022-01-27", "10:56:44").local.isoformat() == "2022-01-27T10:56:44"
    sets = [DataSet("0.9.1", ("105644",)), DataSet("1-0:0.9.2*255", ("0220127",))]
    assert clock_in(sets, OPTIONS, RULES) == datetime(2022, 1, 27, 3, 56, 44, tzinfo=UTC)
    assert clock_in(sets[:1], OPTIONS, RULES) is None


def test_summer_time_counts_where_there_is_any() -> None:
    stamp = parse_stamp("12207010200")
    assert stamp.instant(StampRules(60, 60)).astimezone(UTC).hour == 0
    assert stamp.instant(StampRules(60)).astimezone(UTC).hour == 1


def test_stamps_that_we_write() -> None:
    at = datetime(2026, 3, 1, 4, 30, tzinfo=UTC)
    assert format_stamp(at, season=True) == "02603010430"
    assert format_stamp(at, season=False) == "2603010430"


def test_data_sets() -> None:
    text = "1.6.0(1.5*kW)(2211120730)\r\nF.F(00)C.1(7)\r\n1.2(a)\r\n(b)\r\n\r\n!\r\nafter(1)\r\n"
    assert parse_block(text) == [
        DataSet("1.6.0", ("1.5*kW", "2211120730")), DataSet("F.F", ("00",)), DataSet("C.1", ("7",)),
        DataSet("1.2", ("a", "b")),
    ]  # fmt: skip
    assert len(parse_lines(text)) == 3
    assert parse_block("(00123)") == [DataSet(None, ("00123",))]


def test_an_open_bracket_is_truncated() -> None:
    with pytest.raises(RemoteProtocolError, match="not closed"):
        parse_block("1.8.0(1*kWh)\r\n2.8.0(1*k")


@given(st.text("01()*.!\r\nkWh", max_size=200))
def test_any_text_is_data_sets_or_an_error(text: str) -> None:
    try:
        sets = parse_block(text)
    except RemoteProtocolError:
        return
    for found in sets:
        read_value("1.0.1.8.0.255", found.values, OPTIONS, RULES)

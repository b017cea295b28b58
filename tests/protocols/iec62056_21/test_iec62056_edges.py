"""What a meter says at the edges: too much, too little, what it has no word for."""

from datetime import UTC, datetime, timedelta

import pytest

from protocols.errors import MeterRefused, MeterSilent, RemoteProtocolError
from protocols.iec62056_21 import answers
from protocols.iec62056_21.datasets import DataSet
from protocols.iec62056_21.frame import ACK, Block, Control, Line, MessageReader
from protocols.iec62056_21.mode_e import ModeELink
from protocols.iec62056_21.options import Iec62056Options
from protocols.iec62056_21.profile import Channel, IntervalRow, parse_profile
from protocols.iec62056_21.profile_columns import profile_read
from protocols.iec62056_21.reading import clock_in, obis_told
from protocols.iec62056_21.stamps import StampRules, parse_stamp
from protocols.iec62056_21.units import Number, parse_number, rescaled

NOW = datetime(2026, 11, 28, 6, tzinfo=UTC)
GOOD = Block("", "1.8.0(1)", 5, 5)
BREAK = Block("B0", "", 5, 5)


def test_an_identification_is_one() -> None:
    assert answers.is_identification(Line("SIM5TEST"))
    assert not answers.is_identification(Line("?12345!"))
    assert not answers.is_identification(Line("S"))
    assert not answers.is_identification(GOOD)


def test_parts_and_readouts() -> None:
    part = answers.is_part_of("1.8.0")
    assert part(GOOD)
    assert part(BREAK)
    assert not part(Control(ACK))
    assert not part(Block("", "2.8.0(1)", 5, 5))
    assert answers.is_readout(BREAK)
    assert not answers.is_readout(Control(ACK))
    assert not answers.is_readout(GOOD)
    assert answers.is_readout(Block("", "1.8.0(1)", 5, 6))


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (Control(0x15), "NAK"), (BREAK, "it ended the session (B0)"),
        (Block("", "(ER01)", 1, 1), "ER01"), (Line("SIM5"), "?"),
    ],
)  # fmt: skip
def test_why_a_meter_refused(message: answers.Message, reason: str) -> None:
    assert answers.given_reason(message) == reason


def test_a_unit_that_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="unit 'furlong' is not known"):
        Iec62056Options(units={"1.0.1.8.0.255": "furlong"})
    assert Iec62056Options(units={"1.0.1.8.0.255": "kWh"}).units


def test_a_name_of_the_makers_own() -> None:
    options = Iec62056Options(names={"PLUS": "1.0.1.8.0.255"})
    assert obis_told("PLUS", options) == "1.0.1.8.0.255"
    assert obis_told("nonsense", options) is None


@pytest.mark.parametrize(("date", "time"), [("261128", "999999"), ("x", "y"), ("000101", "000000")])
def test_a_clock_that_tells_no_time(date: str, time: str) -> None:
    sets = [DataSet("0.9.2", (date,)), DataSet("0.9.1", (time,))]
    told = clock_in(sets, Iec62056Options(), StampRules(420))
    assert told is None or told.year == 1999


def test_a_clock_without_its_date() -> None:
    assert clock_in([DataSet("0.9.1", ("120000",))], Iec62056Options(), StampRules(420)) is None


# -- profiles


def test_rows_that_leave_the_calendar() -> None:
    """Some 160 years of rows before the end of it, a month apart."""
    head = "P.01(0991231000000)(00)(44640)(1)(1.8.0)(kWh)\r\n"
    assert len(parse_profile(head + "(1)\r\n" * 3).rows) == 3


def row(value: str, unit: str | None, status: str | None = "00") -> IntervalRow:
    return IntervalRow(parse_stamp("0261128120000"), status, (Channel("1.8.0", unit),), (value,))


@pytest.mark.parametrize(
    ("value", "unit", "read", "scaler"),
    [
        ("1.234", "kWh", 1234, 0), ("1.234*kWh", None, 1234, 0), ("1.5", None, 15, -1),
        ("1.5", "furlong", 15, -1), ("--", "kWh", None, None), ("", "kWh", None, None),
    ],
)  # fmt: skip
def test_values_of_a_column(
    value: str, unit: str | None, read: int | None, scaler: int | None
) -> None:
    told = profile_read("x", 1800, [(NOW, row(value, unit))], Iec62056Options())
    assert told.rows[0].values == (read,)
    column = told.columns[0]
    prefix = (column.unit or 0) >> 8  # 3 where the meter's own kWh is kept
    assert column.scaler == (None if scaler is None else scaler - prefix)


@pytest.mark.parametrize(
    ("status", "shown"), [("80", 0x80), (None, None), ("", None), ("xyz", None), ("٣", None)]
)
def test_status_words(status: str | None, shown: int | None) -> None:
    told = profile_read("x", 1800, [(NOW, row("1", "kWh", status))], Iec62056Options())
    assert told.rows[0].status in {shown, 3 if status == "٣" else shown}


def test_a_column_of_two_scalers_takes_the_finer() -> None:
    rows = [(NOW, row("1.5", "kWh")), (NOW + timedelta(minutes=30), row("1.25", "kWh"))]
    told = profile_read("x", 1800, rows, Iec62056Options())
    assert [r.values for r in told.rows] == [(150,), (125,)]


# -- numbers


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1,5", Number(15, -1)), ("-1.5", Number(-15, -1)), ("+7", Number(7, 0)), ("--7", None),
        ("1.2,3", None), ("9" * 19, None), ("0" * 20 + "7", Number(7, 0)), ("0" * 40, None),
        ("", None), ("1a", None),
    ],
)  # fmt: skip
def test_numbers(text: str, number: Number | None) -> None:
    assert parse_number(text) == number


def test_a_number_out_of_all_measure() -> None:
    assert rescaled(Number(5, 3), 0) == 5000
    with pytest.raises(RemoteProtocolError, match="too many"):
        rescaled(Number(5, 30), 0)


# -- messages


@pytest.mark.parametrize("piece", [b"\x01", b"\x01P", b"\x01P1"])
def test_a_command_that_goes_on(piece: bytes) -> None:
    reader = MessageReader()
    assert reader.feed(piece) == []
    assert reader.pending == len(piece)


@pytest.mark.parametrize("noise", [b"\x01p", b"\x01PX", b"\x01P1("])
def test_what_only_begins_like_a_command(noise: bytes) -> None:
    reader = MessageReader()
    assert reader.feed(noise) == []
    assert reader.pending == 0


def test_errors_say_who_broke_the_rule() -> None:
    assert issubclass(MeterRefused, Exception)
    assert MeterSilent("x").category == "no-answer"


class Inner:
    """A carrier that tells what it was asked for."""

    def ask(self, apdu: bytes, *, wait_s: float | None = None) -> object:
        return ("ask", apdu, wait_s)

    def stream(self, apdus: list[bytes], *, wait_s: float | None = None) -> object:
        return ("stream", apdus, wait_s)

    def hear(self, *, wait_s: float | None = None) -> object:
        return ("hear", wait_s)

    def disconnect(self) -> object:
        return "disconnect"


def test_after_the_switch_mode_e_hands_everything_on() -> None:
    link = ModeELink.__new__(ModeELink)
    link.inner = Inner()
    assert link.ask(b"\x60", wait_s=3) == ("ask", b"\x60", 3)
    assert link.stream([b"\x60"], wait_s=3) == ("stream", [b"\x60"], 3)
    assert link.hear(wait_s=4) == ("hear", 4)
    assert link.disconnect() == "disconnect"


def test_a_column_whose_unit_changes_keeps_the_first() -> None:
    rows = [(NOW, row("1.5*kWh", None)), (NOW + timedelta(minutes=30), row("1250*Wh", None))]
    told = profile_read("x", 1800, rows, Iec62056Options())
    assert (told.columns[0].scaler, told.columns[0].unit) == (-3, 0x300 | 30)
    assert [r.values[0] for r in told.rows] == [1500, 1250]

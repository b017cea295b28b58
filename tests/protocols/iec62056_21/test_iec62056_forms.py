"""Forms that meters in the field use and the standard does not know."""

from datetime import UTC, datetime, timedelta

import pytest
from iec62056_talk import ENERGY, HOURS_3, IDENT, LOAD, NOW, Script, scripted, talk
from pump import converse

from protocols.errors import MeterRefused, RemoteProtocolError
from protocols.iec62056_21.clock import read_clock, write_clock
from protocols.iec62056_21.frame import encode_block, encode_command
from protocols.iec62056_21.identification import parse_identification
from protocols.iec62056_21.options import Iec62056Options
from protocols.iec62056_21.profile import parse_profile
from protocols.iec62056_21.reading import read_value
from protocols.iec62056_21.registers import read_registers
from protocols.iec62056_21.stamps import StampRules, parse_clock, parse_stamp
from protocols.iec62056_21.tables import read_log, read_profile
from protocols.iec62056_21.telegram import TelegramReader
from protocols.iec62056_21.translate import translate

RULES = StampRules(420, 60)
EVENTS = "0.0.99.98.0.255"
CONSTANT = "0.3.0(5000*Imp/kWh)\r\n"


# -- the season digit 2: UTC, whatever the zone of the meter


@pytest.mark.parametrize(
    ("text", "hour"), [("02611280815", 1), ("12611280815", 0), ("22611280815", 8)]
)
def test_the_season_digit_says_how_far_from_utc_a_time_is(text: str, hour: int) -> None:
    assert parse_stamp(text).instant(RULES) == datetime(2026, 11, 28, hour, 15, tzinfo=UTC)


def test_a_maximum_of_a_meter_that_writes_utc() -> None:
    found = read_value("1.0.1.6.0.255", ("1.5*kW", "22611280815"), Iec62056Options(), RULES)
    assert found.time == datetime(2026, 11, 28, 8, 15, tzinfo=UTC)


def test_rows_of_a_profile_in_utc() -> None:
    found = parse_profile("P.01(2261128081500)(00)(30)(1)(1.5)(kW)\r\n(1)\r\n(2)\r\n")
    assert [row.ends.instant(RULES).astimezone(UTC).hour for row in found.rows] == [8, 8]
    assert parse_clock("2261128", "081500").instant(RULES).astimezone(UTC).hour == 8


def test_a_clock_that_runs_on_utc_is_written_in_utc() -> None:
    wire = scripted(
        R5=[encode_block("0.9.2(2260301)"), encode_block("0.9.1(115500)")], P1=b"\x06", W5=b"\x06"
    )
    ours = talk()
    told = converse(read_clock(ours), wire)
    assert told.stamp.instant(ours.rules) == datetime(2026, 3, 1, 11, 55, tzinfo=UTC)
    converse(write_clock(ours, lambda: NOW, told), wire)
    assert [sent for sent in wire.asked if sent[1:3] == b"W5"] == [
        encode_command("W5", "0.9.2(2260301)"), encode_command("W5", "0.9.1(120005)"),
    ]  # fmt: skip


# -- brackets


def test_the_time_of_a_maximum_may_come_first() -> None:
    options = Iec62056Options()
    found = read_value("1.0.1.6.0.255", ("2611280815", "12.3*kW"), options, RULES)
    assert (found.value, found.time) == (123, datetime(2026, 11, 28, 1, 15, tzinfo=UTC))
    plain = read_value("1.0.1.6.0.255", ("7777777777", "12.3*kW"), options, RULES)
    assert plain.value == 7777777777, "that is no time: the first bracket is the value"


@pytest.mark.parametrize("blank", ["1.8.0()", "1.8.0(------*kWh)", "1.8.0(*kWh)"])
def test_blanks_in_the_place_of_a_quantity_are_no_value(blank: str) -> None:
    wire = Script(call=b"/XYZ5TEST\r\n", readout=encode_block(f"{blank}\r\n2.8.0(1*kWh)\r\n!\r\n"))
    found = converse(read_registers(talk(), [ENERGY, "1.0.2.8.0.255"]), wire)
    assert [value.obis for value in found.values] == ["1.0.2.8.0.255"]
    assert found.refused == {ENERGY: "the meter has no such value"}


@pytest.mark.parametrize("word", ["ERROR", "ER07", "ERR03", "ER", "ER_12"])
def test_an_error_in_a_readout_is_no_value(word: str) -> None:
    text = f"1.8.0({word})\r\nF.F({word})\r\n2.8.0(1*kWh)\r\n!\r\n"
    wire = scripted(readout=encode_block(text), R5=encode_block(f"1.8.0({word})"))
    found = converse(read_registers(talk(), [ENERGY, "1.0.2.8.0.255", "0.0.97.97.0.255"]), wire)
    assert {value.obis: value.value for value in found.values} == {
        "1.0.2.8.0.255": 1, "0.0.97.97.0.255": word,
    }  # fmt: skip
    assert found.refused == {ENERGY: f"1.8.0({word})"}


@pytest.mark.parametrize("word", ["P.01(ER07)", "P.01(ERR03)\r\n", "(ERR03)"])
def test_an_error_in_place_of_a_profile_is_a_result(word: str) -> None:
    no = encode_block(word)
    wire = scripted(R6=no, R5=no, P1=b"\x06")
    with pytest.raises(MeterRefused, match=r"ER"):
        converse(read_profile(talk(), LOAD, HOURS_3, NOW + timedelta(hours=1)), wire)
    assert wire.count("call") == 1, "it is not asked again in a new session"


def test_an_error_is_no_empty_table() -> None:
    told = translate({"protocol": "iec62056-21-C", "hex": encode_block("P.01(ER07)").hex()})
    assert (told["ok"], "rows" in told) == (True, False)


@pytest.mark.parametrize("mark", [b"\x01", b"\x02"])
def test_a_block_whose_end_became_a_beginning_has_no_end(mark: bytes) -> None:
    block = encode_block("1.8.0(1*kWh)\r\n!\r\n").replace(b"\x03", mark)
    told = translate({"protocol": "iec62056-21-C", "hex": (IDENT + block).hex()})
    assert (told["ok"], told["error"]) == (False, "truncated")


# -- a slash in a unit


@pytest.mark.parametrize("text", ["kWh)", "kvarh)", "kWh)(1)"])
def test_the_end_of_a_unit_is_no_identification(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_identification(text)
    assert parse_identification("XYZ5AB(C)").rest == "AB(C)"


def test_a_telegram_with_a_slash_in_a_unit() -> None:
    telegram = f"/XYZ5TEST\r\n\r\n{CONSTANT}1.8.0(1*kWh)\r\n!\r\n".encode()
    for before in (b"", b"(5*Imp/kWh)\r\n1.8.0(9*kWh)\r\n!\r\n", b"/XYZ5TEST\r\n\r\n1.8.0(9"):
        for size in (1, 7, 400):
            stream, reader = before + telegram, TelegramReader()
            pieces = [stream[at : at + size] for at in range(0, len(stream), size)]
            found = [each for piece in pieces for each in reader.feed(piece)] + reader.end()
            told = [(each.identification, each.data.count("*")) for each in found]
            assert told == [("XYZ5TEST", 2)]


def test_a_recorded_readout_with_a_slash_in_a_unit() -> None:
    text = f"{CONSTANT}1.8.0(1*kWh)\r\n!\r\n"
    for whole in (text, "/XYZ5TEST\r\n" + text):
        told = translate({"protocol": "iec62056-21-C", "hex": whole.encode().hex()})
        assert told["values"] == {"0.3.0": ["5000*Imp/kWh"], "1.8.0": ["1*kWh"]}


def test_the_tail_of_a_late_readout_is_not_the_meter_that_was_called() -> None:
    late = CONSTANT.encode()[10:] + b"!\r\n\x03\x11"
    good = encode_block("1.8.0(1.5*kWh)\r\n!\r\n")
    wire = Script(call=late + b"/XYZ5TEST\r\n", readout=good)
    found = converse(read_registers(talk(), [ENERGY]), wire)
    assert (found.values[0].value, wire.asked[-1]) == (15, b"\x06050\r\n")


# -- tables without their name


def test_a_profile_whose_header_does_not_repeat_its_code() -> None:
    head = "(0260301180000)(00)(30)(2)(1.5)(kW)(2.5)(kW)\r\n(1)(2)\r\n(3)(4)\r\n"
    told = converse(
        read_profile(talk(), LOAD, HOURS_3, NOW + timedelta(hours=1)),
        scripted(R6=encode_block(head)),
    )
    assert [row.values for row in told.rows] == [(1, 2), (3, 4)]


def test_a_log_whose_entries_do_not_repeat_its_code() -> None:
    entries = "(0260301180000)(00000080)()(0)\r\n(0260301183000)(00000040)()(0)\r\n"
    wire = scripted(R6=encode_block(entries))
    told = converse(read_log(talk(), EVENTS, HOURS_3, NOW), wire)
    assert [(entry.code, entry.status) for entry in told] == [
        ("P.98", "00000080"), ("P.98", "00000040"),
    ]  # fmt: skip


def test_a_bare_error_after_days_that_were_told_is_a_day_without_entries() -> None:
    day, no = encode_block("P.98(0260228180000)(00000080)()(0)\r\n"), encode_block("(ERROR)")
    two_days = NOW - timedelta(hours=30)
    wire = scripted(R6=[day, no])
    told = converse(read_log(talk(password=""), EVENTS, two_days, NOW), wire)
    assert [entry.at for entry in told] == ["0260228180000"]
    with pytest.raises(MeterRefused, match="ERROR"):
        converse(read_log(talk(password=""), EVENTS, two_days, NOW), scripted(R6=no, R5=no))
    wire = scripted(R6=[day, encode_block("(ER07)")])
    with pytest.raises(MeterRefused, match="ER07"):
        converse(read_log(talk(password=""), EVENTS, two_days, NOW), wire)

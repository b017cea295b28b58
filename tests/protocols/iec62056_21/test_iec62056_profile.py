"""Load profiles and logs as text."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from protocols.errors import RemoteProtocolError
from protocols.iec62056_21.options import Iec62056Options
from protocols.iec62056_21.profile import (
    Channel,
    complete_rows,
    is_log,
    is_profile,
    parse_log,
    parse_profile,
)
from protocols.iec62056_21.profile_columns import profile_read

HEADER = "P.01(0260301233000)(08)(30)(2)(1-0:1.5.0)(kW)(2.5)(kvar)\r\n"
ROWS = "(0.5)(12.25)\r\n(1.25)(7)\r\n"


def test_rows_go_on_by_the_period() -> None:
    found = parse_profile(HEADER + ROWS)
    assert [row.ends.local.isoformat() for row in found.rows] == [
        "2026-03-01T23:30:00", "2026-03-02T00:00:00",
    ]  # fmt: skip
    assert [row.status for row in found.rows] == ["08", None]
    assert found.rows[0].channels == (Channel("1-0:1.5.0", "kW"), Channel("2.5", "kvar"))
    assert found.rows[1].values == ("1.25", "7")
    assert found.period_min == 30


def test_a_new_header_sets_the_time() -> None:
    again = HEADER.replace("2330", "1200").replace("(08)", "(A1)")
    found = parse_profile(HEADER + ROWS + again + ROWS)
    assert [row.ends.local.hour for row in found.rows] == [23, 0, 12, 12]
    assert [row.status for row in found.rows] == ["08", None, "A1", None]


def test_the_first_row_may_stand_in_the_header_line() -> None:
    found = parse_profile(HEADER.replace("\r\n", "(3)(4)\r\n") + ROWS)
    assert [row.values for row in found.rows] == [("3", "4"), ("0.5", "12.25"), ("1.25", "7")]


def test_columns_are_integers_and_exact() -> None:
    rows = parse_profile(HEADER + ROWS + "()(-1)\r\n").rows
    at = [(datetime(2026, 3, 1, n, tzinfo=UTC), row) for n, row in enumerate(rows)]
    found = profile_read("1.0.99.1.0.255", 1800, at, Iec62056Options())
    assert [(c.obis, c.scaler, c.unit) for c in found.columns] == [
        ("1.0.1.5.0.255", -2, 0x300 | 27), ("1.0.2.5.0.255", -2, 0x300 | 29),
    ]  # fmt: skip
    assert [row.values for row in found.rows] == [(50, 1225), (125, 700), (None, -100)]
    assert [row.status for row in found.rows] == [8, None, None]


@pytest.mark.parametrize(
    "text",
    [
        "P.01(0260301233000)(08)(30)(2)(1.5)(kW)\r\n",
        HEADER + "(1)\r\n",
        HEADER + "(1)(2)(3)\r\n",
        HEADER.replace("0260301233000", "0261301233000"),
        HEADER.replace("(30)", "(x)"),
        HEADER.replace("(2)", "(65)"),
        "P.01(0260301233000)\r\n",
        HEADER + "(1)(2",
    ],
)
def test_what_is_no_profile(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_profile(text)


def test_how_many_rows_are_whole() -> None:
    assert complete_rows(HEADER + ROWS + "(1)(2") == 2
    assert complete_rows("garbage") == 0
    assert complete_rows(HEADER + "(1)\r\n(") == 0


def test_no_entries() -> None:
    assert parse_profile("P.01(ERROR)\r\n").empty
    assert parse_profile("P.01()\r\n").empty
    assert parse_profile("").rows == []
    assert parse_log("P.98(ERROR)\r\n") == []


def test_rows_that_leave_the_calendar() -> None:
    text = "P.01(991231230000)(0)(44640)(1)(1.5)(kW)\r\n" + "(1)\r\n" * 10_001
    with pytest.raises(RemoteProtocolError):
        parse_profile(text)


def test_logs() -> None:
    found = parse_log("P.98(0260301233005)(00008020)()(2)(0.9.1)()\r\nP.98(02603)(40)()(0)\r\n")
    assert [(e.at, e.status, e.rest) for e in found] == [
        ("0260301233005", "00008020", ("", "2", "0.9.1", "")), ("02603", "40", ("", "0")),
    ]  # fmt: skip


def test_names() -> None:
    assert is_profile("P.01")
    assert is_profile("1-0:99.1.0")
    assert is_log("P.98")
    assert is_log("P.200")
    for other in (None, "1.8.0", "1-0:99.97.0", "P.x", ""):
        assert not is_profile(other)
        assert not is_log(other)


@given(st.text("P.0123456789()\r\nkW", max_size=300))
def test_any_text_is_a_profile_or_an_error(text: str) -> None:
    try:
        parse_profile(HEADER + text)
    except RemoteProtocolError:
        pass

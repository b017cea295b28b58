"""Tables read by one layout: all rows at once says what row by row does."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from examples import many
from hypothesis import given, settings, strategies as st

from protocols.dlms import axdr_encode as ax
from protocols.dlms.axdr import decode_all
from protocols.dlms.cosem_time import encode_time
from protocols.dlms.objects import Column
from protocols.dlms.profile import _shape, rebuild
from protocols.dlms.reader import TimeRules
from protocols.dlms.rows import decode_rows
from protocols.errors import MeterNonsense, RemoteProtocolError

BEGIN = datetime(2026, 11, 27, 17, tzinfo=UTC)
CLOCK = Column(8, "0.0.1.0.0.255", 2, 0)
STATUS = Column(1, "0.0.96.10.1.255", 2, 0)
ENERGY = Column(3, "1.0.1.8.0.255", 2, 0)
RULES = TimeRules()


def time_of(n: int) -> bytes:
    return encode_time(BEGIN + timedelta(minutes=30 * n), utc_offset_min=420)


@settings(max_examples=many(0.6))
@given(st.permutations([CLOCK, STATUS, ENERGY]), st.integers(1, 60), st.booleans())
def test_all_at_once_is_row_by_row(columns: list[Column], count: int, told: bool) -> None:
    cell = {
        CLOCK.obis: lambda n: ax.octets(time_of(n)),
        STATUS.obis: ax.u8,
        ENERGY.obis: lambda n: ax.u32(1000 + n),
    }
    rows = [ax.structure(*[cell[c.obis](n) for c in columns]) for n in range(count)]
    data = ax.array(*rows)
    plain, end = decode_rows(data)
    assert end == len(data)
    assert {type(row) for row in plain} == {tuple}
    rules = TimeRules(told=told)
    shape = _shape(columns)
    assert rebuild(plain, 3, shape, 1800, rules) == rebuild(
        list(map(list, plain)), 3, shape, 1800, rules
    )
    assert [list(row) for row in plain] == decode_all(data)


def test_without_status_and_without_values() -> None:
    shape = _shape([CLOCK])
    rows = rebuild([(time_of(1),), (time_of(2),)], 1, shape, None, RULES)
    assert [(row.time, row.status, row.values) for row in rows] == [
        (BEGIN + timedelta(minutes=30), None, ()),
        (BEGIN + timedelta(minutes=60), None, ()),
    ]


def test_unix_times_all_at_once() -> None:
    shape = _shape([CLOCK, ENERGY])
    (row,) = rebuild([(3600, 7)], 2, shape, None, RULES)
    assert (row.time, row.values) == (datetime(1970, 1, 1, 1, tzinfo=UTC), (7,))


@pytest.mark.parametrize("cell", [b"short", 2**60])
def test_a_time_that_is_none_ends_it(cell: Any) -> None:
    shape = _shape([CLOCK, ENERGY])
    with pytest.raises(MeterNonsense):
        rebuild([(time_of(1), 1), (cell, 2)], 2, shape, 1800, RULES)


@pytest.mark.parametrize("cell", [b"\xff" * 12, bytes(12)])
def test_a_row_whose_clock_was_not_set_is_left_out(cell: Any) -> None:
    rows = [(time_of(1), 1), (cell, 2), (time_of(3), 3)]
    rebuilt = rebuild(rows, 2, _shape([CLOCK, ENERGY]), 1800, RULES)
    assert [row.values for row in rebuilt] == [(1,), (3,)]


def test_a_row_of_another_layout_in_the_middle() -> None:
    alike = [ax.structure(ax.octets(time_of(n)), ax.u32(n)) for n in range(4)]
    other = ax.structure(ax.NULL, ax.u32(9))
    data = ax.array(*alike[:2], other, *alike[3:])
    rows, end = decode_rows(data)
    assert (end, [list(row) for row in rows]) == (len(data), decode_all(data))
    rebuilt = rebuild(rows, 2, _shape([CLOCK, ENERGY]), 1800, RULES)
    assert [row.time for row in rebuilt] == [BEGIN + timedelta(minutes=30 * n) for n in range(4)]


def test_the_last_layout_of_a_width_is_not_taken_for_another() -> None:
    one = ax.array(ax.structure(ax.u8(1), ax.u16(2)))
    other = ax.array(ax.structure(ax.u16(1), ax.u8(2)))
    for data in (one, other, one):
        assert [list(row) for row in decode_rows(data)[0]] == [[1, 2]]
    truncated = ax.array(ax.structure(ax.u8(1), ax.u16(2)), ax.structure(ax.u8(1), ax.u16(2)))[:-1]
    with pytest.raises(RemoteProtocolError):
        decode_rows(truncated)

"""Profiles: columns, rows made whole, every way to ask, and buffers that are no tables."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from dlms_bench import NOW, Bench
from hypothesis import given, strategies as st

from protocols.dlms import axdr_encode as ax
from protocols.dlms.axdr import BitString, Delta, decode_all
from protocols.dlms.cosem import Attribute, Refused, obis_bytes
from protocols.dlms.cosem_time import encode_time
from protocols.dlms.objects import Column, ObjectCache
from protocols.dlms.profile import ProfileData, _shape, read_profile, rebuild
from protocols.dlms.reader import TimeRules
from protocols.errors import MeterNonsense, MeterRefused, RemoteProtocolError

RULES = TimeRules()
CODE = "1.0.99.1.0.255"
BEGIN = datetime(2026, 3, 30, 17, 0, tzinfo=UTC)
COLUMNS = [
    Column(8, "0.0.1.0.0.255", 2, 0), Column(1, "0.0.96.10.1.255", 2, 0),
    Column(3, "1.0.1.8.0.255", 2, 0), Column(3, "1.0.2.8.0.255", 2, 0),
]  # fmt: skip
SHAPE = _shape(COLUMNS)


def clock(n: int) -> bytes:
    return encode_time(BEGIN + timedelta(minutes=30 * n), utc_offset_min=420)


# -- null-compression


def test_rows_rebuilt_by_hand() -> None:
    table = [
        [clock(0), 0, 100, 7], [None, None, 105, None], [None, 8, None, None],
        [clock(9), None, 130, 9], [None, None, None, None],
    ]  # fmt: skip
    rows = rebuild(table, 4, SHAPE, 1800, RULES)
    assert [(row.time - BEGIN).total_seconds() / 1800 for row in rows] == [0, 1, 2, 9, 10]
    assert [row.status for row in rows] == [0, 0, 8, 8, 8]
    assert [row.values for row in rows] == [(100, 7), (105, 7), (105, 7), (130, 9), (130, 9)]


def test_differences_are_added_to_the_cell_above() -> None:
    seconds = int(BEGIN.timestamp())
    table = [
        [seconds, 0, 100, 7], [Delta(1800), Delta(8), Delta(5), None],
        [Delta(1800), None, Delta(-3), Delta(1)], [clock(9), None, 130, Delta(2)],
    ]  # fmt: skip
    rows = rebuild(table, 4, SHAPE, None, RULES)
    assert [(row.time - BEGIN).total_seconds() / 1800 for row in rows] == [0, 1, 2, 9]
    assert [row.status for row in rows] == [0, 8, 8, 8]
    assert [row.values for row in rows] == [(100, 7), (105, 7), (102, 8), (130, 10)]


cells = st.integers(0, 3)


@given(st.lists(st.tuples(cells, cells, cells), min_size=1, max_size=40), st.data())
def test_whatever_is_left_out_comes_back(rows: list[tuple[int, ...]], data: st.DataObject) -> None:
    whole = [[clock(n), *row] for n, row in enumerate(rows)]
    table: list[list[Any]] = [list(whole[0])]
    for before, row in pairwise(whole):
        shown: list[Any] = [None if data.draw(st.booleans()) else row[0]]
        shown += [
            None if new == old and data.draw(st.booleans()) else new
            for new, old in zip(row[1:], before[1:], strict=True)
        ]
        table.append(shown)
    got = rebuild(table, 4, SHAPE, 1800, RULES)
    wanted = [(BEGIN + timedelta(minutes=30 * n), s, (a, b)) for n, (s, a, b) in enumerate(rows)]
    assert [(row.time, row.status, row.values) for row in got] == wanted


@pytest.mark.parametrize(("status", "shown"), [
    (8, 8), (True, 1), (BitString("0101"), 5), (b"\x01\x02", 258), (b"", None), ("", None),
    ("abc", None), (None, None), ([1], None),
])  # fmt: skip
def test_status_words(status: Any, shown: int | None) -> None:
    assert rebuild([[clock(0), status, 1, 2]], 4, SHAPE, 1800, RULES)[0].status == shown


def test_unix_time_is_a_time() -> None:
    rows = rebuild([[int(BEGIN.timestamp()), 0, 1, 2]], 4, SHAPE, None, RULES)
    assert rows[0].time == BEGIN


@pytest.mark.parametrize(("table", "period_s", "words"), [
    ([[None, 0, 1, 2]], 1800, "without time"),
    ([[clock(0), 0, 1, 2], [None] * 4], None, "without time"),
    ([[clock(0), 0, 1, 2], [None] * 4], 0, "without time"), ([[clock(0), 0, 1]], 1800, "4 cells"),
    ([5], 1800, "4 cells"), ([None], 1800, "4 cells"),
    ([[b"\xff" * 12, 0, 1, 2]], 1800, "no row tells"),
    ([[b"\xff" * 12, 0, 1, 2], [None] * 4], 1800, "no row tells"),
    ([[1.5, 0, 1, 2]], 1800, "no date-time"), ([["x", 0, 1, 2]], 1800, "no date-time"),
    ([[b"abc", 0, 1, 2]], 1800, "no date-time"), ([[bytes(12), 0, 1, 2]], 1800, "no row tells"),
    ([[clock(0), 0, 1, 2], [b"abc", 0, 1, 2]], 1800, "no date-time"),
    ([[2**64 - 1, 0, 1, 2]], 1800, "calendar"), ([[-(2**63), 0, 1, 2]], 1800, "calendar"),
    ([[clock(0), 0, 1, 2], [None] * 4], 2**64, "calendar"),
    ([[clock(0), 0, Delta(1), 2]], 1800, "no number above"),
    ([[clock(0), 0, b"a", 2], [None, None, Delta(1), None]], 1800, "no number above"),
    ([[clock(0), 0, 1, 2], [Delta(1), None, None, None]], 1800, "no number above"),
    ([[clock(0), 0, 1, 2], *[[None] * 4] * 100], 2**32, "calendar"),
])  # fmt: skip
def test_tables_that_are_refused(table: list[Any], period_s: int | None, words: str) -> None:
    with pytest.raises(MeterNonsense, match=words):
        rebuild(table, 4, SHAPE, period_s, RULES)


@pytest.mark.parametrize("unset", [
    b"\xff" * 12, bytes(12), bytes.fromhex("ffffffffffffffffff8000ff"),
    bytes.fromhex("07ea0bfeff0c1e0000fe5c00"), bytes.fromhex("07ea00000000000000000000"),
    bytes.fromhex("07ea0b1c060c1e00007fff00"),
])  # fmt: skip
def test_rows_captured_while_the_clock_was_not_set_are_left_out(unset: bytes) -> None:
    table = [
        [clock(0), 0, 100, 7], [unset, 4, 101, 8], [None, None, 102, None],
        [clock(3), 0, 103, None], [None, None, 104, 9],
    ]  # fmt: skip
    rows = rebuild(table, 4, SHAPE, 1800, RULES)
    found = [((row.time - BEGIN).total_seconds() / 1800, row.status, row.values) for row in rows]
    assert found == [(0, 0, (100, 7)), (3, 0, (103, 8)), (4, 0, (104, 9))]
    first = rebuild([[unset, 4, 101, 8], [clock(3), 0, 103, 9]], 4, SHAPE, 1800, RULES)
    assert [row.values for row in first] == [(103, 9)]


def test_an_empty_table_is_no_nonsense() -> None:
    assert rebuild([], 4, SHAPE, 1800, RULES) == []


def test_columns_without_clock_or_status() -> None:
    with pytest.raises(RemoteProtocolError, match="no clock column"):
        _shape(COLUMNS[1:])
    assert _shape([COLUMNS[2], COLUMNS[0]]).clock == 1
    assert _shape([COLUMNS[2], COLUMNS[0]]).status is None
    assert _shape(COLUMNS).values == [2, 3]


def test_a_clock_that_counts_seconds_is_one_where_there_is_no_other() -> None:
    unix = Column(1, "0.0.1.1.0.255", 2, 0)
    assert _shape([COLUMNS[2], unix]).clock == 1
    assert _shape([unix, COLUMNS[0]]).clock == 1
    for other in (Column(3, unix.obis, 2, 0), Column(1, "1.0.1.1.0.255", 2, 0),
                  Column(1, "0.0.1.2.0.255", 2, 0)):  # fmt: skip
        with pytest.raises(MeterNonsense, match="no clock column"):
            _shape([COLUMNS[2], other])


# -- reading


class Meter:
    """A bench whose profile answers as it is told: attribute and selection to value."""

    def __init__(self, tell: Callable[[int, Any], Any], **bench: Any) -> None:
        self.bench = Bench("wrapper", **bench).associate()
        self.cache = ObjectCache({}, {}, {}, {})
        self.selectors: list[int | None] = []
        read = self.bench.meter.objects.read

        def answer(attribute: Attribute, selection: Any, now: datetime) -> Any:
            if attribute.class_id != 7:
                return read(attribute, selection, now)
            if attribute.index == 2:
                self.selectors.append(selection.selector if selection else None)
            told = tell(attribute.index, selection)
            return read(attribute, selection, now) if told is None else told

        self.bench.meter.objects.read = answer  # type: ignore[method-assign]

    def read(self, hours: int = 3) -> ProfileData:
        begin = datetime(2026, 3, 31, 6, 30, tzinfo=UTC) - timedelta(hours=hours)
        end = begin + timedelta(hours=2)
        return self.bench.run(read_profile(self.bench.client, CODE, begin, end, self.cache, RULES))


def check(meter: Meter) -> None:
    data = meter.read()
    energy = meter.bench.meter.objects.consumption.energy_wh
    assert [(r.time, r.values[0]) for r in data.rows] == [
        (r.time, energy(r.time)) for r in data.rows
    ]
    assert len(data.rows) == 5


def test_by_range() -> None:
    meter = Meter(lambda *_: None)
    check(meter)
    assert meter.selectors == [1]


def test_columns_are_read_once() -> None:
    asked: list[int] = []
    meter = Meter(lambda index, _: asked.append(index))
    check(meter)
    check(meter)
    assert asked.count(3) == 1


def set_up_anew(told: dict[int, Any]) -> tuple[Meter, ObjectCache]:
    """Return a meter that has other columns than those that were learnt of it."""
    meter = Meter(lambda index, _: told.get(index))
    check(meter)
    row = ax.structure(ax.octets(encode_time(NOW - timedelta(hours=3))), ax.u32(5))
    told[2] = ax.array(row)
    return meter, meter.cache


def test_columns_that_have_changed_are_learnt_anew() -> None:
    energy = ax.structure(ax.u16(3), ax.octets(obis_bytes("1.0.2.8.0.255")), ax.i8(2), ax.u16(0))
    told: dict[int, Any] = {}
    meter, cache = set_up_anew(told)
    told[3] = ax.array(COLUMN, energy)
    data = meter.read()
    assert [(c.obis, r.values) for c, r in zip(data.columns, data.rows, strict=True)] == [
        ("1.0.2.8.0.255", (5,))
    ]
    assert len(cache.columns[CODE]) == 2


@pytest.mark.parametrize("objects", [None, Refused(3), ax.NULL])
def test_rows_that_fit_no_columns_leave_what_is_known(objects: Any) -> None:
    told: dict[int, Any] = {}
    meter, cache = set_up_anew(told)
    before, told[3] = cache.columns[CODE], objects
    with pytest.raises(MeterNonsense, match="cells"):
        meter.read()
    assert cache.columns[CODE] == before


def test_a_clock_that_counts_seconds_is_asked_in_seconds() -> None:
    unix = ax.structure(ax.u16(1), ax.octets(obis_bytes("0.0.1.1.0.255")), ax.i8(2), ax.u16(0))
    energy = ax.structure(ax.u16(3), ax.octets(obis_bytes("1.0.1.8.0.255")), ax.i8(2), ax.u16(0))
    at = int((NOW - timedelta(hours=3)).timestamp())
    asked: list[Any] = []

    def tell(index: int, selection: Any) -> Any:
        if index == 2:
            asked.append(decode_all(selection.parameter))
        rows = ax.array(ax.structure(ax.u32(at), ax.u32(7)))
        return {2: rows, 3: ax.array(unix, energy)}.get(index)

    data = Meter(tell).read()
    assert [(r.time, r.values) for r in data.rows] == [(NOW - timedelta(hours=3), (7,))]
    begin = int(datetime(2026, 3, 31, 3, 30, tzinfo=UTC).timestamp())
    column = [1, obis_bytes("0.0.1.1.0.255"), 2, 0]
    assert asked == [[column, begin, begin + 7200, []]]


def times_with_deviation(selection: Any) -> bool:
    return bool(decode_all(selection.parameter)[1][9:11] != b"\x80\x00")


def test_a_meter_that_wants_times_otherwise() -> None:
    def picky(index: int, selection: Any) -> Any:
        wrong = index == 2 and selection.selector == 1 and times_with_deviation(selection)
        return Refused(12) if wrong else None

    meter = Meter(picky)
    check(meter)
    assert meter.selectors == [1, 1]
    check(meter)  # what worked is asked first the next time
    assert meter.selectors == [1, 1, 1]


@pytest.mark.parametrize("sort", [ax.enum(1), ax.enum(2), Refused(3)])
@pytest.mark.parametrize("period", [None, ax.u32(0), Refused(3)])
def test_a_meter_that_knows_only_entries(sort: Any, period: Any) -> None:
    def entries(index: int, selection: Any) -> Any:
        if index == 2 and selection is not None and selection.selector == 1:
            return Refused(9)
        return {5: sort, 4: period}.get(index)

    meter = Meter(entries)
    check(meter)
    assert meter.selectors[-1] == 2


def test_a_newest_row_that_tells_no_time_narrows_nothing() -> None:
    lone = ax.array(ax.structure(*[ax.NULL] * 6))

    def entries(index: int, selection: Any) -> Any:
        if index == 5:
            return ax.enum(1)
        if index != 2 or selection is None:
            return None
        if selection.selector == 1:
            return Refused(9)
        return lone if decode_all(selection.parameter)[0] > 1 else None

    meter = Meter(entries)
    check(meter)
    assert meter.selectors == [1, 1, 2, 2]


def test_a_meter_that_gives_all_or_nothing() -> None:
    def plain(index: int, selection: Any) -> Any:
        return Refused(9) if index == 2 and selection is not None else None

    meter = Meter(plain)
    check(meter)
    assert meter.selectors[-1] is None


@pytest.mark.parametrize("code", [3, 4])
def test_a_profile_that_may_not_be_read(code: int) -> None:
    meter = Meter(lambda index, _: Refused(code) if index == 2 else None)
    with pytest.raises(MeterRefused):
        meter.read()
    assert meter.selectors == [1]
    for index in (3,):
        meter = Meter(lambda i, _, index=index: Refused(code) if i == index else None)
        with pytest.raises(MeterRefused, match="no profile"):
            meter.read()


def test_a_profile_that_is_refused_every_way() -> None:
    meter = Meter(lambda index, _: Refused(250) if index == 2 else None)
    with pytest.raises(MeterRefused, match="other-reason"):
        meter.read()


COLUMN = ax.structure(ax.u16(8), ax.octets(obis_bytes("0.0.1.0.0.255")), ax.i8(2), ax.u16(0))


@pytest.mark.parametrize("objects", [
    ax.NULL, ax.u32(5), ax.array(ax.u8(1)), ax.array(ax.structure(ax.u16(8))), ax.octets(b"abcd"),
    ax.array(COLUMN, ax.structure(ax.u16(3), ax.octets(b"\x01"), ax.i8(2), ax.u16(0))),
    ax.array(COLUMN, ax.structure(ax.u16(3), ax.visible("abcdef"), ax.i8(2), ax.u16(0))),
    ax.array(COLUMN, ax.structure(ax.array(), ax.octets(bytes(6)), ax.i8(2), ax.u16(0))),
    ax.array(COLUMN, ax.structure(ax.u16(3), ax.octets(bytes(6)), ax.NULL, ax.u16(0))),
    ax.array(), ax.array(ax.structure(ax.u16(3), ax.octets(bytes(6)), ax.i8(2), ax.u16(0))),
])  # fmt: skip
def test_columns_that_are_none(objects: bytes) -> None:
    meter = Meter(lambda index, _: objects if index == 3 else None)
    with pytest.raises(RemoteProtocolError):
        meter.read()


@pytest.mark.parametrize("buffer", [
    ax.NULL, ax.u32(5), ax.octets(bytes(9)), ax.array(ax.u8(1)), ax.array(ax.structure(ax.u8(1))),
    ax.array(*[ax.structure()] * 20_001),
])  # fmt: skip
def test_buffers_that_are_no_tables(buffer: bytes) -> None:
    meter = Meter(lambda index, _: buffer if index == 2 else None)
    with pytest.raises(RemoteProtocolError):
        meter.read()


def test_an_empty_buffer_is_a_profile_without_rows() -> None:
    meter = Meter(lambda index, _: ax.array() if index == 2 else None)
    assert meter.read().rows == []


def test_a_meter_without_selective_access_is_asked_for_all() -> None:
    meter = Meter(lambda *_: None)
    assert meter.bench.client.agreed is not None
    meter.bench.client.agreed = type(meter.bench.client.agreed)(
        conformance=bytes.fromhex("00001a"), max_pdu=1024
    )
    check(meter)
    assert meter.selectors == [None]


def test_scales_of_the_columns_are_learnt_and_others_left_alone() -> None:
    data = Meter(lambda *_: None).read()
    assert [(s.scaler, s.unit) for s in data.scales] == [(0, 30), (0, 30), (0, 32), (0, 32)]
    assert data.obis == CODE
    assert data.rows[-1].time <= NOW

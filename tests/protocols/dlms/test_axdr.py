"""A-XDR data: known bytes, every type there and back, every cut, any garbage."""

import json
import struct
import time
from typing import Any

import pytest
from dlms_messages import NOTHING, VALUES, Sample, compact_arrays, same
from examples import many
from hypothesis import given, settings, strategies as st

from protocols.dlms import axdr, axdr_encode as ax, compact
from protocols.dlms.axdr import BitString, Delta, decode, decode_all
from protocols.dlms.lengths import decode_length, encode_length
from protocols.dlms.rows import LAYOUTS_MAX, _known, decode_rows, layout_at
from protocols.errors import RemoteProtocolError

KNOWN = [
    ("00", None), ("ff", None), ("0301", True), ("0300", False), ("0307", True),
    ("04050d", "00001"), ("0400", ""), ("040c0ff0", "000011111111"),
    ("05fffffffe", -2), ("06fffffffe", 4294967294), ("0903010203", b"\1\2\3"), ("0900", b""),
    ("0a024142", "AB"), ("0a01b0", "°"), ("0c02c2b0", "°"), ("0c01b0", "\ufffd"), ("0d99", 153),
    ("0f80", -128), ("10fe5c", -420), ("11ff", 255), ("12ffff", 65535),
    ("14ffffffffffffffff", -1), ("15ffffffffffffffff", 2**64 - 1), ("161e", 30),
    ("17c0200000", -2.5), ("18c004000000000000", -2.5),
    ("1907ea031f020d1e00fffe5c00", bytes.fromhex("07ea031f020d1e00fffe5c00")),
    ("1a07ea031f02", bytes.fromhex("07ea031f02")), ("1b0d1e00ff", bytes.fromhex("0d1e00ff")),
    ("0100", []), ("0203110100" + "0f05", [1, None, 5]), ("0102020111010201" + "1102", [[1], [2]]),
    ("09" + "8180" + "00" * 128, bytes(128)), ("098200020102", b"\1\2"),
    ("0984000000020102", b"\1\2"),
    ("1311" + "03" + "010203", [1, 2, 3]),
    ("13" + "020211" + "12" + "06" + "010002" + "030004", [[1, 2], [3, 4]]),
    ("13" + "0100021104" + "01020304", [[1, 2], [3, 4]]),
    ("13" + "02020009" + "04" + "01aa" + "01bb", [[None, b"\xaa"], [None, b"\xbb"]]),
    ("1300" + "00", []), ("13" + "1b" + "04" + "0d1e00ff", [bytes.fromhex("0d1e00ff")]),
]  # fmt: skip

REFUSED = [
    ("", "truncated"), ("12ff", "truncated"), ("06", "truncated"), ("190102", "truncated"),
    ("0905", "truncated"), ("0a05", "truncated"), ("0c0541", "truncated"), ("0409ff", "truncated"),
    ("0980", "length"), ("098500000000", "length"), ("09ff", "length"), ("0982ff", "truncated"),
    ("0184ffffffff", "truncated"), ("02051101", "truncated"), ("0201", "truncated"),
    ("07", "data-tag"), ("0e01", "data-tag"), ("2200", "data-tag"), ("fe", "data-tag"),
    ("13", "truncated"), ("1311", "truncated"), ("131105" + "0102", "truncated"),
    ("1312" + "03" + "000102", "truncated"), ("1319" + "02" + "0001", "truncated"),
    ("13" + "0100", "truncated"), ("13" + "0202" + "11", "truncated"),
    ("13" + "130100", "data-tag"),
    ("1300" + "01" + "00", "data-tag"), ("13" + "07" + "01" + "00", "data-tag"),
    ("0203" + "1101", "truncated"), ("110100", "trailing"), ("00" + "00", "trailing"),
    ("13" + "01ffff11" + "02" + "0102", "size"), ("13" + "0201" * 9 + "11" + "0101", "depth"),
]  # fmt: skip


@pytest.mark.parametrize(("hexes", "value"), KNOWN)
def test_known_bytes(hexes: str, value: Any) -> None:
    got = decode_all(bytes.fromhex(hexes))
    assert got == value
    assert (type(got) is bool) == (type(value) is bool)


@pytest.mark.parametrize(("hexes", "category"), REFUSED)
def test_refused_with_its_category(hexes: str, category: str) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        decode_all(bytes.fromhex(hexes))
    assert refused.value.category == category
    assert str(refused.value)


@pytest.mark.parametrize(("hexes", "difference"), [
    ("1cff", -1), ("1dff00", -256), ("1e80000000", -(2**31)),
    ("1fff", 255), ("20ff00", 0xFF00), ("21ffffffff", 2**32 - 1),
])  # fmt: skip
def test_differences_are_no_numbers_yet(hexes: str, difference: int) -> None:
    raw = bytes.fromhex(hexes)
    assert decode_all(raw) == Delta(difference)
    compact = b"\x13" + raw[:1] + bytes((len(raw) - 1,)) + raw[1:]
    assert decode_all(compact) == [Delta(difference)]
    for cut in range(1, len(raw)):
        with pytest.raises(RemoteProtocolError) as refused:
            decode_all(raw[:cut])
        assert refused.value.category == "truncated"


@given(VALUES)
def test_there_and_back(sample: Sample) -> None:
    encoded, value = sample
    assert same(decode_all(encoded), value)
    assert decode(b"\xee" + encoded + b"\x11", 1)[1] == len(encoded) + 1


@settings(max_examples=many(0.5))
@given(VALUES)
def test_every_cut_is_truncated(sample: Sample) -> None:
    encoded, _ = sample
    for at in range(len(encoded)):
        with pytest.raises(RemoteProtocolError) as refused:
            decode_all(encoded[:at])
        assert refused.value.category == "truncated"


@settings(max_examples=many(0.4))
@given(compact_arrays(), NOTHING)
def test_compact_arrays_stand_anywhere(sample: Sample, nothing: Sample) -> None:
    encoded, value = sample
    whole = ax.structure(nothing[0], encoded, ax.array(encoded, ax.u8(1)))
    assert same(decode_all(whole), [None, value, [value, 1]])


@given(st.binary(max_size=300))
def test_garbage_is_a_protocol_error_or_a_value(noise: bytes) -> None:
    for reader in (decode_all, decode_rows):
        try:
            reader(noise)
        except RemoteProtocolError:
            pass


@given(VALUES, st.data())
def test_changed_bytes_are_a_protocol_error_or_a_value(sample: Sample, data: st.DataObject) -> None:
    raw = bytearray(sample[0])
    for at in data.draw(st.lists(st.integers(0, len(raw) - 1), max_size=4)):
        raw[at] = data.draw(st.integers(0, 255))
    try:
        decode_all(bytes(raw))
    except RemoteProtocolError:
        pass


@pytest.mark.parametrize("tag", ["01", "02"])
def test_more_elements_than_bytes_are_not_even_begun(tag: str) -> None:
    with pytest.raises(RemoteProtocolError, match="4294967295 elements in 2 bytes"):
        decode_all(bytes.fromhex(tag + "84ffffffff" + "1105"))


def test_nesting_has_a_limit() -> None:
    for tag in (b"\x01\x01", b"\x02\x01"):
        assert decode_all(tag * axdr.DEPTH_MAX + b"\x11\x05")
        for levels in (axdr.DEPTH_MAX + 1, 5000):
            with pytest.raises(RemoteProtocolError) as refused:
                decode_all(tag * levels + b"\x11\x05")
            assert refused.value.category == "depth"


def test_a_compact_array_may_stand_in_the_deepest_list() -> None:
    described = b"\x13" + b"\x02\x01" * compact.DESCRIPTION_DEPTH_MAX + b"\x11\x01\x05"
    assert decode_all(b"\x01\x01" * axdr.DEPTH_MAX + described)


@pytest.mark.parametrize(
    "message",
    [
        b"\x13\x02\x02\x01\x03\xff\x00\x11" + encode_length(90) + bytes(90),
        (b"\x13\x02\x02\x01\x03\xff\x00\x11\x01\x01") * 100,
        b"\x13" + b"\x01\x00\xff" * 7 + b"\x00\x01\x01",
        b"\x13" + b"\x02\x7f" * 8 + b"\x00\x01\x01",
        b"\x01\x84\x7f\xff\xff\xff" + bytes(1000),
        b"\x02\x7f" * 500,
        b"\x04\x84\xff\xff\xff\xff" + bytes(1000),
    ],
    ids=range(7),
)
def test_a_message_costs_no_more_than_its_size_allows(message: bytes) -> None:
    whole = ax.array(*[message] * max(1, 1024 // len(message)))
    before = time.perf_counter()
    try:
        value = decode_all(whole)
        assert sum(1 for _ in leaves(value)) <= 100 * len(whole)
    except RemoteProtocolError:
        pass
    assert time.perf_counter() - before < 0.010 * max(1, len(whole) / 1024) * 5


def leaves(value: Any) -> Any:
    if isinstance(value, list):
        for part in value:
            yield from leaves(part)
    else:
        yield value


def test_null_contents_have_a_limit() -> None:
    nulls = b"\x13\x02\x02\x01\x00\x32\x00\x11"
    assert decode_all(nulls + b"\x01\x07") == [[[None] * 50, 7]]
    with pytest.raises(RemoteProtocolError) as refused:
        decode_all(nulls + b"\x7f" + bytes(127))
    assert refused.value.category == "size"


@given(st.integers(0, 2**32 - 1))
def test_lengths_there_and_back(length: int) -> None:
    raw = encode_length(length)
    assert decode_length(b"\0" + raw, 1) == (length, len(raw) + 1)
    assert (len(raw) == 1) == (length < 128)
    for at in range(len(raw)):
        with pytest.raises(RemoteProtocolError):
            decode_length(raw[:at], 0)


# -- rows


ROWS = st.lists(VALUES | st.sampled_from([
    (ax.structure(ax.u32(7), ax.octets(b"abc"), ax.f32(0.1)), [7, b"abc", 0.10000000149011612]),
    (ax.structure(ax.u32(8), ax.octets(b"xyz"), ax.f32(0.5)), [8, b"xyz", 0.5]),
    (ax.structure(ax.i16(8), ax.boolean(True)), [8, True]),
    (ax.structure(ax.i16(-8), ax.boolean(False)), [-8, False]),
    (ax.structure(ax.NULL, ax.boolean(False)), [None, False]),
]), max_size=12)  # fmt: skip


@settings(max_examples=many(0.4))
@given(ROWS)
def test_rows_of_known_layout_are_what_the_usual_way_gives(rows: list[Sample]) -> None:
    encoded = ax.array(*(raw for raw, _ in rows))
    got, end = decode_rows(encoded)
    assert end == len(encoded)
    assert same(got, decode_all(encoded))


@settings(max_examples=30)
@given(ROWS, st.data())
def test_rows_cut_anywhere_are_truncated(rows: list[Sample], data: st.DataObject) -> None:
    encoded = ax.array(*(raw for raw, _ in rows))
    for at in data.draw(st.lists(st.integers(0, len(encoded) - 1), max_size=20)):
        with pytest.raises(RemoteProtocolError):
            decode_rows(encoded[:at])


def test_rows_need_a_list() -> None:
    assert decode_rows(ax.structure(ax.u8(1), ax.u8(2))) == ([1, 2], 6)
    with pytest.raises(RemoteProtocolError, match="an array was expected"):
        decode_rows(ax.u8(1))
    with pytest.raises(RemoteProtocolError, match="300 elements"):
        decode_rows(b"\x01\x82\x01\x2c\x11")


def test_rows_like_the_first_are_read_at_once() -> None:
    rows = [ax.structure(ax.u32(n), ax.octets(bytes((n,) * 3))) for n in range(5)]
    layout = layout_at(rows[0], 0)
    assert layout is not None
    assert all(layout.fits(row, 0) for row in rows)
    assert not layout.fits(rows[0][:-1], 0)
    assert not layout.fits(ax.structure(ax.i32(0), ax.octets(bytes(3))), 0)
    assert decode_rows(ax.array(*rows))[0] == [(n, bytes((n,) * 3)) for n in range(5)]


def test_layouts_are_bounded() -> None:
    for size in range(700):
        row = ax.structure(*[ax.octets(bytes(size % 100)), *[ax.u8(1)] * (1 + size // 100)])
        assert layout_at(row, 0)
    assert len(_known) <= LAYOUTS_MAX


def test_a_row_cut_anywhere_has_no_layout() -> None:
    row = ax.structure(ax.u32(7), ax.octets(b"abc"), ax.u8(1))
    assert layout_at(row, 0) is not None
    assert [layout_at(row[:at], 0) for at in range(1, len(row))] == [None] * (len(row) - 1)


def test_rows_without_fixed_size_have_no_layout() -> None:
    long_octets = ax.structure(ax.octets(bytes(200)))
    cut = ax.structure(ax.u32(1))[:-1]
    for row in (long_octets, cut, ax.structure(ax.visible("a")), b"\x02", b"\x02\x80", ax.u8(1)):
        assert layout_at(row, 0) is None


def test_short_numbers_show_few_digits_and_stay_exact() -> None:
    for text in ("230.3", "0.1", "3.4028235e38", "16777216.0", "-1e-45", "inf"):
        number = float(text)
        single = decode_all(ax.f32(number) if number < 3.4028235e38 else b"\x17\x7f\x7f\xff\xff")
        assert ax.f32(single)[1:] == ax.f32(float(single))[1:]
        assert float(single) == number or text in {"-1e-45", "inf"}
    assert json.dumps(decode_all(ax.f32(230.3))) == "230.3000030517578"


# -- encoding


def test_bit_strings_keep_their_order() -> None:
    assert ax.bits("00001") == bytes.fromhex("040508")
    assert decode_all(bytes.fromhex("040508")) == BitString("00001")


def test_numbers_out_of_range_are_our_own_mistake() -> None:
    for encode, value in ((ax.i8, 128), (ax.u16, -1), (ax.u64, 2**64)):
        with pytest.raises(struct.error):
            encode(value)

"""Whatever fits a layout is read as without it; what does not fit is not read."""

from typing import Any

import pytest
from examples import many
from hypothesis import given, settings, strategies as st

from protocols.dlms import axdr_encode as ax
from protocols.dlms.apdu import decode_apdu
from protocols.dlms.apdu_push import encode_data_notification
from protocols.dlms.axdr import decode_all
from protocols.dlms.body_layout import (
    SAME_SIZE_MAX,
    SIZE_MAX,
    SIZES_MAX,
    BodyLayouts,
    layout_of,
)
from protocols.errors import RemoteProtocolError


def registers(count: int, first: int = 1) -> bytes:
    """Return what most meters push."""
    return ax.array(*[
        ax.structure(
            ax.octets(bytes((1, 0, n + 1, 8, 0, 255))),
            ax.u32(first + n),
            ax.structure(ax.i8(-1), ax.enum(30)),
        )
        for n in range(count)
    ])  # fmt: skip


def test_a_push_is_read_by_the_layout_of_another() -> None:
    layout = layout_of(registers(3, 5))
    assert layout is not None
    other = registers(3, 1000)
    assert int.from_bytes(other) & layout.mask == layout.same
    assert layout.build(other) == decode_all(other)
    assert layout.build(other)[2] == [bytes((1, 0, 3, 8, 0, 255)), 1002, [-1, 30]]


FIXED = st.one_of(
    st.integers(0, 255).map(ax.u8), st.integers(-128, 127).map(ax.i8),
    st.integers(0, 2**16 - 1).map(ax.u16), st.integers(-(2**31), 2**31 - 1).map(ax.i32),
    st.integers(0, 2**64 - 1).map(ax.u64), st.booleans().map(ax.boolean),
    st.binary(max_size=12).map(ax.octets), st.just(ax.NULL),
)  # fmt: skip
LISTS = st.recursive(
    st.lists(FIXED, min_size=1, max_size=5).map(lambda parts: ax.structure(*parts)),
    lambda inner: st.one_of(
        st.lists(st.one_of(FIXED, inner), max_size=4).map(lambda parts: ax.structure(*parts)),
        st.tuples(inner, st.integers(2, 4)).map(lambda pair: ax.array(*[pair[0]] * pair[1])),
    ),
    max_leaves=12,
)


@settings(max_examples=many(1.2))
@given(LISTS)
def test_the_layout_of_a_body_reads_it(body: bytes) -> None:
    layout = layout_of(body)
    if layout is not None:
        assert layout.build(body) == decode_all(body)
        assert repr(layout.build(body)) == repr(decode_all(body))  # True is not 1


@settings(max_examples=many(1.2))
@given(LISTS, st.data())
def test_what_fits_after_a_change_is_read_as_without(body: bytes, data: st.DataObject) -> None:
    layouts = BodyLayouts()
    layouts.learn(body)
    changed = bytearray(body)
    changed[data.draw(st.integers(0, len(body) - 1))] ^= data.draw(st.integers(1, 255))
    read = layouts.read(bytes(changed))
    if read is not None:
        assert read == decode_all(bytes(changed))


def test_rows_with_nulls_and_lists_in_them() -> None:
    row = ax.structure(ax.NULL, ax.u8(1), ax.structure(ax.NULL, ax.u8(2)), ax.octets(b"ab"))
    body = ax.array(row, row, row)
    layout = layout_of(body)
    assert layout is not None
    assert layout.build(body) == [[None, 1, [None, 2], b"ab"]] * 3


@pytest.mark.parametrize(
    "row",
    [
        ax.structure(ax.u8(1), ax.structure()),
        ax.structure(ax.u8(1), ax.structure(ax.NULL)),
        ax.structure(ax.u8(1), ax.array(ax.structure(ax.u8(1)), ax.structure(ax.u8(2)))),
    ],
)
def test_rows_that_are_no_table(row: bytes) -> None:
    body = ax.array(row, row)
    layout = layout_of(body)
    assert layout is not None
    assert layout.build(body) == decode_all(body)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\x01", ax.u32(5), ax.octets(b"abc"), ax.NULL, ax.array(), ax.array(ax.NULL),
        ax.structure(ax.visible("text")), ax.structure(bytes((23, 0, 0, 0, 0))),
        ax.structure(ax.octets(bytes(200))), ax.array(*[ax.u8(1)] * 128),
        ax.structure(ax.u8(1), ax.array(ax.visible("x"))), registers(SIZE_MAX // 19 + 1),
    ],
)  # fmt: skip
def test_what_has_no_layout(body: bytes) -> None:
    layouts = BodyLayouts()
    assert layout_of(body) is None
    layouts.learn(body)
    assert len(layouts) == 0
    assert layouts.read(body) is None


def test_few_layouts_of_one_size_are_kept() -> None:
    layouts = BodyLayouts()
    bodies = [
        ax.structure(*[ax.u8(1)] * n, *[ax.boolean(True)] * (9 - n))
        for n in range(SAME_SIZE_MAX + 2)
    ]
    for body in bodies:
        layouts.learn(body)
    assert len(layouts) == SAME_SIZE_MAX
    assert layouts.read(bodies[0]) is None
    assert layouts.read(bodies[-1]) == decode_all(bodies[-1])


def test_the_limit_of_sizes_holds() -> None:
    layouts = BodyLayouts()
    bodies = [
        ax.structure(*[ax.octets(bytes(60))] * (n // 60), ax.octets(bytes(n % 60)))
        for n in range(SIZES_MAX * 2)
    ]
    for body in bodies:
        layouts.learn(body)
    kept = {len(body) for body in bodies if layouts.read(body) is not None}
    assert len(kept) == SIZES_MAX
    assert layouts.read(bodies[0]) is None
    assert layouts.read(bodies[-1]) == decode_all(bodies[-1])


def test_a_notification_is_the_same_whether_its_layout_was_known() -> None:
    def told(first: int) -> Any:
        return decode_apdu(encode_data_notification(first, None, registers(4, first)))

    for first in (11, 12, 13):
        assert told(first).body == decode_all(registers(4, first))


def test_a_tail_is_refused_whether_the_layout_is_known_or_not() -> None:
    body = registers(2)
    apdu = encode_data_notification(1, None, body)
    for _ in range(2):
        with pytest.raises(RemoteProtocolError, match="left over"):
            decode_apdu(apdu + b"\0")
        decode_apdu(apdu)

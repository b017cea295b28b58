"""What the values of a push are, and whom they come from."""

from typing import Any

import pytest
from dlms_messages import TIME, VALUES, Sample
from hypothesis import given, strategies as st

from protocols.dlms.apdu import decode_apdu
from protocols.dlms.apdu_push import encode_data_notification
from protocols.dlms.push import PushItem, clock_of, identities_of, items_of

IMPORT = bytes((1, 0, 1, 8, 0, 255))
EXPORT = bytes((1, 0, 2, 8, 0, 255))
CLOCK = bytes((0, 0, 1, 0, 0, 255))
NAME = bytes((0, 0, 42, 0, 0, 255))
SERIAL = bytes((0, 0, 96, 1, 0, 255))


def told(body: Any) -> dict[str, Any]:
    return {item.key: item.value for item in items_of(body)}


def test_a_list_of_objects_then_their_values() -> None:
    objects = [[3, IMPORT, 2, 0], [3, EXPORT, 2, 0]]
    assert told([objects, 5, 6]) == {"3/1.0.1.8.0.255/2": 5, "3/1.0.2.8.0.255/2": 6}
    itself = [[40, bytes((0, 0, 25, 9, 0, 255)), 2, 0], *objects]
    assert told([itself, 5, 6]) == {"3/1.0.1.8.0.255/2": 5, "3/1.0.2.8.0.255/2": 6}
    assert told([objects, 5, 6, 7]) == {}


def test_a_structure_for_each() -> None:
    body = [[IMPORT, 5, [-1, 30]], [EXPORT, 6]]
    assert items_of(body) == [
        PushItem("1.0.1.8.0.255", 5, scaler=-1, unit=30), PushItem("1.0.2.8.0.255", 6),
    ]  # fmt: skip
    assert items_of([body]) == items_of(body)


def test_one_flat_list() -> None:
    assert told([b"KFM_001", IMPORT, 5, EXPORT, 6, IMPORT]) == {
        "1.0.1.8.0.255": 5,
        "1.0.2.8.0.255": 6,
    }


def test_scalers_in_a_flat_list_stand_behind_their_numbers() -> None:
    body = [TIME, IMPORT, 5, [-1, 30], EXPORT, 6, NAME, b"m1", [0, 255], SERIAL, b"7", IMPORT, 9]
    assert items_of(body) == [
        PushItem("1.0.1.8.0.255", 5, scaler=-1, unit=30),
        PushItem("1.0.2.8.0.255", 6),
        PushItem("0.0.42.0.0.255", b"m1"),
        PushItem("0.0.96.1.0.255", b"7"),
        PushItem("1.0.1.8.0.255", 9),
    ]


@pytest.mark.parametrize("scale", [
    [2**31, 30], [-129, 30], [0, 256], [0, -1], [b"x", 30], [0, None], [0], 5, [1.5, 30],
])  # fmt: skip
def test_a_scale_that_is_none_is_not_taken(scale: Any) -> None:
    """A scaler of 32 bits would become as many zeros."""
    assert told([[IMPORT, 5, scale], [EXPORT, 6, scale]]) == {}
    assert all(item.scaler is None for item in items_of([[IMPORT, 5, scale]]))


@pytest.mark.parametrize("body", [None, 5, b"abc", "x", [], [5, 6], [[]], [[[]]], [[IMPORT]], {}])
def test_bare_values_are_left_alone(body: Any) -> None:
    assert items_of(body) == []


@given(VALUES)
def test_any_body_has_items_or_none(sample: Sample) -> None:
    encoded, _ = sample
    push = decode_apdu(encode_data_notification(1, TIME, encoded))
    items = items_of(push.body)
    identities_of(items)
    clock_of(items, push.body)


@given(st.recursive(
    st.sampled_from([IMPORT, CLOCK, TIME, b"", 3, None, "x", 1.5]),
    lambda inner: st.lists(inner, max_size=5),
))  # fmt: skip
def test_any_nesting_of_codes(body: Any) -> None:
    items = items_of(body)
    assert all(item.obis.count(".") == 5 for item in items)
    time = clock_of(items, body)
    assert time is None or len(time) == 12


def test_the_clock_is_the_object_or_a_leading_time() -> None:
    assert clock_of(items_of([[CLOCK, TIME], [IMPORT, 5]]), []) == TIME
    body = [TIME, IMPORT, 5]
    assert clock_of(items_of(body), body) == TIME
    assert clock_of(items_of([IMPORT, 5]), [IMPORT, 5]) is None
    assert clock_of([], [TIME, 5]) is None
    assert clock_of(items_of([[CLOCK, b"x"]]), None) is None


def test_identities_the_most_telling_first() -> None:
    items = items_of([[SERIAL, b"12345678\0"], [NAME, b"KFM1234"], [IMPORT, b"abcdef"]])
    assert identities_of(items) == ["KFM1234", "12345678"]
    for unnamed in (b"\x01\x02\x03", b"ab", 5, b"\xff" * 9, "é" * 9):
        assert identities_of(items_of([[SERIAL, unnamed]])) == []

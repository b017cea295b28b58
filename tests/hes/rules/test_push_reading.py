"""From decoded values to what an event can hold."""

from typing import Any, NamedTuple

import pytest
from hypothesis import given, strategies as st
from read_models import reading

from hes.events.layout import ROW_CHANNELS_MAX, Layout
from hes.rules.push_reading import layout_of_values, storable
from hes.store.codec import EventCodec


class Value(NamedTuple):
    obis: str
    scaler: int | None = None
    unit: int | None = None
    class_id: int | None = 3
    attribute: int | None = 2


def known(obis: str) -> tuple[int | None, int | None] | None:
    return (-1, 35) if obis == "1.0.32.7.0.255" else None


def test_what_the_message_says_goes_before_what_is_known() -> None:
    layout = layout_of_values(
        [Value("1.0.32.7.0.255", 0, 33), Value("1.0.32.7.0.255"), Value("1.0.1.8.0.255")], known
    )
    assert [(c.scaler, c.unit) for c in layout.channels] == [(0, 33), (-1, 35), (None, None)]


def test_equal_lists_are_one_layout() -> None:
    assert layout_of_values([Value("1.0.1.8.0.255", 0, 30)], known) is layout_of_values(
        [Value("1.0.1.8.0.255", 0, 30)], known
    )
    assert layout_of_values([Value("1.0.1.8.0.255", 0, 30)], known) != layout_of_values(
        [Value("1.0.1.8.0.255", 1, 30)], known
    )


def test_a_layout_has_a_limit() -> None:
    with pytest.raises(ValueError, match="limit 256"):
        Layout(layout_of_values([Value("1.0.1.8.0.255")], known).channels * (ROW_CHANNELS_MAX + 1))


leaves = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False),
    st.text(), st.binary(max_size=20), st.just(object()),
)  # fmt: skip


@given(st.recursive(leaves, lambda inner: st.lists(inner) | st.tuples(inner, inner), max_leaves=9))
def test_any_decoded_value_can_be_stored_and_read_again(value: Any) -> None:
    told = storable(value)
    codec = EventCodec()
    event = reading(told)
    assert codec.decode(*codec.encode(event)) == event
    if isinstance(value, int) and -(2**63) <= value < 2**64:
        assert told == value
        assert type(told) is int

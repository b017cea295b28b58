"""Events that are too large come in parts or cut, and say so; those that fit stay as they are."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings, strategies as st

from hes.events.layout import Channel, Layout
from hes.events.meter_event import MeterEvent
from hes.events.reading import LoadProfileRead, ProfileRow, Reading, Source
from hes.rules.event_size import CUT, EVENT_SIZE_MAX, bounded, is_cut, size_of
from hes.store.codec import EventCodec

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
values = (
    st.none()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.binary(max_size=300)
    | st.text(max_size=80)
    | st.lists(st.integers(0, 255), max_size=20)
)


def layout_of(count: int) -> Layout:
    return Layout(tuple(Channel(f"1.0.{n}.8.0.255", 0, 30) for n in range(count)))


def reading(told: list[Any], times: tuple[datetime | None, ...] | None = None) -> Reading:
    return Reading(
        received_at=NOW, device_time=NOW, source=Source.PUSH, layout=layout_of(len(told)),
        values=tuple(told), digest=b"12345", counter=7, times=times,
    )  # fmt: skip


def test_the_size_is_that_of_the_stored_form() -> None:
    told = reading([1, b"abc", "x", None, [1, 2]])
    assert size_of(told) == len(EventCodec().encode(told)[1])


def test_what_fits_is_the_same_object() -> None:
    told = [reading([1, 2, 3])]
    assert bounded(told) is told


@settings(max_examples=60)
@given(st.lists(values, max_size=250), st.booleans())
@example([2**63 - 1] * 250, True)
@example([b"\x01" * 300] * 40, False)
def test_a_reading_in_parts_says_the_same(told: list[Any], own_times: bool) -> None:
    times = tuple(NOW + timedelta(seconds=n) for n in range(len(told))) if own_times else None
    whole = reading(told, times)
    parts = bounded([whole])
    assert all(size_of(part) <= EVENT_SIZE_MAX for part in parts)
    assert not is_cut(parts)
    found = [part for part in parts if isinstance(part, Reading)]
    assert len(found) == len(parts)
    assert [v for part in found for v in part.values] == told
    assert tuple(c for part in found for c in part.layout.channels) == whole.layout.channels
    assert times is None or tuple(t for p in found for t in p.times or ()) == times
    assert [(part.digest, part.counter) for part in found] == [
        (b"12345", 7), *[(None, None)] * (len(found) - 1)
    ]  # fmt: skip
    assert {(part.received_at, part.device_time, part.source) for part in found} == {
        (NOW, NOW, Source.PUSH)
    }


@pytest.mark.parametrize(
    ("value", "left"),
    [
        (b"\x07" * 5000, [CUT, 5000, b"\x07" * 240]),
        ("ă" * 3000, [CUT, 6000, "ă" * 120]),
        ([1] * 4000, [CUT, 4003, b"\xdc\x0f\xa0" + b"\x01" * 237]),
    ],
)
def test_a_value_that_is_too_large_by_itself_is_cut_and_says_so(value: Any, left: Any) -> None:
    (found,) = bounded([reading([1, value, 2])])
    assert isinstance(found, Reading)
    assert found.values == (1, left, 2)
    assert is_cut([found])
    assert size_of(found) <= EVENT_SIZE_MAX


def profile(rows: int, row: list[Any]) -> LoadProfileRead:
    return LoadProfileRead(
        received_at=NOW, source=Source.SCHEDULED, profile="1.0.99.1.0.255", period_s=1800,
        layout=layout_of(len(row)), digest=b"12345",
        rows=tuple(
            ProfileRow(NOW + timedelta(minutes=30 * n), n, tuple(row)) for n in range(rows)
        ),
    )  # fmt: skip


@settings(max_examples=40)
@given(st.integers(0, 40), st.lists(values, max_size=60))
@example(40, [2**40] * 60)
@example(2, [b"\x01" * 300] * 40)
def test_a_profile_in_parts_says_the_same(rows: int, row: list[Any]) -> None:
    whole = profile(rows, row)
    parts = bounded([whole])
    assert all(size_of(part) <= EVENT_SIZE_MAX for part in parts)
    cells: dict[tuple[datetime, str], Any] = {}
    for part in parts:
        assert isinstance(part, LoadProfileRead)
        assert (part.profile, part.period_s) == (whole.profile, whole.period_s)
        for one in part.rows:
            codes = [channel.obis for channel in part.layout.channels]
            cells |= {
                (one.ends_at, code): value for code, value in zip(codes, one.values, strict=True)
            }
    codes = [channel.obis for channel in whole.layout.channels]
    assert cells == {
        (one.ends_at, code): value
        for one in whole.rows for code, value in zip(codes, one.values, strict=True)
    }  # fmt: skip
    digests = [part.digest for part in parts if isinstance(part, LoadProfileRead)]
    assert digests == [b"12345", *[None] * (len(parts) - 1)]


def test_a_long_text_is_cut_and_says_so() -> None:
    told = MeterEvent(
        received_at=NOW, code=None, name="x" * 30, obis="0.0.97.98.0.255", detail="é" * 4000
    )
    (found,) = bounded([told])
    assert isinstance(found, MeterEvent)
    assert found.detail == "é" * 120 + "... (cut, 8000 octets)"
    assert (found.name, found.obis) == (told.name, told.obis)
    assert is_cut([found])
    assert size_of(found) <= EVENT_SIZE_MAX


def test_what_cannot_be_stored_is_left_to_the_codec() -> None:
    told = [reading([object()])]
    assert bounded(told) is told

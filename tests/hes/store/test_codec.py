"""The stored form: stable for ever, and never a surprise for who reads it."""

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given, strategies as st

from hes.events.base import EVENT_TYPES, DomainEvent
from hes.events.layout import Channel, Layout
from hes.events.meter_event import MeterEvent
from hes.events.node import NodeStarted
from hes.events.reading import Reading, Source
from hes.store.codec import EventCodec, LayoutBook
from hes.store.errors import StoreError, StoreUnavailable
from hes.store.port import StoredRow

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)


LAYOUT = Layout((Channel("1.0.1.8.0.255", 0, 30), Channel("0.0.96.1.0.255")))
PROFILE = Layout((Channel("1.0.1.29.0.255", 0, 30),))


def reading(layout: Layout, *values: Any) -> Reading:
    return Reading(received_at=NOW, source=Source.PUSH, layout=layout, values=values)


def layout_of(number: int) -> Layout:
    return Layout((Channel(f"1.0.{number}.7.0.255", 0, 27),))


# -- round trip

values = st.recursive(
    st.none()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=20)
    | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4),
    max_leaves=10,
)
times = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(st.lists(values, max_size=8), times, st.none() | times)
def test_whatever_a_meter_sends_comes_back_as_it_was(
    sent: list[Any], received_at: datetime, device_time: datetime | None
) -> None:
    codec = EventCodec(LayoutBook([LAYOUT]))
    event = Reading(
        received_at=received_at,
        device_time=device_time,
        source=Source.DEMAND,
        layout=LAYOUT,
        values=tuple(sent),
    )
    got = codec.decode(*codec.encode(event))
    assert got == event
    assert isinstance(got, Reading)
    assert [type(value) for value in got.values] == [type(value) for value in sent]


def test_a_time_of_another_zone_comes_back_in_utc() -> None:
    hanoi = NOW.astimezone(timezone(timedelta(hours=7)))
    codec = EventCodec()
    got = codec.decode(*codec.encode(NodeStarted(received_at=hanoi, version="1", pid=1)))
    assert got.received_at == NOW
    assert got.received_at.utcoffset() == timedelta(0)


# -- refused, in a sentence


def test_an_unknown_kind_says_to_update() -> None:
    with pytest.raises(StoreError, match="unknown kind Levitation/3; update the program"):
        EventCodec().decode("Levitation/3", b"\x90")


def test_a_missing_layout_says_so() -> None:
    topic, state = EventCodec().encode(reading(layout_of(1), 5))
    with pytest.raises(StoreError, match=f"layout {layout_of(1).id} is missing from the log"):
        EventCodec().decode(topic, state)


@pytest.mark.parametrize("reference", ["text", None, 1.5])
def test_what_is_no_number_of_a_layout_is_damage(reference: Any) -> None:
    state = msgspec.msgpack.encode([NOW, None, "push", reference, []])
    with pytest.raises(StoreError, match="expected the number of a channel layout"):
        EventCodec().decode("Reading/1", state)


def test_a_store_that_is_away_is_not_taken_for_damage() -> None:
    def away(_: int) -> Layout:
        raise StoreUnavailable("the disk is full")

    topic, state = EventCodec().encode(reading(LAYOUT, 1, 2))
    with pytest.raises(StoreUnavailable, match="the disk is full"):
        EventCodec(LayoutBook(fetch=away)).decode(topic, state)


def test_deep_nesting_is_an_error_and_no_crash() -> None:
    codec = EventCodec()
    topic, flat = codec.encode(reading(LAYOUT, None))
    state = flat[:-4] + b"\x91" * 100_000 + flat[-4:]
    with pytest.raises(StoreError, match="Reading/1 is damaged: maximum recursion depth"):
        codec.decode(topic, state)
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(StoreError, match="Reading/1 cannot be stored"):
        codec.encode(reading(LAYOUT, deep))
    while deep:
        deep = deep.pop()


@pytest.mark.parametrize(
    "value", [2**64, "\ud800", object()], ids=["65 bits", "surrogate", "object"]
)
def test_what_has_no_stored_form_is_refused(value: Any) -> None:
    with pytest.raises(StoreError, match="a Reading/1 cannot be stored"):
        EventCodec().encode(reading(LAYOUT, value))


def test_not_a_number_is_kept() -> None:
    codec = EventCodec()
    got = codec.decode(*codec.encode(reading(layout_of(1), math.nan)))
    assert isinstance(got, Reading)
    assert math.isnan(cast(float, got.values[0]))


# -- newer and older programs


class Meow1(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """An outdated kind: its loudness was a word."""

    topic = "Meow/1"
    loudness: str


class Meow2(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """Then it was a level."""

    topic = "Meow/2"
    level_db: int


class Meow3(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """Now it has a source, too, and a field that old rows lack."""

    topic = "Meow/3"
    level_db: int
    cat: str
    colour: str = "grey"


def louder(old: DomainEvent) -> DomainEvent:
    return Meow2(received_at=old.received_at, level_db=60)


def named(old: DomainEvent) -> DomainEvent:
    assert isinstance(old, Meow2)
    return Meow3(received_at=old.received_at, level_db=old.level_db, cat="unknown")


def test_old_events_are_brought_up_to_the_newest_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (Meow1, Meow2, Meow3):
        monkeypatch.setitem(EVENT_TYPES, kind.topic, kind)
    codec = EventCodec(upcasters={"Meow/1": louder, "Meow/2": named})
    topic, state = codec.encode(Meow1(received_at=NOW, loudness="loud"))
    assert codec.decode(topic, state) == Meow3(received_at=NOW, level_db=60, cat="unknown")
    row = StoredRow(9, "cat:1", 4, topic, state)
    assert codec.recorded(row).event.topic == "Meow/3"
    assert codec.recorded(row).position == 9


def test_a_field_added_at_the_end_does_not_hurt_old_rows_or_old_programs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(EVENT_TYPES, "Meow/3", Meow3)
    old = msgspec.msgpack.encode([NOW, None, 55, "Tom"])
    assert EventCodec().decode("Meow/3", old) == Meow3(received_at=NOW, level_db=55, cat="Tom")
    newer = msgspec.msgpack.encode([NOW, None, 55, "Tom", "red", "from the future"])
    assert EventCodec().decode("Meow/3", newer).received_at == NOW


# -- layouts


def test_a_layout_is_told_once_for_storing() -> None:
    codec = EventCodec()
    for value in (1, 2):
        codec.encode(reading(LAYOUT, value))
    codec.encode(reading(PROFILE, 3))
    assert codec.layouts.take_unsaved() == [LAYOUT, PROFILE]
    codec.encode(reading(LAYOUT, 4))
    assert codec.layouts.take_unsaved() == []


def test_a_layout_that_could_not_be_stored_is_told_again() -> None:
    book = LayoutBook()
    book.note(LAYOUT)
    book.put_back(book.take_unsaved())
    assert book.take_unsaved() == [LAYOUT]


def test_a_layout_from_the_log_is_not_told_for_storing() -> None:
    codec = EventCodec(LayoutBook([LAYOUT]))
    codec.layouts.learn([PROFILE])
    codec.encode(reading(LAYOUT, 1))
    codec.encode(reading(PROFILE, 1))
    assert codec.layouts.take_unsaved() == []


def test_the_book_stays_small_and_finds_in_the_log_what_it_dropped() -> None:
    stored = {layout_of(n).id: layout_of(n) for n in range(100)}
    book = LayoutBook(stored.values(), fetch=stored.get, limit=10)
    codec = EventCodec(book)
    for layout in stored.values():
        event = reading(layout, 1)
        assert codec.decode(*codec.encode(event)) == event
        assert len(book) <= 10
    with pytest.raises(KeyError):
        book[4711]


def test_hostile_layouts_do_not_fill_the_memory() -> None:
    saved: dict[int, Layout] = {}
    book = LayoutBook(fetch=saved.get, limit=10)
    for n in range(100):
        book.note(layout_of(n))
        saved.update({layout.id: layout for layout in book.take_unsaved()})
    assert len(book) == 10
    assert book[layout_of(0).id] == layout_of(0)


def test_an_interval_reading_of_ten_channels_is_within_a_hundred_bytes() -> None:
    layout = Layout(tuple(Channel(f"1.0.{n}.7.0.255", -1, 35) for n in range(10)))
    _, state = EventCodec().encode(
        Reading(
            received_at=NOW,
            device_time=NOW,
            source=Source.PUSH,
            layout=layout,
            values=tuple(70_000 + n for n in range(10)),
            digest=b"12345678",
            counter=70_000,
        )
    )
    assert len(state) <= 100


def test_a_meter_event_is_within_sixty_four_bytes() -> None:
    event = MeterEvent(
        received_at=NOW, device_time=NOW, code=231, name="cover-opened", obis="0.0.96.11.0.255"
    )
    assert len(EventCodec().encode(event)[1]) <= 64


# -- many at once


def test_many_rows_are_decoded_as_each_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (Meow1, Meow2, Meow3):
        monkeypatch.setitem(EVENT_TYPES, kind.topic, kind)
    codec = EventCodec(upcasters={"Meow/1": louder, "Meow/2": named})
    events = [
        reading(LAYOUT, 1, 2), Meow1(received_at=NOW, loudness="loud"), reading(PROFILE, 3),
        Meow3(received_at=NOW, level_db=1, cat="own"), reading(LAYOUT, 4, 5),
    ]  # fmt: skip
    rows = [StoredRow(n, f"s:{n}", n + 3, *codec.encode(one)) for n, one in enumerate(events)]
    found = codec.recorded_all(rows)
    assert found == [codec.recorded(row) for row in rows]
    assert [one.position for one in found] == [0, 1, 2, 3, 4]
    assert [one.event.topic for one in found[:2]] == ["Reading/1", "Meow/3"]
    assert codec.recorded_all([]) == []


@pytest.mark.parametrize(
    ("topic", "state", "why"),
    [
        ("Reading/1", b"\x91", "a stored Reading/1 is damaged"),
        ("Reading/1", b"", "a stored Reading/1 is damaged"),
        ("Levitation/3", b"\x90", "unknown kind Levitation/3"),
    ],
)
def test_one_damaged_row_of_many_says_what_it_is(topic: str, state: bytes, why: str) -> None:
    codec = EventCodec()
    good = StoredRow(1, "s:1", 1, *codec.encode(reading(LAYOUT, 1, 2)))
    with pytest.raises(StoreError, match=why):
        codec.recorded_all([good, StoredRow(2, "s:1", 2, topic, state), good])

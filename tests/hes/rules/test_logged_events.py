"""Entries of a meter's log become events: once, by name, in the order of the log."""

from datetime import UTC, datetime, timedelta

import pytest

from hes.event_names import EVENT_NAMES
from hes.events.layout import Channel, Layout
from hes.events.meter_event import MeterEvent
from hes.events.reading import LoadProfileRead, ProfileRow, Source
from hes.meter_state import MeterState
from hes.rules.logged_events import is_log, logged_events

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LOG, OTHER_LOG = "0.0.99.98.0.255", "0.0.99.98.1.255"
CODE = Channel("0.0.96.11.0.255", None, None, 1, 2)
DURATION = Channel("0.0.96.8.0.255", 0, 7, 3, 2)
NAMES = {1: ("power-down",), 2: ("power-up",), "031100": ("power-down",), 0x81: ("a", "b")}


def names_of(code: int | str | None) -> tuple[str, ...]:
    return () if code is None else NAMES.get(code, ())


def block(
    *entries: tuple[int, object], profile: str = LOG, columns: tuple[Channel, ...] = (CODE,)
) -> LoadProfileRead:
    """Return a part of a log: minutes before now, and a code."""
    return LoadProfileRead(
        received_at=NOW,
        source=Source.SCHEDULED,
        profile=profile,
        period_s=None,
        layout=Layout(columns),
        rows=tuple(
            ProfileRow(NOW - timedelta(minutes=ago), None, (*[7] * (len(columns) - 1), code))
            for ago, code in entries
        ),
    )


def told(events: list[MeterEvent]) -> list[tuple[int | None, str | None]]:
    return [(event.code, event.name) for event in events]


def test_each_entry_is_an_event_by_its_name() -> None:
    events = logged_events([block((3, 1), (2, 2), (1, 99))], {}, names_of)
    assert told(events) == [(1, "power-down"), (2, "power-up"), (99, None)]
    assert [event.device_time for event in events] == [
        NOW - timedelta(minutes=minutes) for minutes in (3, 2, 1)
    ]
    assert {(event.obis, event.received_at, event.digest) for event in events} == {(LOG, NOW, None)}


def test_a_code_in_letters_is_hex_and_stays_to_be_seen() -> None:
    columns = (DURATION, CODE)
    (event,) = logged_events([block((1, "031100"), columns=columns)], {}, names_of)
    assert (event.code, event.name, event.detail) == (0x031100, "power-down", "031100")
    (event,) = logged_events([block((1, "boom"), columns=columns)], {}, names_of)
    assert (event.code, event.name, event.detail) == (None, None, "boom")


def test_a_word_of_several_bits_is_several_events() -> None:
    assert told(logged_events([block((1, 0x81))], {}, names_of)) == [(0x81, "a"), (0x81, "b")]


@pytest.mark.parametrize("value", [None, True, b"\x01", [1], 1.5])
def test_what_is_no_code_is_an_event_without_one(value: object) -> None:
    assert told(logged_events([block((1, value))], {}, names_of)) == [(None, None)]


def test_an_entry_is_told_once_however_often_the_log_is_read() -> None:
    state = MeterState()
    seen: list[MeterEvent] = []
    for entries in ([(9, 1), (8, 2)], [(9, 1), (8, 2), (7, 1)], [(9, 1)], [(7, 1), (7, 2), (6, 2)]):
        new = logged_events([block(*entries)], state.logged_until, names_of)
        seen += new
        for event in new:
            state.apply(event)
    assert [event.device_time for event in seen] == [
        NOW - timedelta(minutes=minutes) for minutes in (9, 8, 7, 6)
    ]
    assert state.logged_until == {LOG: NOW - timedelta(minutes=6)}


def test_each_log_is_counted_by_itself() -> None:
    until = {LOG: NOW}
    blocks = [block((5, 1)), block((5, 1), profile=OTHER_LOG)]
    assert [event.obis for event in logged_events(blocks, until, names_of)] == [OTHER_LOG]


def test_an_entry_of_the_next_century_hides_nothing() -> None:
    state = MeterState()
    far = block((-60 * 24 * 36500, 1))
    for event in logged_events([far], {}, names_of):
        state.apply(event)
    assert state.logged_until == {LOG: NOW}


def test_messages_that_are_no_log_leave_it_alone() -> None:
    state = MeterState()
    pushed = MeterEvent(
        received_at=NOW, device_time=NOW, code=1, name=None, obis="0.0.96.11.0.255"
    )  # fmt: skip
    state.apply(pushed)
    assert state.logged_until == {}


def test_a_load_profile_tells_no_events() -> None:
    assert not is_log("1.0.99.1.0.255")
    assert logged_events([block((1, 1), profile="1.0.99.1.0.255")], {}, names_of) == []
    assert logged_events([block((1, 1), columns=(DURATION,))], {}, names_of) == []


def test_every_name_of_an_event_has_words() -> None:
    assert all(name == name.lower() and words for name, words in EVENT_NAMES.items())
    assert {"power-down", "power-up", "phase-lost-l3", "over-voltage-end-l1"} <= set(EVENT_NAMES)

"""When an anchor is due: once a local day, whatever the clock and the node do."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, strategies as st

from hes.audit.anchor_times import due_at

HANOI = ZoneInfo("Asia/Ho_Chi_Minh")
NOW = datetime(2026, 5, 1, 3, 0, tzinfo=UTC)  # 10:00 in Hanoi


def test_a_log_without_anchors_has_one_due_at_once() -> None:
    assert due_at(None, NOW, HANOI, 60.0) == NOW


@pytest.mark.parametrize(
    ("last", "due"),
    [
        ("2026-04-30T17:05:00+00:00", "2026-05-01T17:01:00+00:00"),  # 00:05 today: next midnight
        ("2026-05-01T02:00:00+00:00", "2026-05-01T17:01:00+00:00"),  # 09:00 today: the same
        ("2026-04-30T16:59:59+00:00", "2026-04-30T17:01:00+00:00"),  # 23:59:59 yesterday: past
        ("2026-04-20T00:00:00+00:00", "2026-04-20T17:01:00+00:00"),  # ten days ago: past
        ("2026-05-01T09:00:00+00:00", "2026-05-01T17:01:00+00:00"),  # a little ahead of our clock
    ],
)
def test_the_next_is_due_at_the_midnight_after_the_last(last: str, due: str) -> None:
    assert due_at(datetime.fromisoformat(last), NOW, HANOI, 60.0) == datetime.fromisoformat(due)


def test_a_clock_that_was_a_year_ahead_silences_nothing() -> None:
    assert due_at(NOW + timedelta(days=365), NOW, HANOI, 60.0) == NOW


def test_midnight_is_by_the_calendar_where_clocks_change() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    last = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)  # 00:30 on the day with 23 hours
    assert due_at(last, last, berlin, 0.0) == datetime(2026, 3, 29, 22, 0, tzinfo=UTC)


@given(st.integers(0, 366 * 86_400))
def test_two_anchors_never_stand_in_one_local_day(seconds: int) -> None:
    last = NOW + timedelta(seconds=seconds)
    due = due_at(last, last, HANOI, 0.0)
    assert due.astimezone(HANOI).date() == last.astimezone(HANOI).date() + timedelta(days=1)

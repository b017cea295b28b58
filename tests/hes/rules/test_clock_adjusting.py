from datetime import UTC, datetime, timedelta

import pytest

from hes.rules.clock_adjusting import UNITS_S, WAYS, wait_s

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def at(minute: int, second: int = 0) -> datetime:
    return NOON + timedelta(minutes=minute, seconds=second)


def test_ways() -> None:
    assert WAYS == ("quarter", "period", "minute", "preset", "shift")


@pytest.mark.parametrize(
    ("way", "now", "left_s"),
    [
        ("shift", at(10), 0), ("preset", at(10), 0), ("minute", at(10, 20), 40),
        ("minute", at(10, 59), 1), ("quarter", at(14, 15), 45), ("quarter", at(44, 59), 1),
        ("period", at(29, 1), 59), ("period", at(59, 30), 30),
    ],
)  # fmt: skip
def test_a_method_that_rounds_is_called_at_a_whole_unit(
    way: str, now: datetime, left_s: float
) -> None:
    assert wait_s(way, 5.0, now) == left_s
    unit_s = UNITS_S.get(way)
    if unit_s:
        assert (now + timedelta(seconds=left_s)).timestamp() % unit_s == 0


@pytest.mark.parametrize(
    ("way", "drift_s", "now", "says"),
    [
        ("shift", 901.0, at(10), "off by 901 s; a shift does 900 s"),
        ("shift", 5.0, at(0, 30), "ask again in 90 s"),
        ("preset", 5.0, at(29), "ask again in 180 s"),
        ("minute", 5.0, at(29, 10), "an interval ends too near"),
        ("minute", 28.0, at(10), "it would jump to another minute"),
        ("quarter", -410.0, at(14, 30), "it would jump to another quarter"),
        ("quarter", 5.0, at(10), "it is 300 s to the next quarter"),
        ("period", 5.0, at(14, 30), "it is 930 s to the next period"),
    ],
)
def test_what_would_put_a_clock_wrong_is_refused(
    way: str, drift_s: float, now: datetime, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        wait_s(way, drift_s, now)

"""Intervals: each once, in order, with both ends of the time asked for."""

from datetime import datetime, timedelta
from typing import Any

from read_models import Models, at

from hes.events.layout import Channel, Layout
from hes.events.reading import LoadProfileRead, ProfileRow, Source

IMPORT = Channel("1.0.1.29.0.255", 0, 30)
EXPORT = Channel("1.0.2.29.0.255", -1, 30)
LOAD = "1.0.99.1.0.255"
M = "meter:A"


def block(
    *rows: tuple[datetime, Any, Any], profile: str = LOAD, received_at: datetime | None = None
) -> LoadProfileRead:
    return LoadProfileRead(
        received_at=received_at or at(100), source=Source.PUSH, profile=profile, period_s=1800,
        layout=Layout((IMPORT, EXPORT)),
        rows=tuple(ProfileRow(ends_at=end, status=8, values=(a, b)) for end, a, b in rows),
    )  # fmt: skip


def asked(models: Models, **given: Any) -> list[tuple[datetime, list[str | None]]]:
    wanted = {"start": None, "end": None, "profile": None, "limit": 100, **given}
    rows = models.query.profile("A", **wanted)
    return [(row.time, [cell.value for cell in row.values.values()]) for row in rows]


def test_an_interval_delivered_twice_is_there_once(models: Models) -> None:
    models.tell((M, block((at(0), 1, 2), (at(30), 3, 4))), (M, block((at(30), 3, 4))))
    models.tell((M, block((at(30), 3, 4), (at(60), 5, 6))))
    assert asked(models) == [
        (at(0), ["1", "0.2"]), (at(30), ["3", "0.4"]), (at(60), ["5", "0.6"]),
    ]  # fmt: skip


def test_nothing_does_not_replace_a_value_but_a_value_replaces_nothing(models: Models) -> None:
    models.tell((M, block((at(0), 1, None))))
    models.tell((M, block((at(0), None, 2), received_at=at(200))))
    assert asked(models) == [(at(0), ["1", "0.2"])]


def test_a_corrected_value_replaces_the_old_one(models: Models) -> None:
    models.tell((M, block((at(0), 1, 2))), (M, block((at(0), 9, 2))))
    assert asked(models) == [(at(0), ["9", "0.2"])]


def test_blocks_may_come_in_any_order(models: Models) -> None:
    models.tell((M, block((at(60), 3, 3))), (M, block((at(0), 1, 1))), (M, block((at(30), 2, 2))))
    assert [time for time, _ in asked(models)] == [at(0), at(30), at(60)]


def test_both_ends_are_included_and_the_newest_come_when_there_are_too_many(
    models: Models,
) -> None:
    models.tell((M, block(*[(at(30 * n), n, n) for n in range(6)])))
    inside = [time for time, _ in asked(models, start=at(30), end=at(90))]
    assert inside == [at(30), at(60), at(90)]
    millisecond = timedelta(milliseconds=1)
    inside = asked(models, start=at(30) + millisecond, end=at(90) - millisecond)
    assert [time for time, _ in inside] == [at(60)]
    assert [time for time, _ in asked(models, limit=2)] == [at(120), at(150)]


def test_profiles_do_not_mix_and_have_names(models: Models) -> None:
    models.tell(
        (M, block((at(0), 1, 1))),
        (M, block((at(0), 7, 7), profile="0.0.98.1.0.255")),
        (M, block((at(0), 8, 8), profile="1.0.99.2.0.255")),
    )
    assert asked(models) == asked(models, profile="load") == [(at(0), ["1", "0.1"])]
    assert asked(models, profile="billing") == [(at(0), ["7", "0.7"])]
    assert asked(models, profile="1.0.99.2.0.255") == [(at(0), ["8", "0.8"])]
    assert asked(models, profile="events") == []


def test_a_meter_without_the_usual_profile_shows_the_one_it_has(models: Models) -> None:
    models.tell((M, block((at(0), 8, 8), profile="1.0.99.2.0.255")))
    assert asked(models) == [(at(0), ["8", "0.8"])]


def test_status_and_unknown_units_are_told(models: Models) -> None:
    raw = LoadProfileRead(
        received_at=at(9), source=Source.SCHEDULED, profile=LOAD, period_s=None,
        layout=Layout((Channel("1.0.1.29.0.255"),)),
        rows=(ProfileRow(ends_at=at(0), status=None, values=(5,)),),
    )  # fmt: skip
    models.tell((M, raw), (M, block((at(30), 1, 1))))
    first, second = models.query.profile("A", start=None, end=None, profile=None, limit=9)
    assert (first.status, first.quality, second.status, second.quality) == (
        None, "unscaled", 8, "good",
    )  # fmt: skip

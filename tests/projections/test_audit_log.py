"""The audit log as auditors ask for it, and what read models put aside; on each database."""

from datetime import datetime
from typing import Any

import pytest
from read_models import Models, at, reading

from hes.events.command import AlarmAcknowledged, CommandFinished, CommandRequested
from hes.events.meter_control import RelaySwitched

ALL: dict[str, Any] = {
    "stream": "", "actor": "", "kind": "", "between": (None, None), "before": 0, "limit": 50,
}  # fmt: skip


def asked(minutes: float, command: str, actor: str) -> CommandRequested:
    return CommandRequested(
        received_at=at(minutes), command=command, argument="", actor=actor, reason="unpaid bill"
    )


@pytest.fixture
def told(models: Models) -> Models:
    finished = CommandFinished(
        received_at=at(11), command="relay-disconnect", actor="ann", ok=False, detail="no answer",
        lasted_s=3.0,
    )  # fmt: skip
    switched = RelaySwitched(
        received_at=at(20), obis="0.0.96.3.10.255", closed=False, state="disconnected",
        state_before="connected", actor="bo", reason="moved out",
    )  # fmt: skip
    models.tell(
        ("meter:A", reading(1)),
        ("meter:A", asked(10, "relay-disconnect", "ann")),
        ("meter:A", finished),
        ("meter:B", switched),
        ("meter:B", asked(30, "read", "bo")),
    )
    return models


def positions(models: Models, **wanted: Any) -> list[int]:
    return [row.position for row in models.query.audit(**ALL | wanted)]


def test_readings_are_nobodys_wish_and_the_newest_comes_first(told: Models) -> None:
    assert positions(told) == [5, 4, 3, 2]
    assert positions(told, limit=2) == [5, 4]
    assert positions(told, before=4) == [3, 2]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"stream": "meter:A"}, [3, 2]),
        ({"actor": "bo"}, [5, 4]),
        ({"kind": "CommandRequested"}, [5, 2]),
        ({"kind": "CommandRequested", "actor": "ann"}, [2]),
        ({"actor": "nobody"}, []),
    ],
)
def test_it_is_filtered_by_device_person_and_kind(
    told: Models, wanted: dict[str, str], found: list[int]
) -> None:
    assert positions(told, **wanted) == found


@pytest.mark.parametrize(
    ("between", "found"),
    [
        ((at(11), at(20)), [4, 3]),
        ((at(11.01), None), [5, 4]),
        ((None, at(10)), [2]),
        ((at(31), None), []),
    ],
)
def test_both_ends_of_a_time_are_included(
    told: Models, between: tuple[datetime | None, datetime | None], found: list[int]
) -> None:
    assert positions(told, between=between) == found


def test_an_entry_says_who_what_why_and_what_came_of_it(told: Models) -> None:
    switched, finished = told.query.audit(**ALL | {"before": 5, "limit": 2})
    assert (switched.kind, switched.actor, switched.why) == ("RelaySwitched", "bo", "moved out")
    assert (switched.stream, switched.argument) == ("meter:B", "disconnected")
    assert (finished.what, finished.result, finished.detail) == (
        "relay-disconnect", "failed", "no answer",
    )  # fmt: skip


def test_what_was_put_aside_is_told_with_the_reason(models: Models) -> None:
    unknown = AlarmAcknowledged(received_at=at(0), alarm="no number", actor="ann")
    models.tell(("meter:A", unknown), ("meter:A", unknown))
    found = models.query.poison("alarms", limit=9)
    assert [(row.position, row.topic) for row in found] == [
        (2, "AlarmAcknowledged/1"), (1, "AlarmAcknowledged/1"),
    ]  # fmt: skip
    assert "ValueError" in found[0].reason
    assert [row.position for row in models.query.poison("alarms", limit=1)] == [2]
    assert models.query.poison("meters", limit=9) == []

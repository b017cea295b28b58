"""Queries: pages, filters, times, and devices that are not there."""

from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given, settings, strategies as st
from read_models import ENERGY, Models, at, device, reading, recorded

from hes.events.command import AlarmAcknowledged
from hes.events.layout import Channel
from hes.events.meter_clock import ClockDrift, ClockDriftCleared, ClockSet
from hes.events.modem import (
    ModemConnected,
    ModemDisconnected,
    ModemQuarantined,
    ModemTrusted,
    UnknownCaller,
)
from hes.events.node import NodeStarted
from hes.events.power import PowerFailure, PowerRestored, PowerSign
from hes.events.reading import FailureReason, PushKept, ReadFailed, Source
from hes.events.voltage import OverVoltage, OverVoltageCleared
from projections.errors import ReadModelError
from projections.queries import ReadModel
from projections.rows import MeterPage
from projections.sql.sqlite import SqlitePlace

KEPT: Final[dict[str, Any]] = {"after": 0, "before": 0, "newest": False, "limit": 9}
M = "meter:A"
VOLTAGE = Channel("1.0.32.7.0.255", -1, 35, 3, 2)


def page(
    models: Models, *, q: str = "", area: str = "", after: str = "", limit: int = 9
) -> MeterPage:
    return models.query.meters(q=q, area=area, modem="", after=after, limit=limit)


def ids(found: MeterPage) -> list[str]:
    return [row.meter_id for row in found.meters]


# -- the meter list


@settings(max_examples=25, deadline=None)
@given(
    names=st.sets(st.text("aB19%_", min_size=1, max_size=4), max_size=12), limit=st.integers(1, 5)
)
def test_pages_hold_every_meter_once(
    tmp_path_factory: pytest.TempPathFactory, names: set[str], limit: int
) -> None:
    models = Models(tmp_path_factory.mktemp("pages"))
    models.tell(*[(f"meter:{name}", device()) for name in sorted(names, reverse=True)])
    seen: list[str] = []
    after: str | None = ""
    while after is not None:
        found = page(models, after=after, limit=limit)
        assert found.total == len(names)
        assert len(found.meters) <= limit
        seen += ids(found)
        after = found.next
    models.close()
    assert seen == sorted(names)


def test_text_is_looked_for_as_it_is_written(models: Models) -> None:
    models.tell(
        ("meter:A_1", device("861", "Huế")), ("meter:AB1", device("862", "Đà Nẵng")),
        ("meter:50%", device("8619", "Huế 2")),
    )  # fmt: skip
    assert ids(page(models, q="A_1")) == ["A_1"]
    assert ids(page(models, q="%")) == ["50%"]
    assert ids(page(models, q="861")) == ["50%", "A_1"]
    assert ids(page(models, q="Huế")) == ["50%", "A_1"]
    assert ids(page(models, area="Huế")) == ["A_1"]
    found = page(models, q="ab")
    assert (ids(found), found.total) == (["AB1"], 1)
    assert ids(page(models, q="' OR 1=1 --")) == []


def test_a_meter_that_is_not_there_is_none(registered: Models) -> None:
    assert registered.query.meter("B") is None
    assert registered.query.meter("a") is None
    assert registered.query.meter_rows(["B", "A"])[0].meter_id == "A"
    assert registered.query.readings("B", obis=[], start=None, end=None, limit=5) == []


def test_many_meters_at_once(models: Models) -> None:
    names = [f"{n:04}" for n in range(1203)]
    models.tell(*[(f"meter:{name}", device()) for name in names])
    assert [row.meter_id for row in models.query.meter_rows(names)] == names


# -- readings by time


def test_the_last_readings_are_found_without_sorting_all(tmp_path: Path) -> None:
    models = Models(tmp_path)
    with closing(models.place.connect(read_only=True)) as db:
        plan = db.query(
            "EXPLAIN QUERY PLAN SELECT * FROM reading WHERE meter_id = ? AND time <= ?"
            " ORDER BY time DESC, position DESC, obis DESC LIMIT 5",
            ["A", 1],
        )
    models.close()
    assert [row["detail"] for row in plan] == [
        "SEARCH reading USING PRIMARY KEY (meter_id=? AND time<?)"
    ]


def test_times_are_included_and_codes_choose(models: Models) -> None:
    for n in range(5):
        both = reading(
            n, 2300 + n, channels=[ENERGY, VOLTAGE], device_time=at(n), received_at=at(9)
        )
        models.tell((M, both))

    def values(start: int | None, end: int | None, *obis: str, limit: int = 99) -> list[str | None]:
        found = models.query.readings(
            "A", obis=obis, start=None if start is None else at(start),
            end=None if end is None else at(end), limit=limit,
        )  # fmt: skip
        return [row.value for row in found]

    assert values(1, 3, ENERGY.obis) == ["1", "2", "3"]
    assert values(None, 0) == ["0", "230.0"]
    assert values(4, None, VOLTAGE.obis) == ["230.4"]
    assert values(None, None, ENERGY.obis, VOLTAGE.obis, limit=3) == ["230.3", "4", "230.4"]
    assert values(3, 1) == []


def test_hundredths_of_a_clock_are_kept_and_found(models: Models) -> None:
    times = [at(0) + timedelta(milliseconds=10 * n) for n in range(100)]
    models.tell(*[(M, reading(n, device_time=time)) for n, time in enumerate(times)])
    for n, time in enumerate(times):
        (row,) = models.query.readings("A", obis=[], start=time, end=time, limit=9)
        assert (row.value, row.time) == (str(n), time)


# -- who is connected


def connected(session: int, minute: int = 0) -> ModemConnected:
    return ModemConnected(
        received_at=at(minute), session=session, peer="10.0.0.1:5", link="raw",
        claim="registration",
    )  # fmt: skip


def gone(session: int, minute: int = 1) -> ModemDisconnected:
    return ModemDisconnected(
        received_at=at(minute), session=session, reason="closed by peer", lasted_s=60.0,
        bytes_in=9, bytes_out=7,
    )  # fmt: skip


def online(models: Models) -> dict[str, bool]:
    return {row.meter_id: row.online for row in page(models).meters}


def test_a_late_end_of_an_older_session_leaves_the_newer_one(registered: Models) -> None:
    registered.tell(("modem:861", connected(1)), ("modem:861", connected(2)))
    registered.tell(("modem:861", gone(1)))
    assert online(registered) == {"A": True}
    registered.tell(("modem:861", gone(2)))
    assert online(registered) == {"A": False}
    sessions = registered.query.sessions("861", limit=9)
    assert [(s.session, s.ended_at, s.reason) for s in sessions] == [
        (2, at(1), "closed by peer"), (1, at(1), "closed by peer"),
    ]  # fmt: skip


def test_a_meter_listed_behind_a_modem_that_is_connected_is_online(models: Models) -> None:
    models.tell(("modem:861", connected(1)), ("meter:A", device("861")), ("meter:B", device("862")))
    assert online(models) == {"A": True, "B": False}
    models.tell(("meter:A", device("862")), ("meter:B", device("861")))
    assert online(models) == {"A": False, "B": True}


def test_a_meter_without_a_modem_stands_for_its_own(models: Models) -> None:
    models.tell(("meter:A", device("")), ("meter:B", device("861")), ("meter:861", device("9")))
    models.tell(("modem:A", connected(1)), ("modem:861", connected(1)))
    assert online(models) == {"A": True, "B": True, "861": False}
    assert models.query.overview(at(1)).meters_online == 2
    models.tell(("modem:A", gone(1)))
    assert online(models) == {"A": False, "B": True, "861": False}
    assert models.query.overview(at(2)).meters_online == 1
    told = recorded(("modem:A", connected(2)), after=6)
    assert ("meters", "A") in models.tables.take(told)


def test_a_node_that_starts_has_no_connections(registered: Models) -> None:
    registered.tell(("modem:861", connected(1)))
    assert registered.query.overview(at(1)).modems_online == 1
    registered.tell(("node:main", NodeStarted(received_at=at(5), version="1", pid=1)))
    assert online(registered) == {"A": False}
    (session,) = registered.query.sessions("861", limit=9)
    assert (session.ended_at, session.reason) == (at(5), "the head-end stopped")
    assert registered.query.overview(at(6)).modems_online == 0


def test_what_a_meter_said_before_it_was_listed_does_not_depend_on_batches(
    tmp_path: Path,
) -> None:
    told = [(M, reading(5)), (M, device()), (M, reading(6, received_at=at(1)))]
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one, two = Models(tmp_path / "one"), Models(tmp_path / "two")
    one.tell(*told[:2])
    two.tell(told[0])
    two.tell(told[1])
    assert one.query.meter_rows(["A"]) == two.query.meter_rows(["A"])
    for models in (one, two):
        models.tell(told[2])
        assert models.query.meter_rows(["A"])[0].last_reading_at == at(1)
        models.close()


# -- alarms


FAILURE = PowerFailure(received_at=at(0), device_time=at(-1), sign=PowerSign.LAST_GASP)
HIGH = OverVoltage(received_at=at(0), phase="L1", voltage_v=250.0, limit_v=241.5, reference="R")
DRIFT = ClockDrift(received_at=at(0), drift_s=-70.0, uncertainty_s=1.0, action="set")
SET = ClockSet(
    received_at=at(2), before=at(0), after=at(2), drift_before_s=-70.0, drift_after_s=0.5,
    method="set",
)  # fmt: skip


@pytest.mark.parametrize(
    ("stream", "begin", "end"),
    [
        (M, FAILURE, PowerRestored(received_at=at(2))),
        (M, HIGH, OverVoltageCleared(received_at=at(2), phase="L1", voltage_v=1, limit_v=241.5)),
        (M, DRIFT, ClockDriftCleared(received_at=at(2), drift_s=0.0, uncertainty_s=1.0)),
        (M, DRIFT, SET),
        (
            "modem:861",
            ModemQuarantined(received_at=at(0), peer="10.0.0.1:5", reason="unknown"),
            ModemTrusted(received_at=at(2), reason="now in the list"),
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_alarm_is_open_once_until_it_is_cleared(
    models: Models, stream: str, begin: object, end: object
) -> None:
    models.tell((stream, begin), (stream, begin))
    (alarm,) = models.query.alarms(open_only=True, limit=9)
    assert (alarm.id, alarm.raised_at, alarm.cleared_at) == (1, at(0), None)
    models.tell((stream, end))
    assert models.query.alarms(open_only=True, limit=9) == []
    models.tell((stream, begin))
    assert [a.cleared_at for a in models.query.alarms(open_only=False, limit=9)] == [None, at(2)]


def test_phases_and_meters_have_alarms_of_their_own(models: Models) -> None:
    other = OverVoltage(received_at=at(0), phase="L2", voltage_v=250, limit_v=241.5, reference="R")
    models.tell((M, HIGH), (M, other), ("meter:B", HIGH))
    models.tell((M, OverVoltageCleared(received_at=at(1), phase="L2", voltage_v=1, limit_v=2)))
    still = {(a.meter_id, a.place) for a in models.query.alarms(open_only=True, limit=9)}
    assert still == {("A", "L1"), ("B", "L1")}
    (alarm,) = models.query.alarm_rows(["meter:B"])
    assert "limit 241.5 V; R" in alarm.detail


def test_acknowledging_does_not_clear(models: Models) -> None:
    models.tell((M, FAILURE))
    models.tell((M, AlarmAcknowledged(received_at=at(3), alarm="1", actor="an", note="seen")))
    alarm = models.query.alarm(1)
    assert alarm is not None
    assert (alarm.acknowledged_at, alarm.acknowledged_by, alarm.cleared_at) == (at(3), "an", None)
    assert models.query.alarm(2) is None


# -- what the page of a meter shows


def test_the_page_of_a_meter_has_what_happened_lately(registered: Models) -> None:
    failed = ReadFailed(
        received_at=at(1), source=Source.SCHEDULED, what="registers",
        reason=FailureReason.NO_ANSWER, detail="silent",
    )  # fmt: skip
    kept = PushKept(received_at=at(2), reason="positional", detail="d", data=b"\x01\x02")
    registered.tell((M, FAILURE), (M, failed), (M, kept))
    detail = registered.query.meter("A")
    assert detail is not None
    assert (detail.state, detail.open_alarms) == ("alarm", 1)
    assert [e.name for e in detail.events] == ["power-failure"]
    assert [(f.at, f.reason) for f in detail.failures] == [(at(1), "no-answer")]
    assert [(k.hex, k.reason) for k in detail.kept] == [("0102", "positional")]


def test_unknown_callers_are_no_kept_messages(models: Models) -> None:
    caller = UnknownCaller(
        received_at=at(0), peer="10.0.0.9:1", listener="pipe", reason="silent",
        first_bytes=b"\x7e",
    )  # fmt: skip
    kept = PushKept(received_at=at(2), reason="no-key", detail="d", data=b"\xdb")
    models.tell(("node:main", caller), ("node:main", kept), ("node:main", kept))
    assert [c.first_bytes_hex for c in models.query.unknown(limit=9)] == ["7e"]
    first, second = models.query.kept(**KEPT)
    assert models.query.kept(**KEPT | {"after": first.position}) == [second]


def test_kept_messages_come_in_both_orders_and_in_pages(models: Models) -> None:
    kept = PushKept(received_at=at(2), reason="no-key", detail="d", data=b"\xdb")
    models.tell(*[("node:main", kept)] * 7)

    def page(**wanted: Any) -> list[int]:
        return [row.position for row in models.query.kept(**KEPT | {"limit": 3} | wanted)]

    assert [page(), page(after=3), page(after=6)] == [[1, 2, 3], [4, 5, 6], [7]]
    newest = {"newest": True}
    assert [page(**newest), page(before=5, **newest), page(before=2, **newest)] == [
        [7, 6, 5], [4, 3, 2], [1],
    ]  # fmt: skip
    assert page(after=2, before=5) == [3, 4]
    assert page(after=2, before=5, **newest) == [4, 3]


def test_the_overview_counts(registered: Models) -> None:
    failed = ReadFailed(
        received_at=at(0), source=Source.SCHEDULED, what="registers", reason=FailureReason.CUT,
        detail="",
    )  # fmt: skip
    scheduled = reading(1, source=Source.SCHEDULED)
    registered.tell((M, reading(1)), (M, scheduled), (M, scheduled), (M, scheduled), (M, failed))
    now = registered.query.overview(at(10))
    assert (now.meters, now.modems_total, now.readings_last_hour) == (1, 1, 4)
    assert now.success_24h == 0.75
    assert registered.query.overview(at(24 * 60 + 10)).success_24h is None


def test_a_database_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ReadModelError, match="their folder does not exist"):
        ReadModel(SqlitePlace(str(tmp_path / "no" / "read.db"))).alarms(open_only=False, limit=1)

"""What was known of a meter at a time, and what is known otherwise today."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from audit_log import ENERGY, LOAD, METER, Written, a_day, alter, at, half_hours, index, registered
from event_pool import logs
from hypothesis import given, settings

from hes.audit.errors import AuditError
from hes.audit.known import Known, differences
from hes.audit.replaying import Replayed, replay
from hes.events.base import Recorded
from hes.events.meter_clock import ClockDrift, ClockSet
from hes.events.power import PowerFailure, PowerRestored, PowerSign
from hes.events.reading import Source
from hes.events.voltage import OverVoltage
from hes.ids import MeterId

M1 = MeterId("M1")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "e.db"


@pytest.fixture
def written(file: Path) -> Iterator[Written]:
    with Written(f"sqlite:///{file}") as opened:
        yield opened


def replayed(w: Written, hours: float) -> Replayed:
    return replay(w.log, w.codec, M1, at(hours))


def told(known: Known, part: str) -> Any:
    return known.plain()[part]


def test_only_what_had_been_received_counts(written: Written) -> None:
    a_day(written)
    found = replayed(written, 1.5)
    (register,) = [row for row in told(found.then, "registers") if row["obis"] == ENERGY]
    assert (register["value"], register["unit"]) == ("10.00", "kWh")
    assert told(found.then, "intervals")[0]["intervals"] == 2
    assert told(found.now, "intervals")[0]["intervals"] == 4
    what = {entry["what"]: entry for entry in differences(found.then, found.now)}
    assert what[f"register {ENERGY}"]["now"]["value"] == "10.40"
    assert what[f"profile {LOAD}"]["now"] == {
        "intervals": 4, "new": 2, "first_new": at(1.5).isoformat(), "last_new": at(2).isoformat(),
    }  # fmt: skip


def test_before_everything_nothing_was_known(written: Written) -> None:
    a_day(written)
    then = replayed(written, -100).then.plain()
    assert (then["events"], then["registers"], then["device"]) == (0, [], None)


def test_after_everything_nothing_is_known_otherwise(written: Written) -> None:
    a_day(written)
    found = replayed(written, 1000)
    assert differences(found.then, found.now) == []


def test_an_interval_that_was_corrected_is_told_singly(written: Written) -> None:
    written.write(METER, half_hours(at(1), [0.5, 1.0], 1000))
    written.write(METER, half_hours(at(5), [1.0], 1234, Source.BACKFILL))
    found = replayed(written, 2)
    (changed,) = differences(found.then, found.now)
    assert changed["what"] == f"interval {LOAD} {at(1).isoformat()}"
    values = [changed[when]["values"]["1.0.1.29.0.255"]["value"] for when in ("then", "now")]
    assert values == ["100.0", "123.4"]


def test_late_registers_change_nothing(written: Written) -> None:
    written.write(METER, index(at(3), 7), index(at(1), 5))
    (row, _) = told(replayed(written, 100).now, "registers")
    assert row["value"] == "0.07"


def test_alarms_clock_and_supply(written: Written) -> None:
    drift = ClockDrift(received_at=at(1), drift_s=33.0, uncertainty_s=0.5, action="slew")
    written.write(
        METER, registered(at(0)), drift,
        PowerFailure(received_at=at(2), sign=PowerSign.LAST_GASP),
        OverVoltage(received_at=at(2), phase="L1", voltage_v=250, limit_v=242, reference="x"),
        ClockSet(
            received_at=at(3), before=at(3), after=at(3), drift_before_s=33, drift_after_s=0,
            method="set",
        ),
        PowerRestored(received_at=at(4)),
        registered(at(5), modem_id="862"),
    )  # fmt: skip
    found = replayed(written, 2.5)
    then, now = found.then.plain(), found.now.plain()
    assert [alarm["alarm"] for alarm in then["alarms"]] == [
        "clock-drift", "power-failure", "over-voltage L1",
    ]  # fmt: skip
    assert [alarm["alarm"] for alarm in now["alarms"]] == ["over-voltage L1"]
    assert (then["clock"]["state"], now["clock"]["state"]) == ("off", "set")
    assert (then["supply"]["state"], now["supply"]["state"]) == ("off", "on")
    changed = {entry["what"]: (entry["then"], entry["now"]) for entry in
               differences(found.then, found.now)}  # fmt: skip
    assert changed["device modem_id"] == ("861", "862")
    assert changed["alarm power-failure"][1] is None


def test_a_meter_that_nobody_knows_is_an_error(written: Written) -> None:
    with pytest.raises(AuditError, match="no events of a meter M1"):
        replayed(written, 1)


def test_what_cannot_be_read_is_told(written: Written, file: Path) -> None:
    positions = a_day(written)
    alter(file, "UPDATE ev SET state = x'00' WHERE nid = ?", positions["closing"])
    assert replayed(written, 1).unreadable == [positions["closing"]]


@settings(max_examples=40)
@given(logs(size_max=15))
def test_two_folds_of_the_same_differ_in_nothing(log: list[Recorded]) -> None:
    """Any events whatever fold."""
    one, other, empty = Known(), Known(), Known()
    for recorded in log:
        one.take(recorded)
        other.take(recorded)
    assert differences(one, other) == []
    assert one.plain()["events"] == len(log)
    known = one.plain() | {"events": 0}
    assert bool(differences(empty, one)) == (known != empty.plain())

"""``hes log``: what people type to look after the event log, and what they are told."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hes.clock import SystemClock
from hes.events.log_life import LogSealed
from hes.events.reading import FailureReason, ReadFailed, Source
from hes.store.anchor import STREAM as ANCHORS, next_anchor
from hes.store.codec import EventCodec, LayoutBook
from hes.store.holds import STREAM
from hes.store.open import open_codec, open_log
from hes.store.port import Append

CODEC = EventCodec(LayoutBook())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a node's log of the last ten days, twelve events a day and an anchor."""
    log = open_log(f"sqlite:///{tmp_path}/hes-events.db")
    log.fence()
    now = SystemClock().now()
    for number in range(120):
        event = ReadFailed(
            received_at=now - timedelta(days=10) + timedelta(hours=2 * number),
            source=Source.SCHEDULED, what="registers", reason=FailureReason.NO_ANSWER,
            detail=str(number),
        )  # fmt: skip
        log.append([Append(f"meter:{number % 2}", None, [CODEC.encode(event)])])
    anchor = next_anchor(log, open_codec(log), now)
    assert anchor is not None
    log.append([Append(ANCHORS, None, [CODEC.encode(anchor)])])
    log.close()
    return tmp_path


def states(folder: Path) -> list[bytes]:
    log = open_log(f"sqlite:///{folder}/hes-events.db")
    found = [row.state for row in log.read(0, 1000)]
    log.close()
    return found


def test_past_days_are_sealed_and_today_is_not(hes: Any, folder: Path) -> None:
    before = states(folder)
    first = hes("log", "seal", "--limit", "20", "--json").json
    assert (first["events"], first["position"]) == (20, 20)
    done = hes("log", "seal")
    assert done.code == 0, done.err
    assert "events sealed in" in done.out
    assert hes("log", "seal", "--json").json["events"] == 0
    log = open_log(f"sqlite:///{folder}/hes-events.db")
    assert 100 < log.sealed_to() < 121
    noted = [CODEC.decode(row.topic, row.state) for row in log.read_stream(STREAM, 0, 100)]
    spans = [(one.first, one.last) for one in noted if isinstance(one, LogSealed)]
    assert len(spans) == len(noted) > 5
    assert [n for first, last in spans for n in range(first, last + 1)] == list(
        range(1, log.sealed_to() + 1)
    )
    assert {one.actor[:3] for one in noted if isinstance(one, LogSealed)} == {"os:"}
    log.close()
    assert states(folder)[:121] == before
    assert hes("verify").code == 0


def test_only_whole_days_that_are_past_can_be_sealed(hes: Any, folder: Path) -> None:
    tomorrow = (datetime.now(UTC) + timedelta(days=2)).date()  # noqa: TID251 -- as the command has it
    done = hes("log", "seal", "--before", str(tomorrow))
    assert done.code == 2
    assert "only whole days can be sealed" in done.err
    assert hes("log", "seal", "--before", "soon").code == 2
    early = str((SystemClock().now() - timedelta(days=8)).date())
    assert 0 < hes("log", "seal", "--before", early, "--json").json["events"] < 40


def test_holds_are_placed_listed_and_released(hes: Any, folder: Path) -> None:
    assert hes("log", "hold", "1", "--reason", "case 7").code == 0
    assert hes("log", "hold", "audit:anchors").code == 0
    held = hes("log", "holds", "--json").json
    assert [(one["stream"], one["reason"]) for one in held] == [
        ("audit:anchors", ""),
        ("meter:1", "case 7"),
    ]
    assert held[0]["actor"].startswith("os:")
    assert "case 7" in hes("log", "holds").out
    assert hes("log", "release", "1", "--reason", "closed").code == 0
    assert len(hes("log", "holds", "--json").json) == 1
    again = hes("log", "release", "1")
    assert again.code == 1
    assert "meter:1 is not on hold" in again.err
    assert "no events of meter:7" in hes("log", "hold", "7").err


def test_old_days_are_purged_but_for_what_is_on_hold(hes: Any, folder: Path) -> None:
    hes("log", "hold", "1", "--reason", "case 7")
    hes("log", "seal")
    done = hes("log", "retain", "--days", "5", "--reason", "our rule", "--json").json
    assert done["events"] > 10
    assert done["kept"] == pytest.approx(done["events"], abs=6)
    log = open_log(f"sqlite:///{folder}/hes-events.db")
    assert len(log.read_stream("meter:1", 0, 100)) == 60
    assert len(log.read_stream("meter:0", 0, 100)) == 60 - done["events"]
    last = log.read_stream_back(STREAM, 10_000, 1)[0]
    assert last.topic == "LogPurged/1"
    log.close()
    verified = hes("verify", "--json")
    assert verified.code == 0, verified.out
    assert "our rule" in hes("audit").out
    assert hes("log", "retain", "--days", "5").out.startswith("0 events purged")


def test_a_log_is_backed_up_and_restored_with_its_read_models_aside(hes: Any, folder: Path) -> None:
    before = states(folder)
    done = hes("log", "backup", "copy.db")
    assert done.code == 0, done.err
    assert "copy.db holds 121 events, as they were written" in done.out
    assert hes("log", "backup", "copy.db").code == 1
    hes("log", "hold", "1")
    (folder / "hes-read.db").write_text("x")
    done = hes("log", "restore", "copy.db")
    assert done.code == 0, done.err
    assert "the read models are made anew" in done.out
    assert states(folder) == before
    assert sorted(path.name for path in folder.iterdir()) == [
        "copy.db", "hes-events.db", "hes-events.db.old", "hes-read.db.old",
    ]  # fmt: skip


def test_servers_have_tools_of_their_own(hes: Any) -> None:
    done = hes("log", "backup", "copy.db", "--store", "postgresql://hes:secret@host/hes")
    assert done.code == 2
    assert "pg_dump" in done.err
    assert "secret" not in done.err
    assert "RMAN" in hes("log", "restore", "x", "--store", "oracle://hes@host:1521/hes").err


def test_no_log_is_made_where_none_is(hes: Any, tmp_path: Path) -> None:
    for command in (["seal"], ["hold", "1"], ["holds"], ["retain", "--days", "9"], ["backup", "b"]):
        assert hes("log", *command).code in {1, 2}
    assert list(tmp_path.iterdir()) == []


def test_json_is_one_object(hes: Any, folder: Path) -> None:
    done = hes("log", "retain", "--days", "9", "--json")
    assert json.loads(done.out) == {"events": 0, "kept": 0, "unanchored": 0}

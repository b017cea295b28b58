"""The auditor's commands, typed: what they print, their exit codes, and what they refuse."""

import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from audit_log import ENERGY, Written, a_day, alter, at, index

from hes.audit.bundle import verify as verify_script

FROM, TO = at(0).isoformat(), at(2).isoformat()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "hes-events.db"


@pytest.fixture
def told(file: Path) -> Iterator[dict[str, int]]:
    """A log that its writer has open, as a node does."""
    with Written(f"sqlite:///{file}") as w:
        yield a_day(w)


@pytest.mark.parametrize(
    "command",
    [
        ["verify"], ["replay", "M1", "--as-of", "now"], ["explain", "M1", FROM, TO],
        ["evidence", "M1", FROM, TO, "-o", "b.zip"], ["audit"],
    ],
    ids=lambda command: command[0],
)  # fmt: skip
def test_no_log_is_no_empty_log(hes: Any, file: Path, command: list[str]) -> None:
    for named in ([], ["--store", f"sqlite:///{file}"], ["--store", "sqlite://"]):
        said = hes(*command, *named)
        assert (said.code, said.out) == (2, "")
        assert "no event log at" in said.err
    assert not file.exists()
    said = hes(*command, "--store", "mysql://x")
    assert said.code == 2
    assert said.err.startswith("hes: --store: ")


def test_verify_says_that_all_is_well(hes: Any, told: dict[str, int]) -> None:
    said = hes("verify")
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0] == f"{told['late']} events in 4 streams: as they were written"
    assert lines[1] == f"2 anchors up to event {told['anchor 2'] - 1}; 2 later ones have none yet"
    plain = hes("verify", "--json").json
    assert (plain["ok"], plain["events"], plain["faults"]) == (True, told["late"], [])
    assert hes("verify", "--anchor", plain["last_digest"], "--anchor", plain["last_root"]).code == 0
    said = hes("verify", "--anchor", "00" * 32)
    assert said.code == 1
    assert "that was kept elsewhere" in said.out
    assert hes("verify", "--anchor", "xyz").code == 2


def test_verify_names_the_first_altered_event(hes: Any, told: dict[str, int], file: Path) -> None:
    alter(file, "UPDATE ev SET state = x'00' WHERE nid >= ?", told["closing"])
    said = hes("verify")
    assert said.code == 1
    first = said.out.splitlines()[1]
    assert first.startswith(f"  position {told['closing']} (meter:M1, version ")
    assert "this event was altered" in first
    plain = hes("verify", "--json").json
    assert plain["ok"] is False
    assert plain["faults"][0]["position"] == told["closing"]
    assert plain["faults"][0]["stream"] == "meter:M1"


def test_replay_tells_then_and_now(hes: Any, told: dict[str, int]) -> None:
    said = hes("replay", "M1", "--as-of", at(1.5).isoformat())
    assert said.code == 0
    assert f"register {ENERGY}" in said.out
    assert "known otherwise today:" in said.out
    plain = hes("replay", "M1", "--as-of", at(1.5).isoformat(), "--json").json
    assert plain["then"]["registers"][0]["value"] == "10.00"
    assert plain["differences"]
    assert "nothing is known otherwise" in hes("replay", "M1", "--as-of", "now").out
    said = hes("replay", "M7", "--as-of", "now")
    assert (said.code, said.err) == (1, "hes: the log has no events of a meter M7\n")


def test_explain_walks_a_kilowatt_hour_back(hes: Any, told: dict[str, int]) -> None:
    said = hes("explain", "M1", FROM, TO)
    assert said.code == 0
    for words in (
        "exactly 0.40 kWh, by index readings",
        "10.40 - 10.00 = 0.40 kWh",
        "1000 x 10^1 = 10.00 kWh",
        "exactly 0.4000 kWh, by profile 1.0.99.1.0.255",
        "CT ratio 200/5, VT ratio 1: not applied",
        f"event {told['opening']}: Reading/1 meter:M1 version 3",
        "session  7 of modem 861, link hml1, from 10.0.0.9:4711",
        "frame    7ea001 (record 4",
        "frame    not kept; digest none",
    ):
        assert words in said.out, words
    assert hes("explain", "M1", FROM, TO, "--json").json["obis"] == ENERGY
    assert hes("explain", "M1", TO, FROM).code == 2
    assert hes("explain", "M1", FROM, TO, "--obis", "x").code == 2
    said = hes("explain", "M1", FROM, TO, "--obis", "2.8.0")
    assert said.code == 1
    assert "missing: no two index readings" in said.out


def test_evidence_writes_a_bundle_that_verifies(
    hes: Any, told: dict[str, int], tmp_path: Path
) -> None:
    said = hes("evidence", "M1", FROM, TO, "-o", "bundle.zip", "--json")
    assert said.code == 0
    assert (said.json["withheld"], said.json["faults"]) == (1, [])
    path = tmp_path / "bundle.zip"
    assert path.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path / "bundle")
    script = str(tmp_path / "bundle" / "verify.py")
    done = subprocess.run(
        [sys.executable, "-I", script], cwd="/", capture_output=True, text=True, check=False,
        timeout=50,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    said = hes("evidence", "M1", FROM, TO, "-o", "bundle.zip")
    assert said.code == 1
    assert "is there already" in said.err


def test_evidence_of_an_altered_log_says_so(hes: Any, told: dict[str, int], file: Path) -> None:
    alter(file, "UPDATE ev SET state = x'00' WHERE nid = ?", told["finished"])
    said = hes("evidence", "M1", FROM, TO, "-o", "b.zip", "--whole")
    assert said.code == 1
    assert f"ALTERED: position {told['finished']} (meter:M1" in said.out


def test_audit_lists_who_wanted_what(hes: Any, told: dict[str, int]) -> None:
    said = hes("audit", "--actor", "binh")
    assert said.code == 0
    first, second = said.out.splitlines()
    assert "binh  meter:M1  CommandRequested/1" in first
    assert "reason=bill 7" in first
    assert "CommandFinished/1" in second
    rows = hes("audit", "--from", at(1).isoformat(), "--to", at(1.25).isoformat(), "--json").lines
    assert [(row["actor"], row["data"]["reason"]) for row in rows] == [("binh", "bill 7")]
    assert len(hes("audit", "--stream", "meter:M1", "--json").lines) == 3


def test_a_log_that_was_sealed_and_purged_is_whole_still(
    hes: Any, told: dict[str, int], tmp_path: Path, file: Path
) -> None:
    with Written(f"sqlite:///{file}") as w:
        for hours in (41, 42, 70):
            w.write("meter:M3", index(at(hours), 5))
        w.anchor(at(71))
        w.write("meter:M3", index(at(72), 6))
    before = hes("explain", "M1", FROM, TO, "--json").json
    assert hes("log", "seal").code == 0
    assert hes("verify").code == 0
    assert hes("explain", "M1", FROM, TO, "--json").json == before
    assert hes("log", "hold", "M1", "--reason", "a court wants it").code == 0
    said = hes("log", "retain", "--days", "30", "--reason", "the law")
    assert said.code == 0, said.err
    verdict = hes("verify", "--json").json
    assert verdict["faults"] == []
    assert verdict["purged"] > 0
    assert "were purged" in hes("verify").out
    said = hes("evidence", "M1", FROM, TO, "-o", "b.zip", "--json")
    assert (said.code, said.json["faults"]) == (0, [])
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        archive.extractall(tmp_path / "b")
    assert verify_script.check(tmp_path / "b", [])
    kinds = [row["type"] for row in hes("audit", "--json").lines]
    assert "LogPurged/1" in kinds


def test_the_configuration_says_where_the_log_is(
    hes: Any, told: dict[str, int], tmp_path: Path
) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "n.toml").write_text('[store]\nurl = "sqlite:///../hes-events.db"\n')
    assert hes("verify", "--config", str(folder / "n.toml")).code == 0


def test_events_that_cannot_be_read_are_not_passed_over(hes: Any, node: Any) -> None:
    def event(position: int, received_at: str | None) -> dict[str, Any]:
        return {"position": position, "received_at": received_at, "data": {}, "stream": "meter:1"}

    page = {
        "events": [
            event(1, FROM), event(2, None), event(3, at(9).isoformat()), event(4, None),
            event(5, TO),
        ],
        "next": None, "head": 5,
    }  # fmt: skip
    node.answer("GET /api/v1/events", json.dumps(page))
    said = hes("events", "--as-of", at(3).isoformat(), "--json", "--url", node.url)
    assert [line["position"] for line in said.lines] == [1, 5]
    assert said.err.startswith("2 events cannot be read by this program")

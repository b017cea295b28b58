"""A bundle verifies by itself, shows every changed byte, and holds nothing secret."""

import hashlib
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from audit_log import METER, MODEM, Written, a_day, alter, at, index, registered
from stores import KINDS, places

from hes.audit.bundle import verify as script
from hes.audit.bundling import write_bundle
from hes.audit.evidence import Evidence, gather
from hes.device_registry import save_devices
from hes.devices import Device
from hes.ids import MeterId, ModemId
from hes.store.anchor import STREAM, last_anchor

M1 = MeterId("M1")
KEY = bytes(range(16))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "e.db"


@pytest.fixture
def written(file: Path) -> Iterator[Written]:
    with Written(f"sqlite:///{file}") as opened:
        yield opened


def gathered(w: Written, begin: float = 0, end: float = 2) -> Evidence:
    return gather(w.log, w.codec, M1, at(begin), at(end))


def unpacked(w: Written, folder: Path, begin: float = 0, end: float = 2) -> Path:
    """Make a bundle and unpack it."""
    out = io.BytesIO()
    write_bundle(
        out, gathered(w, begin, end), meter=M1, begin=at(begin), end=at(end), made_at=at(99)
    )
    with zipfile.ZipFile(out) as archive:
        archive.extractall(folder)
    return folder


def run(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run the script as an auditor does: another process, nothing of ours in its path."""
    done = subprocess.run(
        [sys.executable, "-I", str(folder / "verify.py"), *arguments],
        cwd=folder, capture_output=True, text=True, check=False, timeout=50,
    )  # fmt: skip
    assert done.stderr == ""
    return done.returncode, done.stdout


def failure(folder: Path, *kept: str) -> str | None:
    """Check in this process, which is quicker."""
    try:
        script.check(folder, list(kept))
    except script.Wrong as problem:
        return str(problem)
    except (OSError, ValueError, KeyError, TypeError, IndexError) as problem:
        return repr(problem)
    return None


@pytest.mark.parametrize("kind", KINDS)
def test_a_bundle_verifies_by_itself_on_every_database(
    kind: str, request: Any, tmp_path: Path
) -> None:
    place = places(kind, request)()
    with Written(place.url, place.password_file) as w:
        a_day(w)
        anchor = last_anchor(w.log, w.codec)
        folder = unpacked(w, tmp_path / "bundle")
    assert anchor is not None
    assert anchor.root is not None
    code, said = run(folder, "--anchor", anchor.root.hex())
    assert code == 0, said
    assert said.startswith("OK\n")
    assert f"root {anchor.root.hex()}" in said
    code, said = run(folder, "--anchor", "00" * 32)
    assert (code, said) == (1, f"FAILED: no anchor of this bundle has the value {'00' * 32}\n")


def test_it_holds_what_concerns_the_period_and_what_binds_it(written: Written) -> None:
    told = a_day(written)
    found = gathered(written)
    positions = {piece.row.position for piece in found.pieces}
    names = {name for name, position in told.items() if position in positions}
    assert names == set(told) - {"early", "of another"}
    assert found.withheld == 1
    assert {proof.position for proof in found.proofs} == positions - {
        told["anchor 2"], told["late"],
    }  # fmt: skip
    assert found.faults == []
    assert {piece.row.stream for piece in found.pieces} == {METER, MODEM, STREAM}


def test_the_events_are_shown_out_of_the_bytes_that_were_checked(
    written: Written, tmp_path: Path
) -> None:
    told = a_day(written)
    code, said = run(unpacked(written, tmp_path / "bundle"), "--show")
    assert code == 0
    shown = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    (opening,) = [event for event in shown if event["position"] == told["opening"]]
    assert opening["fields"]["values"] == [1000, 2301]
    assert opening["fields"]["layout"][0][:3] == ["1.0.1.8.0.255", 1, 30]
    assert opening["fields"]["received_at"] == at(0, 2).isoformat()


def test_every_changed_byte_of_the_events_shows_and_names_the_event(
    written: Written, tmp_path: Path
) -> None:
    a_day(written)
    folder = unpacked(written, tmp_path / "bundle")
    events = folder / "events.jsonl"
    good = events.read_bytes()
    lines = good.splitlines()
    at_byte = 0
    for number, line in enumerate(lines, 1):
        position = json.loads(line)["position"]
        for place in range(at_byte, at_byte + len(line), 23):
            wrong = bytearray(good)
            wrong[place] ^= 1 if chr(wrong[place]) != "`" else 2
            events.write_bytes(wrong)
            said = failure(folder)
            assert said is not None, f"byte {place} of line {number}"
            named = f"line {number}" in said or f"event {position}" in said
            assert named, said
        at_byte += len(line) + 1
    events.write_bytes(good.replace(b"a", b"A", 1))
    assert failure(folder) is not None
    events.write_bytes(good)
    assert failure(folder) is None


@pytest.mark.parametrize("name", ["layouts.jsonl", "proofs.jsonl"])
def test_a_changed_byte_elsewhere_shows_too(written: Written, tmp_path: Path, name: str) -> None:
    a_day(written)
    folder = unpacked(written, tmp_path / "bundle")
    good = (folder / name).read_bytes()
    for place in range(0, len(good), 29):
        wrong = bytearray(good)
        wrong[place] ^= 1
        (folder / name).write_bytes(wrong)
        assert failure(folder) is not None, place
    (folder / name).write_bytes(good)
    assert failure(folder) is None


@pytest.mark.parametrize("change", ["first", "last", "middle", "twice", "swapped"])
def test_events_that_are_dropped_doubled_or_moved_show(
    written: Written, tmp_path: Path, change: str
) -> None:
    a_day(written)
    folder = unpacked(written, tmp_path / "bundle")
    events = folder / "events.jsonl"
    lines = events.read_bytes().splitlines(keepends=True)
    match change:
        case "first":
            lines = lines[1:]
        case "last":
            lines = lines[:-1]
        case "middle":
            lines = lines[:3] + lines[4:]
        case "twice":
            lines = [*lines[:3], lines[2], *lines[3:]]
        case _:
            lines[2], lines[3] = lines[3], lines[2]
    events.write_bytes(b"".join(lines))
    assert failure(folder) is not None


def test_a_path_of_another_event_proves_nothing(written: Written, tmp_path: Path) -> None:
    a_day(written)
    folder = unpacked(written, tmp_path / "bundle")
    rows = [json.loads(line) for line in (folder / "proofs.jsonl").read_text().splitlines()]
    rows[0]["path"], rows[1]["path"] = rows[1]["path"], rows[0]["path"]
    (folder / "proofs.jsonl").write_bytes(b"".join(script.canonical(r) + b"\n" for r in rows))
    said = failure(folder)
    assert said is not None
    assert f"event {rows[0]['position']}: it is not among the events that were anchored" in said


def test_a_log_that_was_altered_gives_a_bundle_that_says_so(
    written: Written, file: Path, tmp_path: Path
) -> None:
    told = a_day(written)
    _, state = written.codec.encode(index(at(0), 2))
    alter(file, "UPDATE ev SET state = ? WHERE nid = ?", state, told["opening"])
    (fault,) = gathered(written).faults
    assert fault.position == told["opening"]
    said = failure(unpacked(written, tmp_path / "bundle"))
    assert said is not None
    assert f"event {told['opening']} ({METER}" in said


def test_no_key_and_nothing_of_other_meters_is_in_it(written: Written, tmp_path: Path) -> None:
    a_day(written)
    device = Device(
        meter_id=M1, modem_id=ModemId("861"), auth="low", password="very-secret",
        encryption_key=KEY, authentication_key=KEY[::-1],
    )  # fmt: skip
    save_devices(written.log, [device])
    folder = unpacked(written, tmp_path / "bundle", -100, 100)
    whole = b"".join(path.read_bytes() for path in folder.iterdir())
    for secret in (b"very-secret", KEY, KEY[::-1], b"secret of M2"):
        assert secret not in whole
        assert secret.hex().encode() not in whole


def test_pieces_are_bound_to_what_is_before_them(written: Written) -> None:
    a_day(written)
    starts = [piece for piece in gathered(written).pieces if piece.before is not None]
    chains = {row.position: row.chain for row in written.log.read_chained(0, 1000)}
    origin = hashlib.sha256(b"hes-stream/1\x00" + METER.encode()).digest()
    assert starts[0].before == origin
    assert all(start.before in {*chains.values()} for start in starts if start.row.version > 1)


def test_a_whole_stream_is_one_piece_from_its_first_event(written: Written, tmp_path: Path) -> None:
    told = a_day(written)
    found = gather(written.log, written.codec, M1, at(0), at(2), whole=True)
    own = [piece for piece in found.pieces if piece.row.stream == METER]
    assert told["early"] in {piece.row.position for piece in own}
    assert [piece.before is not None for piece in own] == [True] + [False] * (len(own) - 1)
    said = "\n".join(script.check(unpacked(written, tmp_path / "part"), []))
    assert f"{METER}: 2 pieces, from its first event" in said


def test_a_meter_without_anchors_and_readings_has_a_bundle(
    written: Written, tmp_path: Path
) -> None:
    written.write(METER, registered(at(0)))
    folder = unpacked(written, tmp_path / "bundle")
    code, said = run(folder)
    assert code == 0
    assert "0 of them are under the root of an anchor" in said

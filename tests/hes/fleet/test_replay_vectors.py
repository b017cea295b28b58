"""With the recorded frames that ``HES_TEST_VECTORS`` names: what is replayed can be read."""

import os
from pathlib import Path

import pytest

from hes.devices import parse_csv
from hes.fleet.recorded import Sendable, Skipped, Vector, load_vectors, prepare
from hes.fleet.replay import replay_devices_csv
from protocols.dlms.push_reader import PushFrame, PushReader

FOLDER = os.environ.get("HES_TEST_VECTORS")
pytestmark = pytest.mark.skipif(
    not FOLDER, reason="HES_TEST_VECTORS names no folder with recorded frames"
)


@pytest.fixture(scope="module")
def dlms() -> list[Vector]:
    return load_vectors(Path(FOLDER or "") / "dlms.json")


def pushes_in(ready: Sendable) -> list[PushFrame]:
    pushes: list[PushFrame] = []
    reader = PushReader(pushes.append, lambda *_: None)
    reader.feed(b"".join(ready.pieces))
    return pushes


def test_every_good_push_is_read_by_the_receiver(dlms: list[Vector]) -> None:
    good = [v for v in dlms if not v.name.startswith("malformed")]
    ready = {v.name: r for v in good if isinstance(r := prepare(v), Sendable)}
    broken = {"landisgyr-zmf100-hdlc-push-bad-fcs", "landisgyr-e450-gbt-missing-block3"}
    unread = {name for name, sendable in ready.items() if not pushes_in(sendable)}
    assert unread == broken
    assert len(ready) >= 20


def test_sessions_and_answers_are_skipped(dlms: list[Vector]) -> None:
    skipped = {v.name for v in dlms if isinstance(prepare(v), Skipped)}
    assert skipped >= {
        "elektronika-hls-gmac-session-enc", "greenbook-aare-ok", "dlmsua-example-snrm",
        "profile-buffer-null-clock", "sagemcom-t210d-mbus-encrypted-nokey",
    }  # fmt: skip


def test_the_device_list_can_be_imported(dlms: list[Vector]) -> None:
    devices = parse_csv(replay_devices_csv(dlms))
    keyed = {str(d.meter_id): d.system_title.hex() for d in devices if d.has_keys}
    assert keyed["kamstrup-omnipower-hdlc-encrypted-push"] == "4b414d4501349083"
    assert keyed["landisgyr-e450-gbt-encrypted-push"] == "4c475a677370b177"
    assert all(keyed.values())


@pytest.mark.parametrize("name", ["meters.json", "hml1.json"])
def test_other_recordings_go_as_they_are(name: str) -> None:
    for vector in load_vectors(Path(FOLDER or "") / name):
        ready = prepare(vector)
        assert isinstance(ready, Sendable)
        if vector.raw_hex:
            assert b"".join(ready.pieces) == bytes.fromhex(vector.raw_hex)

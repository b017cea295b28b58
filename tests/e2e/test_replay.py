"""Recorded pushes, sent over TCP into a running node, become what they say, or are kept raw."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from node_process import NodeProcess
from vectors_folder import FOLDER, REASON, load

if not FOLDER:
    pytest.skip(REASON, allow_module_level=True)

VECTORS = {entry["name"]: entry for entry in load("dlms.json")}


def listed(expected: dict[str, Any]) -> dict[str, Any]:
    """Return the values by OBIS code that a vector says its push carries."""
    found: dict[str, Any] = {}
    for apdu in expected.get("apdus", []):
        for key, cell in (apdu.get("values") or {}).items():
            value = cell["value"]
            text = value.removeprefix("str:") if isinstance(value, str) else value
            found[key.split("/")[1] if "/" in key else key] = text
    return found


WITH_VALUES = {
    name: values
    for name, entry in VECTORS.items()
    if entry["kind"] == "ok" and (values := listed(entry["expected"]))
}


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A node that got every recorded push twice: devices send again what they think is lost."""
    folder = tmp_path_factory.mktemp("replay")
    node = NodeProcess(folder)
    node.start()
    file = str(Path(FOLDER or "") / "dlms.json")
    target = f"127.0.0.1:{node.modems}"
    command = ("simulate", "--replay", file, "--target", target, "--wait-s", "0.05")
    register = ("--register", "MODEM:{name}\\r\\n")
    first = node.run(*command, "--devices-out", "devices.csv", "--only", "none-of-them")
    assert (folder / "devices.csv").exists(), first.stderr
    node.import_csv((folder / "devices.csv").read_text())
    for _ in range(2):
        done = node.run(*command, *register)
        assert done.returncode == 0, done.stderr
    node.settled()
    yield node
    node.stop()
    node.client.close()


def raw_of(event: dict[str, Any]) -> dict[str, Any]:
    """Return the values of a stored reading by OBIS code, as the meter sent them."""
    return {cell["obis"]: cell["raw"] for cell in event["data"]["values"]}


@pytest.mark.parametrize("name", WITH_VALUES)
def test_a_push_that_names_its_values_is_one_reading_with_them(
    replayed: NodeProcess, name: str
) -> None:
    readings = replayed.events(f"meter:{name}", "Reading")
    assert len(readings) == 1, "each push is stored once, however often it came"
    got = raw_of(readings[0])
    wrong = {
        code: (value, got.get(code))
        for code, value in WITH_VALUES[name].items()
        if code in got and got[code] != value
    }
    assert not wrong
    numbers = {code for code, value in WITH_VALUES[name].items() if isinstance(value, int)}
    assert numbers <= got.keys(), "no number is left out"


def test_a_push_without_codes_is_kept_raw_and_not_guessed(replayed: NodeProcess) -> None:
    stream = "meter:kaifa-ma304h3e-hdlc-push"
    assert replayed.events(stream, "Reading") == []
    kept = replayed.events(stream, "PushKept")
    assert len(kept) == 1
    assert kept[0]["data"]["reason"] == "positional"
    shown = replayed.get("/api/v1/kept")["kept"]
    assert [row["position"] for row in shown if row["stream"] == stream] == [kept[0]["position"]]


@pytest.mark.parametrize("name", ["malformed-gcm-tag-flipped", "malformed-gcm-ciphertext-flipped"])
def test_a_push_that_fails_its_tag_is_kept_and_read_as_nothing(
    replayed: NodeProcess, name: str
) -> None:
    assert replayed.events(f"meter:{name}", "Reading") == []
    kept = replayed.events(f"modem:{name}", "PushKept")
    assert [event["data"]["reason"] for event in kept] == ["auth-tag"]


def test_a_last_gasp_is_a_power_failure(replayed: NodeProcess) -> None:
    found = replayed.events("meter:kaifa-mx382-last-gasp-wrapper-event")
    assert "PowerFailure/1" in {event["type"] for event in found}


def test_no_actor_failed(replayed: NodeProcess) -> None:
    assert replayed.events("", "ActorFailed") == []

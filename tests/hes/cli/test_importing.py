"""Where a device list goes while no node answers."""

import sys
import types
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from hes.devices import Device

GOOD = "meter_id,modem_id\nm1,d1\nm2,d1\n"


class Done(NamedTuple):
    imported: int
    unchanged: int


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Stands in for what writes a list into a store."""
    calls: list[Any] = []

    def import_devices(
        log: Any, devices: list[Device], actor: str, clock: Any, reason: str
    ) -> Done:
        ids = [device.meter_id for device in devices]
        calls.append((log.head(), ids, actor, clock.now(), reason))
        return Done(len(devices), 1)

    module = types.ModuleType("hes.device_registry")
    vars(module).update(import_devices=import_devices)
    monkeypatch.setitem(sys.modules, "hes.device_registry", module)
    return calls


@pytest.fixture
def folder(tmp_path: Path, free_port: int) -> Path:
    (tmp_path / "d.csv").write_text(GOOD)
    text = f"[web]\nbind = '127.0.0.1:{free_port}'\n[store]\nurl = 'sqlite:///ev.db'\n"
    (tmp_path / "node.toml").write_text(text)
    return tmp_path


def test_with_a_configuration_it_goes_into_the_store(
    hes: Any, folder: Path, registry: list[Any]
) -> None:
    why = ("--reason", "roll-out of district 3")
    said = hes("devices", "import", "d.csv", "--config", "node.toml", *why)
    assert said.code == 0
    assert said.out.startswith("2 meters imported, 1 unchanged, into the store sqlite:///")
    assert "as no node answers" in said.out
    (call,) = registry
    assert call[:2] == (0, ["m1", "m2"])
    assert call[2].startswith("cli:")
    assert call[4] == "roll-out of district 3"
    assert (folder / "ev.db").exists()


def test_a_configuration_in_the_folder_is_found(
    hes: Any, folder: Path, registry: list[Any]
) -> None:
    (folder / "node.toml").rename(folder / "hes.toml")
    assert hes("devices", "import", "d.csv").code == 0
    assert len(registry) == 1


def test_the_node_that_the_configuration_names_comes_first(
    hes: Any, folder: Path, registry: list[Any], node: Any
) -> None:
    bind = node.url.removeprefix("http://")
    (folder / "node.toml").write_text(f"[web]\nbind = '{bind}'\n")
    node.answer("POST /api/v1/devices", {"imported": 2, "unchanged": 0})
    said = hes("devices", "import", "d.csv", "--config", "node.toml")
    assert said.out == f"2 meters imported, 0 unchanged, into the node at {node.url}\n"
    assert registry == []


def test_a_node_that_refuses_is_not_passed_by(
    hes: Any, folder: Path, registry: list[Any], node: Any
) -> None:
    bind = node.url.removeprefix("http://")
    (folder / "node.toml").write_text(f"[web]\nbind = '{bind}'\n")
    node.refuse("POST /api/v1/devices", 503, "the store is away")
    said = hes("devices", "import", "d.csv", "--config", "node.toml")
    assert (said.code, said.err) == (1, "hes: the store is away\n")
    assert registry == []


def test_a_url_alone_never_leads_into_a_store(
    hes: Any, folder: Path, registry: list[Any], free_port: int
) -> None:
    (folder / "node.toml").rename(folder / "hes.toml")
    said = hes("devices", "import", "d.csv", "--url", f"http://127.0.0.1:{free_port}")
    assert said.code == 1
    assert registry == []


def test_a_store_in_memory_is_not_filled(hes: Any, folder: Path, registry: list[Any]) -> None:
    text = (folder / "node.toml").read_text().replace("sqlite:///ev.db", "sqlite://")
    (folder / "node.toml").write_text(text)
    said = hes("devices", "import", "d.csv", "--config", "node.toml")
    assert said.code == 2
    assert "a store in memory cannot be filled" in said.err
    assert registry == []


def test_a_store_that_cannot_be_opened_is_told(hes: Any, folder: Path, registry: list[Any]) -> None:
    (folder / "ev.db").write_bytes(b"this is no database, only some text that is long enough" * 30)
    said = hes("devices", "import", "d.csv", "--config", "node.toml")
    assert said.code == 1
    assert "ev.db is no SQLite database" in said.err
    assert registry == []

from pathlib import Path
from typing import Any

import pytest

SECRET = "00" * 16


def test_a_list_goes_to_the_node(hes: Any, node: Any, tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text(f"modem_id,secret\nM1,{SECRET}\n")
    node.answer("POST /api/v1/modems", {"imported": 1, "unchanged": 2})
    said = hes("modem", "import", "m.csv", "--url", node.url)
    assert (said.code, said.err) == (0, "")
    assert said.out == f"1 modem imported, 2 unchanged, into the node at {node.url}\n"


def test_a_wrong_list_is_told_by_row_and_nothing_is_sent(
    hes: Any, node: Any, tmp_path: Path
) -> None:
    (tmp_path / "m.csv").write_text("modem_id,secret,dial\nM1,xyz,\nM2,,nowhere\n")
    said = hes("modem", "import", "m.csv", "--url", node.url)
    assert said.code == 2
    assert said.err.splitlines() == [
        "hes: m.csv has errors; nothing was imported",
        "  row 2, column secret: must be 32 to 128 hex digits",
        """  row 3, column dial: 'nowhere' is no address to call; write "10.1.2.3:4059\"""",
    ]
    assert node.asked == []


def test_settings_are_shown_and_changed(hes: Any, node: Any) -> None:
    path = "POST /api/v1/modems/m%2F1/config"
    node.answer(
        path, {"settings": {"collect_s": "900"}, "status": "applied", "config_hash": "01020304"}
    )
    shown = hes("modem", "config", "m/1", "--url", node.url)
    assert shown.out.splitlines()[-1].split() == ["collect_s", "900"]
    changed = hes("modem", "config", "m/1", "collect_s=900", "apn=a=b", "--url", node.url)
    assert changed.out == "applied; all settings have hash 01020304\n"
    assert "apn" in str(node.asked[-1].body)


@pytest.mark.parametrize("setting", ["collect_s", "=1", ""])
def test_what_is_no_setting_is_wrong_usage(hes: Any, node: Any, setting: str) -> None:
    said = hes("modem", "config", "m1", setting, "--url", node.url)
    assert (said.code, node.asked) == (2, [])


@pytest.mark.parametrize("seal", [b"s" * 64, (b"s" * 64).hex().encode() + b"\n"])
def test_firmware_is_sent_with_its_signature(
    hes: Any, node: Any, tmp_path: Path, seal: bytes
) -> None:
    (tmp_path / "fw.bin").write_bytes(b"\0\1image")
    (tmp_path / "fw.sig").write_bytes(seal)
    node.answer(
        "POST /api/v1/modems/m1/firmware",
        {"version": "2.0", "size_bytes": 7, "state": "waiting", "sha256": ""},
    )
    said = hes(
        "modem", "firmware", "m1", "fw.bin", "--version", "2.0", "--signature", "fw.sig",
        "--url", node.url,
    )  # fmt: skip
    assert (said.code, said.out) == (0, "2.0, 7 bytes: waiting\n"), said.err


@pytest.mark.parametrize("seal", [b"", b"s" * 63, b"zz" * 64])
def test_what_is_no_signature_is_wrong_usage(
    hes: Any, node: Any, tmp_path: Path, seal: bytes
) -> None:
    (tmp_path / "fw.bin").write_bytes(b"image")
    (tmp_path / "fw.sig").write_bytes(seal)
    said = hes(
        "modem", "firmware", "m1", "fw.bin", "--version", "2", "--signature", "fw.sig",
        "--url", node.url,
    )  # fmt: skip
    assert (said.code, node.asked) == (2, [])

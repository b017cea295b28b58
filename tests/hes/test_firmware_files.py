from hashlib import sha256
from pathlib import Path

import pytest

from hes.firmware_files import FirmwareFiles

IMAGE, SEAL = b"image" * 100, b"s" * 64


def test_what_is_kept_is_there_after_a_restart(tmp_path: Path) -> None:
    digest = FirmwareFiles(tmp_path / "a" / "fw").keep(IMAGE, SEAL)
    assert digest == sha256(IMAGE).digest()
    assert FirmwareFiles(tmp_path / "a" / "fw").load(digest) == (IMAGE, SEAL)
    assert {path.suffix for path in (tmp_path / "a" / "fw").iterdir()} == {".img", ".sig"}


def test_a_damaged_or_missing_image_is_none(tmp_path: Path) -> None:
    files = FirmwareFiles(tmp_path)
    digest = files.keep(IMAGE, SEAL)
    assert files.load(bytes(32)) is None
    (tmp_path / f"{digest.hex()}.img").write_bytes(IMAGE[:-1])
    assert files.load(digest) is None
    (tmp_path / f"{digest.hex()}.sig").unlink()
    assert files.load(digest) is None


def test_without_a_folder_nothing_is_kept() -> None:
    assert FirmwareFiles(None).load(bytes(32)) is None
    with pytest.raises(OSError, match="no folder"):
        FirmwareFiles(None).keep(IMAGE, SEAL)

"""Oracle 11g is reached through Instant Client; what is wrong with that is said in a sentence.

Each case has a process of its own: the driver's mode is chosen once.
"""

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

OPEN: Final = """
import sys
from hes.store.errors import StoreError, StoreUnavailable
from hes.store.open import open_log
for url in sys.argv[1:]:
    try:
        open_log(url)
    except StoreUnavailable as problem:
        print("waits:", problem)
    except StoreError as problem:
        print("mend:", problem)
"""
NOWHERE: Final = "oracle://hes:secret@127.0.0.1:1/old"


def said(*urls: str) -> list[str]:
    """Return what is said of each of these URLs, one after the other."""
    command = [sys.executable, "-c", OPEN, *urls]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == "", "a sentence, no traceback"
    assert "secret" not in done.stdout
    return done.stdout.splitlines()


def test_without_instant_client_it_says_what_to_install_and_where_to_name_it(
    tmp_path: Path,
) -> None:
    (line,) = said(f"{NOWHERE}?thick={tmp_path}")
    assert line.startswith("mend: Oracle Instant Client is missing, or cannot be loaded: ")
    assert f"{tmp_path}/libclntsh" in line
    assert line.endswith(
        "; install its version 19 for this kind of machine, and libaio, and write"
        " ?thick=<its folder> behind the URL"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="names of libraries are others elsewhere")
def test_a_library_that_cannot_be_loaded_is_told_with_the_systems_reason(tmp_path: Path) -> None:
    (tmp_path / "libclntsh.so").write_bytes(b"no library")
    (line,) = said(f"{NOWHERE}?thick={tmp_path}")
    assert "libclntsh.so: " in line
    assert "file too short" in line or "invalid ELF header" in line
    assert "install its version 19" in line


def test_thin_and_thick_urls_do_not_mix(tmp_path: Path) -> None:
    away, mixed = said(NOWHERE, f"{NOWHERE}?thick={tmp_path}")
    assert away.startswith("waits: ")
    assert mixed.startswith("mend: one URL of Oracle has ?thick and another has not")


@pytest.mark.parametrize("command", ["check", "serve"])
def test_the_program_says_it_too_and_ends_with_2(tmp_path: Path, command: str) -> None:
    config = tmp_path / "hes.toml"
    config.write_text(
        f'[store]\nurl = "{NOWHERE}?thick={tmp_path}"\n[read_model]\nurl = "sqlite://"\n'
        '[web]\nbind = "127.0.0.1:0"\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", "hes", command, "--config", str(config)],
        capture_output=True, text=True, check=False, timeout=60, env={"COLUMNS": "1000"},
    )  # fmt: skip
    assert done.returncode == 2
    told = done.stdout + done.stderr
    assert "Oracle Instant Client is missing" in told
    assert "Traceback" not in told

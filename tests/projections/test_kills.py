"""A writer that is killed at any moment loses nothing and counts nothing twice, on any database."""

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from read_models import rows_of

from projections.base import find_projections
from projections.folding import Tables
from projections.sql.places import Place

EVENTS = 3000
FOLDER = f"""
import sys
sys.path.insert(0, "tests/support")
import oracledb
from read_models import at, reading, recorded
from projections.base import find_projections
from projections.folding import Tables
from projections.sql.places import open_place

oracledb.defaults.stmtcachesize = 0  # for the double
told = [(f"meter:{{n % 7}}", reading(n, received_at=at(n))) for n in range({EVENTS})]
log = recorded(*told)
tables = Tables(open_place(sys.argv[1]), find_projections())
while (position := tables.lowest()) < len(log):
    tables.take(log[position : position + 50])
    print(position, flush=True)
"""


def run_folder(url: str, kill_after: int | None, delay_s: float = 0.0) -> None:
    """Fold in another process; kill it after so many batches, somewhere in the next one."""
    with subprocess.Popen(
        [sys.executable, "-c", FOLDER, url],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as process:
        assert process.stdout is not None
        for count, _ in enumerate(process.stdout, 1):
            if count == kill_after:
                try:
                    process.wait(delay_s)
                except subprocess.TimeoutExpired:
                    process.send_signal(signal.SIGKILL)
                break
        process.stdout.read()
    assert process.returncode in {0, -signal.SIGKILL}


def check(place: Place, url: str, rounds: int) -> None:
    Tables(place, find_projections(), anew=True).close()
    rng = random.Random(rounds)
    for _ in range(rounds):
        run_folder(url, rng.randint(1, 12), rng.random() * 0.02)
    run_folder(url, None)
    found = rows_of(place)
    assert sum(row[2] for row in found["success"]) == len(found["reading"]) == EVENTS
    assert {row[2] for row in found["projection"]} == {EVENTS}
    assert len(found["latest"]) == len(found["meter_state"]) == 7


@pytest.mark.timeout(240)
def test_a_few_kills(place: Place, place_url: str) -> None:
    check(place, place_url, rounds=3)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_hundred_kills(place: Place, place_url: str) -> None:
    check(place, place_url, rounds=100)

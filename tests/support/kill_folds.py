"""Folds a log into read models and is killed on the way, again and again; then goes to the end.

A program, so that it may fork: a round takes tenths of a second. The seed decides how long the
log is and when a kill is due; where exactly it hits, the machine decides.

``python kill_folds.py URL SEED ROUNDS`` prints how many events there were. ROUNDS may be nought.
"""

import os
import random
import subprocess
import sys
from functools import partial
from typing import Final

import oracledb
from forks import forked, killed
from read_models import at, reading, recorded

from hes.events.base import Recorded
from projections.base import find_projections
from projections.folding import Tables
from projections.sql.places import open_place

BATCH: Final = 10
BATCHES_MAX: Final = 12
"""Batches of a round, at most; the kill hits in the next one."""
REST: Final = 500
"""Events behind the last kill, at least."""
DELAY_S: Final = 0.01


def log_for(rounds: int) -> list[Recorded]:
    """Return a log that no round reaches the end of: on the average they fold ten batches."""
    count = rounds * BATCH * (BATCHES_MAX + 4) + REST
    return recorded(*((f"meter:{n % 7}", reading(n, received_at=at(n))) for n in range(count)))


def killed_fold(url: str, rounds: int) -> int:
    """Let this program fold, killed ``rounds`` times; return how many events there were."""
    command = [sys.executable, __file__, url, str(rounds), str(rounds)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    return int(done.stdout)


def fold(url: str, log: list[Recorded], size: int, told: int | None = None) -> int:
    """Fold what is missing, in batches of ``size``; return where the read models are."""
    tables = Tables(open_place(url), find_projections())
    while (position := tables.lowest()) < len(log):
        tables.take(log[position : position + size])
        if told is not None:
            os.write(told, b"%d\n" % tables.lowest())
    tables.close()
    return position


def main() -> None:
    url, seed, rounds = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    oracledb.defaults.stmtcachesize = 0  # a double does not know a query by its number
    open_place(url)  # loads the driver and connects nothing
    rng = random.Random(seed)
    log = log_for(rounds)
    acknowledged = 0
    for _ in range(rounds):
        heard = killed(
            lambda told: fold(url, log, BATCH, told),
            after=rng.randint(1, BATCHES_MAX), delay_s=rng.uniform(0, DELAY_S),
        )  # fmt: skip
        places = [int(line) for line in heard.splitlines()]
        assert places[0] > acknowledged, "what was committed is gone"
        acknowledged = places[-1]
    assert forked(partial(fold, url, log, REST)) == len(log)
    sys.stdout.write(f"{len(log)}\n")


if __name__ == "__main__":
    main()

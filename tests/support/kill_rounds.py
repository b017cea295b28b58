"""Kills a writer and its projections with SIGKILL, at random points, round after round.

A program, so that it may fork: modules are loaded once, and a round takes tenths of a second. It
opens no database itself: what it forks does. The seed decides what is written, in which batches,
and when the kill is due; where exactly it hits, the machine decides.

``python kill_rounds.py LOG_URL READ_MODEL_URL SEED ROUNDS`` prints a report as JSON, or fails.
"""

import json
import os
import random
import sys
import threading
import time
import traceback
from contextlib import closing
from functools import partial
from typing import Final

import oracledb
from forks import forked, killed
from memory_fold import Memory, shown
from read_models import rows_of
from told_events import told

from hes.events.base import Recorded
from hes.store.chain import Verifier
from hes.store.open import open_codec, open_log
from hes.store.port import Append, EventLog
from projections.base import find_projections
from projections.folding import Tables
from projections.sql.places import open_place

BATCH_MAX: Final = 40
BATCHES_MAX: Final = 8
"""Acknowledged batches of a round, at most; the kill hits in one of the next."""
DELAY_S: Final = 0.02
ACK_S: Final = 0.003
"""Time between a commit and its acknowledgement, at most: kills fall into it too."""
EARLY: Final = 0.15
"""Share of the rounds that are killed while they open their databases."""
EARLY_S: Final = 0.2
FULL_EVERY: Final = 20
"""Rounds between two comparisons of everything; in between, only what is new is looked at."""
PAGE: Final = 2000


class Rounds:
    """One log, one set of read models, and what is known about them."""

    def __init__(self, log_url: str, read_url: str, seed: int) -> None:
        self.log_url = log_url
        self.read_url = read_url
        self.seed = seed
        self.rng = random.Random(seed)
        self.acknowledged = 0
        """Position of the last event that some writer was told is safe."""
        self.looked_at = 0
        self.report = {"rounds": 0, "early": 0, "acknowledged": 0, "unheard": 0, "folded": 0}

    def run(self, rounds: int) -> dict[str, int]:
        forked(self.begin)
        for number in range(1, rounds + 1):
            self.round()
            full = number % FULL_EVERY == 0 or number == rounds
            head, folded = forked(partial(self.look, full=full))
            if head > self.acknowledged:
                self.report["unheard"] += 1
            self.looked_at = head
            self.report.update(rounds=number, acknowledged=self.acknowledged, folded=folded)
        return self.report

    def round(self) -> None:
        """Start a node's two writers, kill them, and note what they had acknowledged."""
        early = self.rng.random() < EARLY
        batches = self.rng.randint(1, BATCHES_MAX)
        delay_s = self.rng.uniform(0, EARLY_S if early else DELAY_S)
        sizes = self.rng.getrandbits(32)
        heard = killed(
            lambda acks: self.work(acks, sizes), after=0 if early else batches, delay_s=delay_s
        )
        lines = heard.splitlines()
        self.acknowledged = int(lines[-1]) if lines else self.acknowledged
        self.report["early"] += early

    # -- in processes of their own

    def begin(self) -> None:
        """Remove the read models of somebody else."""
        Tables(open_place(self.read_url), find_projections(), anew=True).close()

    def work(self, acks: int, sizes: int) -> None:
        """Append for ever, and fold what was appended, as a node does."""
        rng = random.Random(sizes)
        log = open_log(self.log_url)
        log.fence()
        threading.Thread(target=self.fold, args=(log, rng.randint(10, 200)), daemon=True).start()
        codec = open_codec(log)
        n = log.head()
        while True:
            count = rng.randint(1, BATCH_MAX)
            events = [told(self.seed, n + k) for k in range(1, count + 1)]
            batch = [Append(stream, None, [codec.encode(event)]) for stream, event in events]
            log.append(batch, codec.layouts.take_unsaved())
            n += count
            time.sleep(rng.uniform(0, ACK_S))
            os.write(acks, b"%d\n" % n)

    def fold(self, log: EventLog, size: int) -> None:
        try:
            tables = Tables(open_place(self.read_url), find_projections())
            codec = open_codec(log)
            while True:
                rows = log.read(tables.lowest(), size)
                tables.take([codec.recorded(row) for row in rows])
                if len(rows) < size:
                    tables.settle()
                time.sleep(0 if rows else 0.001)
        except Exception:  # noqa: BLE001 -- ends the process, which fails the round
            traceback.print_exc()
            os._exit(3)

    def look(self, *, full: bool) -> tuple[int, int]:
        """Check what is stored; return the head of the log, and how far the read models are."""
        with closing(open_log(self.log_url)) as log:
            head = log.head()
            # What nobody was told of may be there too: of the last round, and of rounds before it
            # that were killed before their first acknowledgement. What was seen once, stays.
            least = max(self.acknowledged, self.looked_at)
            assert least <= head <= least + BATCH_MAX, f"{head} of {least}: lost or invented"
            events = self.events(log, 0 if full else self.looked_at)
            tables = Tables(open_place(self.read_url), find_projections())
            if full:
                check_chains(log, head)
                tables.take(events[tables.lowest() :])
                while tables.settle():
                    pass
            position = tables.lowest()
            assert position <= head, "the read models hold what the log does not"
            assert not tables.poisons, tables.poisons
            tables.close()
            if full:
                memory = Memory().fold(events).rows()
                found = shown(rows_of(open_place(self.read_url)))
                for name, rows in memory.items():
                    assert found[name] == rows, f"{name} is not what a straight fold gives"
            return head, position

    def events(self, log: EventLog, after: int) -> list[Recorded]:
        """Return what is stored behind ``after``: each event once, and as it was told."""
        codec = open_codec(log)
        found: list[Recorded] = []
        at = after
        while rows := log.read(at, PAGE):
            found += map(codec.recorded, rows)
            at = rows[-1].position
        assert [one.position for one in found] == list(range(after + 1, at + 1)), "gaps"
        for one in found:
            assert (one.stream, one.event) == told(self.seed, one.position), f"at {one.position}"
        return found


def check_chains(log: EventLog, head: int) -> None:
    verifier = Verifier()
    while rows := log.read_chained(verifier.position, PAGE):
        assert list(verifier.take(rows)) == []
    assert verifier.end(head) is None


def main() -> None:
    log_url, read_url, seed, rounds = sys.argv[1:]
    oracledb.defaults.stmtcachesize = 0  # a double does not know a query by its number
    open_place(read_url)  # loads the driver and connects nothing
    report = Rounds(log_url, read_url, int(seed)).run(int(rounds))
    sys.stdout.write(json.dumps(report) + "\n")


if __name__ == "__main__":
    main()

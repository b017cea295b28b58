"""The codecs beside libraries that do the same, in one run, over the same bytes.

What both read is compared before anything is timed. Each pair takes turns in short rounds of
processor time, so that a busy machine slows both alike; the median of the rounds' ratios counts.
Trust the ratios.

    python -m bench.codecs [--rounds 200]
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from bench import codecs_dlms, codecs_dlt645, codecs_iec62056

ROUND_S = 0.004


class Pair(NamedTuple):
    """Two ways to read the same bytes."""

    name: str
    peer: str
    ours: Callable[[], Any]
    theirs: Callable[[], Any]
    at_least: float
    """The ratio that is promised."""


def call_s(work: Callable[[], Any], times: int) -> float:
    """Return the seconds of processor time of one call, of a round of ``times``."""
    begin = time.thread_time()
    for _ in range(times):
        work()
    return (time.thread_time() - begin) / times


def times_in(work: Callable[[], Any]) -> int:
    """Return how many calls fill a round."""
    once = min(call_s(work, 3) for _ in range(5))
    return max(3, int(ROUND_S / once))


def measured(pair: Pair, rounds: int) -> tuple[float, float, float]:
    """Return the seconds of one call of ours and of theirs, and the ratio: medians of all."""
    ours, theirs = times_in(pair.ours), times_in(pair.theirs)
    found = [(call_s(pair.ours, ours), call_s(pair.theirs, theirs)) for _ in range(rounds)]
    ratio = statistics.median(t / o for o, t in found)
    return statistics.median(o for o, _ in found), statistics.median(t for _, t in found), ratio


def pairs() -> list[Pair]:
    """Return all pairs; both sides of each have been seen to read the same."""
    made = [*codecs_dlms.pairs(), *codecs_dlt645.pairs(), *codecs_iec62056.pairs()]
    return [Pair(*one) for one in made]


def main() -> int:
    """Measure and print; 1 when a promise is not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    rounds = parser.parse_args().rounds
    print(f"{'same bytes, one call':<34}{'ours us':>9}{'peer us':>10}{'ratio':>8}  at least")
    missed = 0
    for pair in pairs():
        ours, theirs, ratio = measured(pair, rounds)
        kept = ratio >= pair.at_least
        missed += not kept
        print(
            f"{pair.name:<34}{ours * 1e6:>9.1f}{theirs * 1e6:>10.1f}{ratio:>8.1f}"
            f"  {pair.at_least:>5.1f} {'' if kept else 'MISSED '}({pair.peer})",
            flush=True,
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())

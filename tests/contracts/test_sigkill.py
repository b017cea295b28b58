"""A writer that is killed in the middle loses nothing that it acknowledged."""

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from stores import Place

from hes.store.chain import Verifier
from hes.store.open import path_of
from hes.store.port import Append, Appended

WRITER = """
import sys
from hes.store.open import open_log
from hes.store.port import Append

log = open_log(sys.argv[1], sys.argv[2] or None)
log.fence()
n = log.head()
while True:
    batch = [
        Append(f"meter:{i % 7}", None, [("Reading/1", b"%d" % i)]) for i in range(n, n + 9)
    ]
    results = log.append(batch)
    n += len(batch)
    sys.stdout.write(f"{results[-1].position}\\n")
    sys.stdout.flush()
"""
ENOUGH = 40
"""Acknowledged batches before the kill, which then hits at some moment of a later one."""


def killed_writer(place: Place) -> int:
    """Run a writer, kill it, and return the last position that it acknowledged."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, place.url, place.password_file or ""],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    ) as writer:
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(ENOUGH)]
        writer.send_signal(signal.SIGKILL)
        lines += writer.stdout.readlines()
    assert writer.returncode == -signal.SIGKILL
    # The kill may cut the last line: it counts only with its end.
    return int([line for line in lines if line.endswith(b"\n")][-1])


@pytest.mark.timeout(40)
def test_all_that_was_acknowledged_is_there_after_kills(place: Place) -> None:
    head = 0
    for _ in range(3):
        acknowledged = killed_writer(place)
        log = place.open()
        head = log.head()
        # One batch may have been durable already, but not told.
        assert acknowledged <= head <= acknowledged + 9
        rows = log.read(0, head + 1)
        assert [row.position for row in rows] == list(range(1, head + 1))
        assert [row.state for row in rows] == [b"%d" % n for n in range(head)]
        verifier = Verifier()
        assert list(verifier.take(log.read_chained(0, head + 1))) == []
        log.close()
    if place.url.startswith("sqlite"):
        with sqlite3.connect(path_of(place.url)) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        db.close()
    log = place.open()
    log.fence()
    assert log.append([Append("meter:0", None, [("Reading/1", b"")])])[0] == Appended(
        head + 1, log.stream_head("meter:0")
    )
    log.close()

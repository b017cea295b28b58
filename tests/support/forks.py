"""Processes of a program that may be killed: forked, so that its modules are loaded once.

Whoever forks has no thread and no open database: what it forks has.
"""

import json
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any, Final, NoReturn

CHILD_S: Final = 60.0


def hear(acks: Any, count: int) -> bytes:
    """Return what a writer said until it had acknowledged so many batches, one a line."""
    heard = b""
    while heard.count(b"\n") < count:
        ready, _, _ = select.select([acks], [], [], CHILD_S)
        assert ready, f"nothing was acknowledged within {CHILD_S:g} s"
        some = acks.read(4096)
        assert some, "the writer ended by itself"
        heard += some
    return heard


def killed(work: Callable[[int], Any], *, after: int, delay_s: float) -> bytes:
    """Run ``work``; kill it so long after so many lines; return the whole lines that it wrote."""
    child, pipe = fork(work)
    with os.fdopen(pipe, "rb", buffering=0) as acks:
        heard = hear(acks, after)
        time.sleep(delay_s)
        os.kill(child, signal.SIGKILL)
        heard += acks.read() or b""
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), f"the writer ended by itself: {status}"
    # The kill may cut the last line: it counts only with its end.
    return heard[: heard.rfind(b"\n") + 1]


def fork(work: Callable[[int], Any]) -> tuple[int, int]:
    """Run ``work`` in a new process, with a pipe to write into; return its number and the pipe."""
    reading_end, writing_end = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading_end)
        _run(partial(work, writing_end))
    os.close(writing_end)
    return child, reading_end


def forked(work: Callable[[], Any]) -> Any:
    """Return what ``work`` returns, from a process of its own."""
    child, pipe = fork(lambda fd: os.write(fd, json.dumps(work()).encode()))
    with os.fdopen(pipe, "rb") as answer:
        said = answer.read()
    _, status = os.waitpid(child, 0)
    if status:
        sys.exit(1)
    return json.loads(said)


def _run(work: Callable[[], Any]) -> NoReturn:
    try:
        work()
    except (Exception, SystemExit):  # noqa: BLE001 -- the end of a process
        traceback.print_exc()
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)

"""Parsers under atheris: one process loads them all with instruments, which takes seconds.

It forks for each target, since libFuzzer ends the process that it runs in, some side by side. It
says one line of JSON as each ends::

    python tests/fuzz/guide.py MODULES FOLDER SECONDS TARGET...
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import wait
from multiprocessing.context import ForkProcess
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support"), str(ROOT / "tests" / "fuzz")]

if TYPE_CHECKING:  # before the instruments are there nothing may load a parser
    from fuzzing import Target

PACKAGE = "protocols"
LANES = 2
INPUT_SIZE_MAX = 4096
HARD_LIMIT_S = 10
"""An input that takes so long, instruments and all, hangs."""
GRACE_S = 30.0
"""Beyond its seconds a target that never gives the word back is ended."""
RSS_MIB_MAX = 512
"""All parsers and their corpora stay far below; what grows with each input does not."""
SLACK = 20.0
"""Instruments make everything slower; what comes out of them is measured again without."""
EXECUTIONS = re.compile(r"^executions: (\d+)$", re.MULTILINE)
MARKS = ("Finding:", "ERROR: libFuzzer", "Error:")


class Told(NamedTuple):
    """What became of one target."""

    name: str
    executions: int
    problem: str | None = None
    input: str = ""
    """The bytes that did it, as hex."""


def kept_as(name: str) -> str:
    """Return what the files of a target are called."""
    return name.replace("/", "-")


def guided(names: Sequence[str], modules: Path, folder: Path, share_s: float) -> Iterator[Told]:
    """Run targets of ``modules``, so many seconds each; yield what became of them as they end."""
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, __file__, str(modules), str(folder), str(share_s), *names]
    missing = list(names)
    errors = folder / "guide.log"
    with (
        errors.open("wb") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as guide,
    ):
        for line in guide.stdout or ():
            told = Told(*json.loads(line))
            missing.remove(told.name)
            yield told
    last = (errors.read_text(errors="replace").splitlines() or ["it says nothing"])[-1]
    yield from (Told(name, 0, f"it was not run: {last}") for name in missing)


# -- inside the process that has the instruments


def main(modules: Path, folder: Path, share_s: float, names: Sequence[str]) -> None:
    """Load every parser with instruments, and run the named ones."""
    import atheris

    with atheris.instrument_imports(include=[PACKAGE]):
        import fuzzing

        every = fuzzing.targets(modules)
    waiting = [every[name] for name in reversed(names)]
    running: list[Run] = []
    while waiting or running:
        while waiting and len(running) < LANES:
            running.append(Run(waiting.pop(), folder, share_s))
        wait([run.process.sentinel for run in running], timeout=1.0)
        for run in [run for run in running if run.has_ended()]:
            running.remove(run)
            print(json.dumps(run.told()), flush=True)


class Run:
    """One target in a fork of its own."""

    def __init__(self, target: "Target", folder: Path, share_s: float) -> None:
        self.name = target.name
        self.log = folder / f"{kept_as(target.name)}.log"
        self.found = folder / f"found-{kept_as(target.name)}"
        self.found.mkdir(exist_ok=True)
        self.executions = 0
        self.end = time.monotonic() + share_s
        self.process = ForkProcess(target=self._fuzz, args=(target, folder))
        self.process.start()

    def has_ended(self) -> bool:
        """Return whether it is over; one that is long overdue is ended."""
        overdue = time.monotonic() > self.end + HARD_LIMIT_S + GRACE_S
        if self.process.exitcode is None and overdue:
            self.process.kill()
            self.process.join()
        return self.process.exitcode is not None

    def told(self) -> Told:
        """Return what became of it."""
        lines = self.log.read_text(errors="replace").splitlines()
        counted = EXECUTIONS.search("\n".join(lines[-40:]))
        executions = int(counted.group(1)) if counted else 0
        if self.process.exitcode == 0:
            return Told(self.name, executions)
        said = [line for line in lines if any(mark in line for mark in MARKS)]
        problem = (said or lines or ["it never gave the word back"])[0][:200]
        kept = next(self.found.iterdir(), None)
        return Told(self.name, executions, problem, kept.read_bytes().hex() if kept else "")

    def _fuzz(self, target: "Target", folder: Path) -> None:
        """Be the process of one target: it never returns."""
        import atheris
        from seeds import corpus_of

        with self.log.open("wb") as out:
            os.dup2(out.fileno(), 1)
            os.dup2(out.fileno(), 2)
        corpus = corpus_of(target, folder)
        for path in self.found.iterdir():  # of the run before: tried first
            path.rename(corpus / path.name)
        arguments = [
            "fuzz", str(corpus), f"-artifact_prefix={self.found}/", "-seed=1",
            f"-timeout={HARD_LIMIT_S}", f"-max_len={INPUT_SIZE_MAX}",
            f"-rss_limit_mb={RSS_MIB_MAX}",
        ]  # fmt: skip
        atheris.Setup(arguments, lambda data: self._one(target, data))
        atheris.Fuzz()

    def _one(self, target: "Target", data: bytes) -> None:
        from fuzzing import Finding, check

        try:
            check(target, data, slack=SLACK)
        except Finding as finding:  # libFuzzer keeps what hangs or grows; it cannot keep this here
            (self.found / "finding").write_bytes(data)
            self._leave(f"Finding: {finding.problem}", 1)
        self.executions += 1
        if time.monotonic() > self.end:  # libFuzzer knows whole seconds only
            self._leave("the time is over", 0)

    def _leave(self, why: str, code: int) -> None:
        print(f"{why}\nexecutions: {self.executions}", flush=True)
        os._exit(code)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]), sys.argv[4:])

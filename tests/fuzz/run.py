"""``make fuzz``: every parser for a while, guided by coverage where atheris is installed.

    python tests/fuzz/run.py [--seconds 600] [--target NAME ...] [--folder .fuzz] [--plain]

The seconds are shared by the targets. The corpus of each grows in the folder, from our own frames
on, and is the beginning of the next run. A finding is printed with its input; add that input to the
target's frames, and mend the parser.
"""

import argparse
import importlib.util
import random
import re
import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support")]

from fuzzing import Finding, Target, check, mutated, targets  # noqa: E402 -- they lie there

PACKAGE = "protocols"
INPUT_SIZE_MAX = 4096
HARD_LIMIT_S = 10
"""An input that takes so long, instruments and all, hangs."""


def corpus_of(target: Target, folder: Path) -> Path:
    """Return the folder of a target's corpus, with our own frames in it."""
    corpus = folder / target.name
    corpus.mkdir(parents=True, exist_ok=True)
    for frame in target.frames:
        (corpus / sha256(frame).hexdigest()[:16]).write_bytes(frame)
    return corpus


def guided(target: Target, folder: Path, seconds: int) -> tuple[int, str | None]:
    """Run one target under atheris, in a process of its own; return executions and the finding."""
    corpus = corpus_of(target, folder)
    command = [
        sys.executable, __file__, "--child", target.name, str(corpus), "-seed=1",
        f"-max_total_time={seconds}", f"-timeout={HARD_LIMIT_S}", "-print_final_stats=1",
        f"-max_len={INPUT_SIZE_MAX}", f"-artifact_prefix={folder}/found-{target.name}-",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    counted = re.search(r"number_of_executed_units:\s*(\d+)", done.stderr) or re.search(
        r"Done (\d+) runs", done.stderr + done.stdout
    )
    executions = int(counted.group(1)) if counted else 0
    if done.returncode == 0:
        return executions, None
    lines = (done.stdout + done.stderr).splitlines()
    told = [line for line in lines if "Finding" in line or "Error" in line or "timeout" in line]
    return executions, "\n  ".join(told[-4:] or lines[-8:])


def child(name: str, arguments: list[str]) -> None:
    """Be the process that atheris guides: it never returns."""
    import atheris

    with atheris.instrument_imports(include=[PACKAGE]):
        target = targets()[name]

    def one(data: bytes) -> None:
        check(target, data, timed=False)

    atheris.Setup([sys.argv[0], *arguments], one)
    atheris.Fuzz()


def plain(target: Target, folder: Path, seconds: float) -> tuple[int, str | None]:
    """Mutate without a guide; return executions and the finding. Here the time is measured too."""
    corpus = [path.read_bytes() for path in sorted(corpus_of(target, folder).iterdir())]
    dice = random.Random(target.name)
    end = time.monotonic() + seconds
    executions = 0
    while time.monotonic() < end:
        try:
            check(target, mutated(corpus, dice)[:INPUT_SIZE_MAX])
        except Finding as finding:
            return executions, str(finding)
        executions += 1
    return executions, None


def measured(target: Target, folder: Path) -> str | None:
    """Run what atheris gathered once more, without its instruments and with the clock."""
    for path in sorted((folder / target.name).iterdir()):
        try:
            check(target, path.read_bytes())
        except Finding as finding:
            return str(finding)
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--target", action="append")
    parser.add_argument("--folder", type=Path, default=ROOT / ".fuzz")
    parser.add_argument("--plain", action="store_true", help="without atheris")
    options = parser.parse_args()
    every = targets()
    chosen = [every[name] for name in options.target or every]
    share_s = max(1, options.seconds // len(chosen))
    found_atheris = importlib.util.find_spec("atheris") is not None
    with_guide = found_atheris and not options.plain
    if not with_guide:
        print(
            "Without coverage as a guide"
            + (": --plain." if found_atheris else ", since atheris is not installed here"
               " (`pip install atheris`, Linux on x86-64, Python 3.11 to 3.13).")
        )  # fmt: skip
    total = failed = 0
    for target in chosen:
        run = guided if with_guide else plain
        executions, finding = run(target, options.folder, share_s)
        finding = finding or (measured(target, options.folder) if with_guide else None)
        total += executions
        failed += finding is not None
        print(f"{target.name:<34}{executions:>10,} inputs  {finding or 'ok'}", flush=True)
    print(f"{len(chosen)} parsers, {total:,} inputs, {failed} with a finding")
    return 1 if failed else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], sys.argv[3:])
    sys.exit(main())

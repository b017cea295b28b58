"""``make fuzz``: every parser for a while, guided by coverage where atheris is installed.

    python tests/fuzz/run.py [--seconds 600] [--target NAME ...] [--plain | --guided]
    python tests/fuzz/run.py --target NAME --input HEX

The seconds are those on the clock, shared by the targets. The corpus of each grows in the folder,
from our own frames on (and from recorded ones, where HES_TEST_VECTORS names their folder), and is
the beginning of the next run. A finding is printed with its input and the command that repeats it;
add that input to the target's frames, and mend the parser.
"""

import argparse
import importlib.util
import random
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "support"), str(ROOT / "tests" / "fuzz")]

from fuzzing import FOLDER, Finding, Target, check, mutated, targets  # noqa: E402 -- they lie there
from guide import INPUT_SIZE_MAX, LANES, Told, guided, kept_as  # noqa: E402
from seeds import corpus_of  # noqa: E402


def tried(target: Target, data: bytes, executions: int) -> Told | None:
    """Run one input without instruments and with the clock; return what is wrong with it."""
    try:
        check(target, data)
    except Finding as finding:
        return Told(target.name, executions, finding.problem, data.hex())
    return None


def plain(target: Target, folder: Path, seconds: float) -> Told:
    """Mutate without a guide."""
    corpus = [path.read_bytes() for path in sorted(corpus_of(target, folder).iterdir())]
    dice = random.Random(target.name)
    end = time.monotonic() + seconds
    executions = 0
    while time.monotonic() < end:
        executions += 1
        if wrong := tried(target, mutated(corpus, dice)[:INPUT_SIZE_MAX], executions):
            return wrong
    return Told(target.name, executions)


def measured(target: Target, folder: Path, told: Told) -> Told:
    """Run what atheris gathered once more: under its instruments the clock says little."""
    if told.problem is None:
        for path in sorted((folder / kept_as(target.name)).iterdir()):
            if wrong := tried(target, path.read_bytes(), told.executions):
                return wrong
    return told


def outcomes(chosen: Sequence[Target], options: argparse.Namespace) -> Iterator[Told]:
    """Yield what became of each target."""
    if options.plain:
        for target in chosen:
            yield plain(target, options.folder, options.seconds / len(chosen))
        return
    known = {target.name: target for target in chosen}
    share_s = options.seconds * min(LANES, len(chosen)) / len(chosen)
    for told in guided(list(known), options.modules, options.folder, share_s):
        yield measured(known[told.name], options.folder, told)


def shown(told: Told) -> str:
    """Return the lines of one target: a person can repeat a finding from them."""
    line = f"{told.name:<34}{told.executions:>10,} inputs  {told.problem or 'ok'}"
    if told.problem is None:
        return line
    repeat = f"python tests/fuzz/run.py --target {told.name} --input {told.input or '...'}"
    return f"{line}\n  parser {told.name}, input {told.input or 'not kept'}\n  repeat: {repeat}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--target", action="append", help="one of all; may be repeated")
    parser.add_argument("--folder", type=Path, default=ROOT / ".fuzz")
    parser.add_argument("--modules", type=Path, default=FOLDER, help="where the targets stand")
    parser.add_argument("--input", help="run this one, hex, and nothing else")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--plain", action="store_true", help="without atheris")
    how.add_argument("--guided", action="store_true", help="fail where there is no atheris")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    every = targets(options.modules)
    chosen = [every[name] for name in options.target or every]
    if options.input is not None:
        found = [tried(target, bytes.fromhex(options.input), 1) for target in chosen]
        print(*[shown(told or Told(t.name, 1)) for t, told in zip(chosen, found, strict=True)],
              sep="\n")  # fmt: skip
        return 1 if any(found) else 0
    if importlib.util.find_spec("atheris") is None:
        told = "atheris is not installed here: there is no coverage as a guide"
        if options.guided:
            print(f"{told}, and it was asked for.", file=sys.stderr)
            return 1
        print(f"{told}, the frames are mutated blindly.")
        options.plain = True
    total = failed = 0
    for told in outcomes(chosen, options):
        total += told.executions
        failed += told.problem is not None
        print(shown(told), flush=True)
    print(f"{len(chosen)} parsers, {total:,} inputs, {failed} with a finding")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

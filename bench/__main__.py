"""``make bench``: every benchmark in turn, each figure beside its anchor of the same run.

Each is a program of its own and prints as it goes; some minutes in all. Name some to run just them:
``python -m bench path kernel``.
"""

import subprocess
import sys
from typing import Final

RUNS: Final[dict[str, tuple[tuple[str, ...], ...]]] = {
    "path": (("bench.path", "--sessions", "1000"), ("bench.path", "--sessions", "10000")),
    "kernel": (("bench.kernel",),),
    "store": (("bench.store",),),
    "journal": (("bench.journal",),),
    "replay": (("bench.replay",),),
    "projections": (("bench.projections",),),
    "live": (("bench.live",),),
    "sealed": (("bench.sealed",),),
    "codecs": (("bench.codecs",),),
}


def main() -> int:
    wanted = sys.argv[1:] or list(RUNS)
    unknown = [name for name in wanted if name not in RUNS]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(RUNS)}", file=sys.stderr)
        return 2
    failed = 0
    for name in wanted:
        for module in RUNS[name]:
            print(f"\n== {' '.join(module)}", flush=True)
            failed |= subprocess.run([sys.executable, "-m", *module], check=False).returncode
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

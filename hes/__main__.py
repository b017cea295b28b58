"""``hes`` and ``python -m hes``: the command line of the head-end system."""

from hes.cli.program import run


def main() -> int:
    """Carry out the command line; return the exit code: 0 done, 1 it failed, 2 wrong usage."""
    return run()


if __name__ == "__main__":
    raise SystemExit(main())

"""Draws ``docs/state-machines.md`` from the tables of transitions: ``make diagrams``.

A table is a constant of a module in ``protocols/`` or ``actors/``, ``dict[tuple[State, Signal],
State]`` of two enums; it begins in the first member of its states. A new one is found by itself.
"""

import importlib
import pkgutil
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

DOCUMENT = ROOT / "docs" / "state-machines.md"
PACKAGES = ("actors", "protocols")
HEAD = """# State machines

Drawn from the tables in the code by `make diagrams`; a test fails when they differ. What a table
does not have cannot happen: a step that is not in it is an error, and changes nothing.
"""


class Table(NamedTuple):
    """A table of transitions, and where it stands."""

    module: str
    name: str
    rows: dict[tuple[Enum, Enum], Enum]


def is_table(found: Any) -> bool:
    return (
        isinstance(found, dict)
        and bool(found)
        and all(
            isinstance(key, tuple) and len(key) == 2 and all(isinstance(k, Enum) for k in key)
            and type(key[0]) is type(value)
            for key, value in found.items()
        )
    )  # fmt: skip


def tables() -> Iterator[Table]:
    """Yield all tables, each where it is written."""
    for package in PACKAGES:
        top = importlib.import_module(package)
        for info in pkgutil.walk_packages(top.__path__, f"{package}."):
            module = importlib.import_module(info.name)
            source = Path(module.__file__ or "").read_text()
            for name, found in vars(module).items():
                if is_table(found) and f"\n{name}: " in source:
                    yield Table(info.name, name, found)


def word(member: Enum) -> str:
    """Return what a state or signal is called."""
    said = member.value if isinstance(member.value, str) else member.name
    return said.lower().replace("_", "-")


def diagram(table: Table) -> str:
    """Return one table as a Mermaid state diagram; signals between the same two share an arrow."""
    states = list(type(next(iter(table.rows))[0]))
    arrows: dict[tuple[Enum, Enum], list[str]] = {}
    for (state, signal), then in table.rows.items():
        arrows.setdefault((state, then), []).append(word(signal))
    names = {state: word(state).replace("-", "_") for state in states}
    lines = ["stateDiagram-v2", f"    [*] --> {names[states[0]]}"]
    lines += [f'    state "{word(s)}" as {names[s]}' for s in states if word(s) != names[s]]
    lines += [f"    {names[a]} --> {names[b]}: {', '.join(w)}" for (a, b), w in arrows.items()]
    return "\n".join(["```mermaid", *lines, "```"])


def document() -> str:
    """Return the whole page."""
    parts = [HEAD]
    for table in sorted(tables()):
        path = table.module.replace(".", "/") + ".py"
        about = (importlib.import_module(table.module).__doc__ or "").splitlines()[0]
        title = f"## {table.module}, `{table.name}`"
        parts.append(f"{title}\n\n[{path}](../{path}): {about}\n\n{diagram(table)}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    DOCUMENT.write_text(document())

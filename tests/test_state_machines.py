"""The page of the state machines shows the tables as they are, all of them."""

import re
from enum import StrEnum
from pathlib import Path

import state_diagrams as diagrams

ROOT = Path(__file__).parent.parent
TABLE = re.compile(r"^([A-Z_]+): Final\[dict\[tuple\[(\w+), \w+\], \2\]\]", re.MULTILINE)


def test_the_page_is_what_the_tables_say() -> None:
    assert diagrams.DOCUMENT.read_text() == diagrams.document(), "run `make diagrams`"


def test_every_table_is_drawn() -> None:
    written = {
        (".".join(path.relative_to(ROOT).with_suffix("").parts), name)
        for package in diagrams.PACKAGES
        for path in (ROOT / package).rglob("*.py")
        for name, _ in TABLE.findall(path.read_text())
    }
    drawn = {(table.module, table.name) for table in diagrams.tables()}
    assert written == drawn
    assert ("actors.states", "TRANSITIONS") in drawn
    assert len([module for module, _ in drawn if module.startswith("protocols.")]) >= 4


class Door(StrEnum):
    SHUT = "shut"
    WIDE_OPEN = "wide-open"


class Hand(StrEnum):
    PULL = "pull"
    PUSH = "push"
    WIND = "wind"


def test_signals_between_the_same_two_share_an_arrow() -> None:
    rows = {
        (Door.SHUT, Hand.PULL): Door.WIDE_OPEN,
        (Door.WIDE_OPEN, Hand.PUSH): Door.SHUT,
        (Door.WIDE_OPEN, Hand.WIND): Door.SHUT,
        (Door.SHUT, Hand.PUSH): Door.SHUT,
    }
    drawn = diagrams.diagram(diagrams.Table("house", "DOOR", rows)).splitlines()
    assert drawn == [
        "```mermaid",
        "stateDiagram-v2",
        "    [*] --> shut",
        '    state "wide-open" as wide_open',
        "    shut --> wide_open: pull",
        "    wide_open --> shut: push, wind",
        "    shut --> shut: push",
        "```",
    ]


def test_other_dictionaries_are_no_tables() -> None:
    assert not diagrams.is_table({})
    assert not diagrams.is_table({(Door.SHUT, Hand.PULL): "wide-open"})
    assert not diagrams.is_table({Door.SHUT: Door.WIDE_OPEN})

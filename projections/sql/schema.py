"""Tables as data: columns of a small vocabulary that every database has, keys, and indexes.

Names keep to Oracle 11g: at most 30 bytes with the suffixes that are added here, no reserved word.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final, NamedTuple

NAME: Final = 128
"""Characters of what meters, modems, areas and files are called."""
WORD: Final = 64
"""Characters of a word of ours, a unit, an OBIS code."""
TEXT: Final = 1000
"""Characters of a sentence, or of a value: 4,000 bytes, the most that Oracle 11g has in a row."""
BYTES: Final = 2000


class Kind(Enum):
    """What a column holds."""

    TEXT = "text"
    WHOLE = "whole"
    """Integers of 64 bits: numbers, and times in ms since 1970."""
    REAL = "real"
    OCTETS = "octets"


class Column(NamedTuple):
    """One column."""

    name: str
    kind: Kind
    size: int = 0
    """Characters or bytes at most."""
    optional: bool = False


def text(name: str, size: int = WORD, *, optional: bool = False) -> Column:
    """Return a column of characters."""
    return Column(name, Kind.TEXT, size, optional)


def whole(name: str, *, optional: bool = False) -> Column:
    """Return a column of integers."""
    return Column(name, Kind.WHOLE, 0, optional)


def real(name: str, *, optional: bool = False) -> Column:
    """Return a column of floats."""
    return Column(name, Kind.REAL, 0, optional)


def octets(name: str, *, optional: bool = False) -> Column:
    """Return a column of bytes."""
    return Column(name, Kind.OCTETS, BYTES, optional)


@dataclass(frozen=True, eq=False)
class Table:
    """One table."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    indexes: tuple[tuple[str, ...], ...] = ()
    by_day: str = ""
    """A column of times: where a database keeps a table for each day, the day of it decides."""
    is_rewritten: bool = False
    """Whether most writes change rows that are there, again and again: where a database keeps the
    old and the new row side by side, it keeps room for both."""
    names: tuple[str, ...] = field(init=False)
    """Of the columns."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "names", tuple(column.name for column in self.columns))

    def column(self, name: str) -> Column:
        """Return the column of a name."""
        return self.columns[self.names.index(name)]


@dataclass(frozen=True, eq=False)
class Upsert:
    """How rows come into a table that may have them already.

    In expressions ``t`` is the row that is there and ``s`` the new one. Rows of one call may have
    the same key: they count in their order.
    """

    table: Table
    columns: tuple[str, ...] = ()
    """What the rows hold; empty: all columns."""
    sets: Mapping[str, str] = field(default_factory=dict)
    """Expressions of columns that do not just become those of the new row."""
    when: str = ""
    """A condition without which the row stays as it is."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", self.columns or self.table.names)

    @property
    def values(self) -> list[tuple[str, str]]:
        """Columns outside the key, each with what it becomes."""
        changed = [name for name in self.columns if name not in self.table.key]
        return [(name, self.sets.get(name, f"s.{name}")) for name in changed]


def create_table(table: Table, name: str, types: Mapping[Kind, str], tail: str = "") -> str:
    """Return the statement that makes ``table`` as ``name``; ``types`` may have a ``{size}``."""
    columns = ", ".join(
        f"{c.name} {types[c.kind].format(size=c.size)}{'' if c.optional else ' NOT NULL'}"
        for c in table.columns
    )
    return f"CREATE TABLE {name} ({columns}, PRIMARY KEY ({', '.join(table.key)})){tail}"


def create_indexes(table: Table, name: str) -> list[str]:
    """Return the statements that make its indexes."""
    return [
        f"CREATE INDEX {name}_i{number} ON {name} ({', '.join(columns)})"
        for number, columns in enumerate(table.indexes, 1)
    ]


POSITIONS: Final = Table(
    "projection", (text("name"), whole("version"), whole("position")), key=("name",)
)
"""How far each projection is."""
POISON: Final = Table(
    "poison",
    (text("projection"), whole("position"), text("topic"), text("reason", TEXT)),
    key=("projection", "position"),
)
"""Events that were put aside."""
DAYS: Final = Table(
    "day_table", (text("base"), whole("utc_day"), text("place")), key=("base", "utc_day")
)
"""Which table holds a day, where each has its own."""
KEPT_FROM: Final = Table("kept_from", (text("base"), whole("utc_day")), key=("base",))
"""Before which day the rows of a ``by_day`` table were removed, and do not come back."""

"""Structures that several classes share: scripts to carry out, values to watch, windows of time."""

from typing import Final, NamedTuple

from protocols.dlms.classes.dates import MOMENT, Moment
from protocols.dlms.classes.kinds import I8, OBIS, U16, array_of, structure_of


class Script(NamedTuple):
    """A script of a script table (class 9) that is carried out."""

    table: bytes
    """Logical name of the script table."""
    selector: int
    """Which of its scripts; 0: none."""


class Watched(NamedTuple):
    """The attribute that a monitor or limiter looks at."""

    class_id: int
    obis: bytes
    attribute: int


class Window(NamedTuple):
    """A span of time, mostly of each day."""

    start: Moment
    end: Moment


SCRIPT: Final = structure_of(Script, OBIS, U16)
WATCHED: Final = structure_of(Watched, U16, OBIS, I8)
WINDOWS: Final = array_of(structure_of(Window, MOMENT, MOMENT))

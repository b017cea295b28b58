"""Whose answer it is: several meters share a line, and commands name none of them.

A meter that was left in programming mode answers to commands that are meant for its neighbour. A
break ends that; should one not hear it, what a meter tells of itself gives it away.
"""

from collections.abc import Iterable
from typing import Final

from protocols.iec62056_21.codes import same_code
from protocols.iec62056_21.datasets import DataSet

OWN_CODES: Final = ("0.0.0", "C.1.0")
"""What a readout tells of its meter: its address, its serial number."""


def is_anothers(address: str, told: Iterable[str]) -> bool:
    """Whether what a meter tells of itself shows that it is not the one called by ``address``.

    One that fits is enough. Of the others only what could be an address of this line counts: digits
    in the same number. Meters tell their type there too, or nothing.
    """
    names = [name for text in told if (name := text.strip("() ").lstrip("0")).isalnum()]
    own = address.lstrip("0")
    if not own or any(own.endswith(name) or name.endswith(own) for name in names):
        return False
    return any(name.isdigit() and len(name) == len(own) for name in names)


def told_in(sets: Iterable[DataSet]) -> list[str]:
    """Return what a readout tells of its meter."""
    return [
        found.values[0]
        for found in sets
        if found.code is not None and any(same_code(found.code, code) for code in OWN_CODES)
    ]

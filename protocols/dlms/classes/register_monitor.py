"""Class 21, Register monitor: scripts that are carried out when a value crosses thresholds."""

from typing import Any, Final, NamedTuple

import msgspec

from protocols.dlms.classes.common import SCRIPT, WATCHED, Script, Watched
from protocols.dlms.classes.cosem_class import CosemClass
from protocols.dlms.classes.kinds import RAW, array_of, structure_of


class Crossing(NamedTuple):
    """What is done as the value rises above a threshold, and as it falls below."""

    up: Script
    down: Script


class RegisterMonitor(msgspec.Struct, frozen=True, kw_only=True):
    """Attributes 2 to 4; thresholds have the type and unit of the value that is watched."""

    thresholds: tuple[Any, ...]
    watched: Watched
    actions: tuple[Crossing, ...]
    """One for each threshold."""


REGISTER_MONITOR: Final = CosemClass(
    21, RegisterMonitor,
    {2: array_of(RAW), 3: WATCHED, 4: array_of(structure_of(Crossing, SCRIPT, SCRIPT))},
)  # fmt: skip

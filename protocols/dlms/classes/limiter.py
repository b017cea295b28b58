"""Class 71, Limiter: cuts a customer off, or does something else, above a threshold of power."""

from typing import Any, Final, NamedTuple

import msgspec

from protocols.dlms.classes.common import SCRIPT, WATCHED, Script, Watched
from protocols.dlms.classes.cosem_class import CosemClass
from protocols.dlms.classes.dates import MOMENT, Moment
from protocols.dlms.classes.kinds import BOOLEAN, RAW, U16, U32, array_of, structure_of

USUAL_OBIS: Final = bytes((0, 0, 17, 0, 0, 255))


class Emergency(NamedTuple):
    """An emergency profile: another threshold for a while."""

    profile_id: int
    begins_at: Moment
    duration_s: int


class LimiterActions(NamedTuple):
    """What is done above the threshold, and below it again."""

    over: Script
    under: Script


class Limiter(msgspec.Struct, frozen=True, kw_only=True):
    """Attributes 2 to 11; thresholds have the type and unit of the value that is watched."""

    watched: Watched
    threshold_active: Any
    threshold_normal: Any
    threshold_emergency: Any = None
    min_over_s: int | None = None
    """Above the threshold for so long before anything is done."""
    min_under_s: int | None = None
    emergency: Emergency | None = None
    emergency_groups: tuple[int, ...] = ()
    emergency_active: bool | None = None
    actions: LimiterActions | None = None


LIMITER: Final = CosemClass(
    71, Limiter,
    {
        2: WATCHED, 3: RAW, 4: RAW, 5: RAW, 6: U32, 7: U32,
        8: structure_of(Emergency, U16, MOMENT, U32), 9: array_of(U16), 10: BOOLEAN,
        11: structure_of(LimiterActions, SCRIPT, SCRIPT),
    },
)  # fmt: skip

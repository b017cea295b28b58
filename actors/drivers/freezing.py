"""A driver whose meters keep values by command."""

from datetime import datetime
from typing import Protocol, runtime_checkable

from protocols.dialogue import Dialogue
from protocols.dlt645.freezing import FreezeWanted


@runtime_checkable
class Freezing(Protocol):
    """See the module."""

    def freeze(self, wanted: FreezeWanted) -> Dialogue[datetime | None]:
        """Have values kept; return when the meter did, where it was to be now and it tells."""
        ...

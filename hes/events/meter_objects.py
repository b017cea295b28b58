"""What a meter has: its list of objects, kept so that it need not be read again."""

from typing import Final

from hes.events.base import DomainEvent, event

PART_SIZE: Final = 1500
"""An event must fit a RAW column of Oracle, 2,000 bytes; a longer list is split."""


@event("ObjectListRead/1")
class ObjectListRead(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """The meter told which objects it has.

    The list is packed (``protocols.dlms.object_list``). A long one is split: ``part`` of ``parts``,
    counted from 1 and stored together.
    """

    hash: bytes
    """8 bytes over the whole packed list: meters with the same objects have the same."""
    count: int
    """Objects in the whole list."""
    packed: bytes
    part: int = 1
    parts: int = 1

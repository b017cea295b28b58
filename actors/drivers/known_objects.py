"""The objects of a meter between two starts of the node: given to its driver, told as events."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol, runtime_checkable

from actors.drivers.base import Driver
from hes.events.meter_objects import PART_SIZE, ObjectListRead
from hes.meter_state import MeterState
from protocols.dlms.object_list import ObjectList


@runtime_checkable
class KnowsObjects(Protocol):
    """A driver whose meters list their objects."""

    def recall_objects(self, objects: ObjectList | None) -> None:
        """Take what the meter listed once, so that it is not asked again; None: it should be."""
        ...


def recall(driver: Driver, state: MeterState) -> None:
    """Tell a driver what is known of its meter's objects."""
    if isinstance(driver, KnowsObjects):
        driver.recall_objects(ObjectList(state.objects) if state.objects else None)


def objects_events(read: ObjectList | None, now: datetime) -> Sequence[ObjectListRead]:
    """Return the events that keep a list of objects that was just read."""
    if read is None:
        return []
    data = read.packed
    pieces = [data[at : at + PART_SIZE] for at in range(0, len(data), PART_SIZE)]
    return [
        ObjectListRead(
            received_at=now, hash=read.hash, count=read.count, packed=piece, part=number,
            parts=len(pieces),
        )
        for number, piece in enumerate(pieces, start=1)
    ]  # fmt: skip

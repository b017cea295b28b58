"""What every event is, and the register of all kinds.

The stored form is a msgpack array of the fields in order of definition; the topic says the class.
Therefore fields are only ever added at the end, with a default; a change of meaning is a new class
with a new topic and an up-caster (``hes.store.codec``); nothing is renamed or reordered.
"""

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar, Final, TypeVar

import msgspec

EVENT_TYPES: Final[dict[str, type["DomainEvent"]]] = {}
"""Topic to class, filled by the classes themselves."""


class DomainEvent(msgspec.Struct, frozen=True, array_like=True, kw_only=True, gc=False):
    """A fact about the meter, modem or node whose stream it stands in. It leads back to nothing."""

    topic: ClassVar[str] = ""

    received_at: datetime
    """By our clock, UTC: when we learnt of it."""
    device_time: datetime | None = None
    """By the device's clock, converted to UTC; None when it did not say.

    May be wrong by the drift of that clock.
    """


E = TypeVar("E", bound=DomainEvent)


def event(topic: str) -> Callable[[type[E]], type[E]]:
    """Register a class of events under ``topic``: name and version, e.g. ``Reading/1``."""

    def register(cls: type[E]) -> type[E]:
        if topic in EVENT_TYPES:
            raise TypeError(f"topic {topic} is taken by {EVENT_TYPES[topic].__qualname__}")
        cls.topic = topic
        EVENT_TYPES[topic] = cls
        return cls

    return register


class Recorded(msgspec.Struct, frozen=True, gc=False):
    """An event with its place in the log."""

    position: int
    """In the whole log: 1, 2, 3, ... without gaps."""
    stream: str
    version: int
    """In its stream: 1, 2, 3, ... without gaps."""
    event: DomainEvent

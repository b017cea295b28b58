"""The events of one commit of the log, with their places.

Nearly always nobody looks at each of them: a read model that lags reads the log itself, and a feed
that nobody listens to only counts. So ``Recorded`` are made when somebody asks for them.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple, overload

from hes.events.base import DomainEvent, Recorded


class Part(NamedTuple):
    """Events of one stream, one behind the other in the log."""

    position: int
    """Of the first."""
    stream: str
    version: int
    """Of the first."""
    events: Sequence[DomainEvent]


class Commit(Sequence[Recorded]):
    """See the module. Positions rise by one from each event to the next."""

    __slots__ = ("_parts", "_size")

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        self._size = sum([len(part[3]) for part in parts])

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Recorded]:
        for position, stream, version, events in self._parts:
            for n, event in enumerate(events):
                yield Recorded(position + n, stream, version + n, event)

    @overload
    def __getitem__(self, index: int) -> Recorded: ...

    @overload
    def __getitem__(self, index: slice) -> list[Recorded]: ...

    def __getitem__(self, index: int | slice) -> Recorded | list[Recorded]:
        if isinstance(index, slice):
            return list(self)[index]
        wanted = index + self._size if index < 0 else index
        for position, stream, version, events in self._parts:
            if 0 <= wanted < len(events):
                return Recorded(position + wanted, stream, version + wanted, events[wanted])
            wanted -= len(events)
        raise IndexError(f"event {index} of a commit of {self._size}")

    def number_of(self, kind: type[DomainEvent]) -> int:
        """Return how many events are of just this class."""
        events = chain.from_iterable([part[3] for part in self._parts])
        return list(map(type, events)).count(kind)

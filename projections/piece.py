"""Part of a batch: the events that all projections fold before any of them folds the next."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from hes.events.base import DomainEvent, Recorded

SIZE: Final = 500
"""Events. Their rows are in memory at a time, those of a whole batch never; and a server has the
first of them to write while we fold the next."""


class Piece:
    """Events in their order, and those of each kind."""

    def __init__(self, events: Sequence[Recorded]) -> None:
        self._events = events
        self._by_kind: dict[type[DomainEvent], Sequence[Recorded]] = _by_kind(events)

    def of(self, kinds: frozenset[type[DomainEvent]], after: int) -> Sequence[Recorded]:
        """Return the events of some kinds behind a position; an old event changes nothing."""
        found = kinds & self._by_kind.keys()
        if not found:
            return ()
        if self._events[0].position <= after:
            return [r for r in self._events if r.position > after and type(r.event) in found]
        if len(found) == len(self._by_kind):
            return self._events
        if len(found) == 1:
            return self._by_kind[next(iter(found))]
        return [r for r in self._events if type(r.event) in found]


def _by_kind(events: Sequence[Recorded]) -> dict[type[DomainEvent], Sequence[Recorded]]:
    kinds = [type(recorded.event) for recorded in events]
    if len(set(kinds)) == 1:
        return {kinds[0]: events}
    found: defaultdict[type[DomainEvent], list[Recorded]] = defaultdict(list)
    for kind, recorded in zip(kinds, events, strict=True):
        found[kind].append(recorded)
    return dict(found)


def pieces(batch: Sequence[Recorded]) -> Iterator[Piece]:
    """Yield a batch piece by piece."""
    for at in range(0, len(batch), SIZE):
        yield Piece(batch[at : at + SIZE])

"""Gives applications of the ``eventsourcing`` library our events instead of its own.

An application overrides ``construct_mapper``::

    def construct_mapper(self) -> Mapper[str]:
        return StructMapper(EventCodec(self.factory.layouts))
"""

import msgspec
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import JSONTranscoder, Mapper, StoredEvent

from hes.events.base import DomainEvent
from hes.store.codec import EventCodec


class StreamEvent(msgspec.Struct, frozen=True):
    """One of our events, in the place that the library asks every event for."""

    originator_id: str
    """The stream, e.g. ``meter:18097634``."""
    originator_version: int
    event: DomainEvent


class StructMapper(Mapper[str]):
    """Maps between stored events and ``StreamEvent``."""

    def __init__(self, codec: EventCodec) -> None:
        super().__init__(JSONTranscoder())
        self._codec = codec

    def to_stored_event(self, domain_event: DomainEventProtocol[str]) -> StoredEvent:
        """Return the stored form.

        Raises:
            TypeError: it is no ``StreamEvent``.
            StoreError: it holds what cannot be stored.

        """
        if not isinstance(domain_event, StreamEvent):
            raise TypeError(f"the log takes StreamEvent, not {type(domain_event).__qualname__}")
        topic, state = self._codec.encode(domain_event.event)
        return StoredEvent(
            domain_event.originator_id, domain_event.originator_version, topic, state
        )

    def to_domain_event(self, stored_event: StoredEvent) -> StreamEvent:
        """Return the event in its place.

        Raises:
            StoreError: it is of an unknown kind or damaged.

        """
        event = self._codec.decode(stored_event.topic, stored_event.state)
        return StreamEvent(str(stored_event.originator_id), stored_event.originator_version, event)

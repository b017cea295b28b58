"""Pages through streams of the log, one event after the other."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from hes.audit.errors import AuditError
from hes.events.base import DomainEvent
from hes.store.codec import EventCodec
from hes.store.errors import StoreError, StoreUnavailable
from hes.store.port import EventLog, StoredRow

PAGE: Final = 1000
BEFORE_ALL: Final = -1
"""Applications of the ``eventsourcing`` library begin with version 0."""


class Read(NamedTuple):
    """A stored event, and what it says."""

    row: StoredRow
    event: DomainEvent | None
    """None: this program cannot read it."""


def stream_rows(log: EventLog, stream: str, after: int = BEFORE_ALL) -> Iterator[StoredRow]:
    """Yield a stream in order, from the version behind ``after`` on."""
    while rows := log.read_stream(stream, after, PAGE):
        yield from rows
        after = rows[-1].version


def stream_back(log: EventLog, stream: str, before: int) -> Iterator[StoredRow]:
    """Yield a stream backwards, from below position ``before`` on."""
    size = 20  # what is looked for is near, most often
    while rows := log.read_stream_back(stream, before, size):
        yield from rows
        before, size = rows[-1].position, PAGE


def log_rows(log: EventLog, after: int = 0) -> Iterator[StoredRow]:
    """Yield the log in order up to where its head stands now."""
    head = log.head()
    while after < head and (rows := log.read(after, min(PAGE, head - after))):
        yield from rows
        after = rows[-1].position


def read(codec: EventCodec, row: StoredRow) -> Read:
    """Return what a row says, as far as that can be read.

    Raises:
        StoreUnavailable: the database is away.

    """
    try:
        return Read(row, codec.decode(row.topic, row.state))
    except StoreUnavailable:
        raise
    except StoreError:
        return Read(row, None)


def chain_of(log: EventLog, position: int) -> bytes:
    """Return the value of the hash chain at an event.

    Raises:
        AuditError: there is no such event.

    """
    found = log.chains(position - 1, 1)
    if not found:
        raise AuditError(f"event {position} is missing from the log; run hes verify")
    return found[0]

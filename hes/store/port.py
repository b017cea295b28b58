"""The port that every database of the event log fills.

Synchronous: the journal and the projections call it in worker threads. One writer at a time, which
``fence`` enforces; any number of readers beside it, each in its own thread.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from hes.events.layout import Layout
from hes.store.chain import ChainedRow


class Append(NamedTuple):
    """Events for the end of one stream."""

    stream: str
    expected: int | None
    """The version that the stream must have now; None: any."""
    rows: Sequence[tuple[str, bytes]]
    """Topic and state of each event."""


class Appended(NamedTuple):
    """Where the first of them stands now; the others follow without gaps."""

    position: int
    version: int


class Conflict(NamedTuple):
    """The stream was not at the expected version; nothing of this append was stored."""

    stream: str
    expected: int
    found: int

    def __str__(self) -> str:
        return f"{self.stream} is at version {self.found}, not {self.expected}"


class StoredRow(NamedTuple):
    """One stored event."""

    position: int
    stream: str
    version: int
    topic: str
    state: bytes


class EventLog(Protocol):
    """An append-only log of streams in one total order without gaps.

    Every method may raise ``StoreUnavailable`` (nothing was changed; try again later) and
    ``StoreError`` (a person must mend something; the message says what).
    """

    def append(
        self, batch: Sequence[Append], layouts: Sequence[Layout] = ()
    ) -> list[Appended | Conflict]:
        """Store a batch in one transaction; durable when this returns. Conflicts hurt nobody else.

        Appends of one batch to the same stream see each other, in order.

        Raises:
            StoreUnavailable: nothing was stored, or it is not known yet: append the same batch
                again, and it is stored once.
            StoreFenced: another node took over.

        """
        ...

    def fence(self) -> int:
        """Become the writer: appends of earlier writers fail from now on. Return the epoch."""
        ...

    def head(self) -> int:
        """Return the position of the last event; 0 for an empty log."""
        ...

    def check(self) -> int:
        """Return the position of the last event, if we may still write.

        Raises:
            StoreFenced: another node took over since our ``fence``.

        """
        ...

    def stream_head(self, stream: str) -> int:
        """Return the version of a stream's last event; 0 for a stream that is not there."""
        ...

    def read(self, after: int, limit: int) -> list[StoredRow]:
        """Return at most ``limit`` events with a position above ``after``, in order."""
        ...

    def read_back(self, before: int, limit: int) -> list[StoredRow]:
        """Return at most ``limit`` events with a position below ``before``, the newest first."""
        ...

    def read_stream(self, stream: str, after: int, limit: int) -> list[StoredRow]:
        """Return at most ``limit`` events of a stream with a version above ``after``."""
        ...

    def read_stream_back(self, stream: str, before: int, limit: int) -> list[StoredRow]:
        """Return at most ``limit`` events of a stream below position ``before``, newest first."""
        ...

    def read_chained(self, after: int, limit: int) -> list[ChainedRow]:
        """Return what ``read`` does, with the values of the hash chains (``hes.store.chain``)."""
        ...

    def chains(self, after: int, limit: int) -> list[bytes]:
        """Return the values of the chains alone, of at most ``limit`` events above ``after``.

        Without a gap: they end where events were purged.
        """
        ...

    def sealed_to(self) -> int:
        """Return up to which position events stand in sealed blocks; 0: none do."""
        ...

    def purged(self) -> list[tuple[int, int]]:
        """Return the spans of positions, first and last, of which events were purged."""
        ...

    def purged_end(self, stream: str, version: int) -> tuple[int, bytes] | None:
        """Return version and chain value of the last event before ``version`` that was purged.

        None unless it is the one right before: an event follows on what this returns, or on the
        one before it that is there.
        """
        ...

    def streams(self, prefix: str, limit: int, after: str = "") -> list[str]:
        """Return at most ``limit`` names that begin with ``prefix``, sorted, behind ``after``."""
        ...

    def layouts(self) -> list[Layout]:
        """Return all stored channel layouts."""
        ...

    def layout(self, layout_id: int) -> Layout | None:
        """Return one stored channel layout."""
        ...

    def save_snapshot(self, stream: str, version: int, state: bytes) -> None:
        """Keep the state of a stream's reader at ``version``, unless a later one is kept."""
        ...

    def load_snapshot(self, stream: str) -> tuple[int, bytes] | None:
        """Return the version of the kept state, and the state."""
        ...

    def save_secrets(self, secrets: Mapping[str, bytes | None]) -> None:
        """Keep values beside the log, under names; None removes one. They are no events."""
        ...

    def load_secrets(self) -> dict[str, bytes]:
        """Return all kept values."""
        ...

    def close(self) -> None:
        """Close all connections of this process; nothing works afterwards."""
        ...

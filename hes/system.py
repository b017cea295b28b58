"""What a node says of itself to those who keep it running: its stores, its doors, its memory.

Plain data, as the API gives it; nothing in it is secret.
"""

from datetime import datetime

import msgspec


class StoreFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A database of the node."""

    kind: str
    """``sqlite``, ``postgresql`` or ``oracle``."""
    problem: str | None
    """What stands in the way now, in a sentence; None: nothing that we know of."""


class QueueFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Events on their way into the log."""

    waiting: int
    waiting_max: int
    """Beyond it the devices wait for their confirmations."""
    committing: int
    """Streams in the batch that is being written."""


class ListenerFacts(msgspec.Struct, frozen=True, kw_only=True):
    """A port on which modems call."""

    name: str
    link: str
    bind: str
    """``host:port`` as it is bound now."""
    unnamed: int
    """Callers that have not said who they are."""


class ProcessFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The process; None where the system does not tell."""

    resident_bytes: int | None
    files_open: int | None
    files_max: int | None
    cpu_s: float
    """Seconds of processor time since the start."""


class ConnectionFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Sockets of modems and meters since the hub started."""

    open: int
    accepted: int
    refused: int
    """Turned away because too many called at once."""
    faults: int


class SealingFacts(msgspec.Struct, frozen=True, kw_only=True):
    """The daily run that seals old days of the event log (``hes.app.sealing_job``)."""

    after_days: int
    """Whole local days before the present one that stay as they are."""
    is_running: bool = False
    at: int = 0
    """Position that the run has come to."""
    position: int = 0
    """Everything up to here is sealed."""
    looked_at: datetime | None = None
    """When the last run began that ended well; None: there was none since the start."""
    sealed_at: datetime | None = None
    """When the last run began that had something to do; what it did follows."""
    events: int = 0
    octets: int = 0
    """Of the blocks."""
    lasted_s: float = 0.0
    events_total: int = 0
    """Since the start of the node."""
    octets_total: int = 0
    problem: str | None = None
    """Why the last run failed, in a sentence; it is tried again."""


class SystemFacts(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    node: str
    version: str
    started_at: datetime
    store: StoreFacts
    read_model: StoreFacts
    reports: str | None
    """Kind of the database for long queries, where that is another one."""
    queue: QueueFacts
    listeners: tuple[ListenerFacts, ...]
    connections: ConnectionFacts | None
    """None: the hub does not run at this moment."""
    process: ProcessFacts
    meter_types: int
    sealing: SealingFacts | None = None
    """None: this node does not seal."""

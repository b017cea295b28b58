"""Opens the databases of a node, or says in a sentence why they cannot be opened."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from os import getpid

from hes.app.errors import StartError
from hes.clock import Clock
from hes.config import Config
from hes.events.base import DomainEvent
from hes.events.node import NodeStarted, NodeStopped
from hes.ids import node_stream
from hes.store.codec import EventCodec
from hes.store.errors import StoreError
from hes.store.open import open_codec, open_log
from hes.store.port import Append, EventLog
from projections.errors import ReadModelError
from projections.queries import ReadModel
from projections.sql.sqlite import path_of

VERSION = version("hes")


class Stores:
    """The event log, its codec, and the read models' queries."""

    def __init__(self, config: Config) -> None:
        self.log: EventLog = open_log(config.store.url)
        self.codec: EventCodec = open_codec(self.log)
        self.read_model_path = path_of(config.read_model.url)
        self.read_model = ReadModel(self.read_model_path)

    def write_now(self, node: str, event: DomainEvent) -> None:
        """Append one event of the node itself, while no journal runs."""
        self.log.append([Append(node_stream(node), None, [self.codec.encode(event)])])

    def close(self) -> None:
        """Close everything."""
        self.read_model.close()
        self.log.close()


@contextmanager
def open_stores(config: Config, clock: Clock) -> Iterator[Stores]:
    """Open the databases, as the one writer from now on; note the start and the end.

    Raises:
        StartError: one of them cannot be used.

    """
    stores: Stores | None = None
    try:
        stores = Stores(config)
        stores.log.fence()
        started = NodeStarted(received_at=clock.now(), version=VERSION, pid=getpid())
        stores.write_now(config.node.name, started)
    except (StoreError, ReadModelError) as problem:
        if stores is not None:
            stores.close()
        raise StartError(str(problem)) from None
    try:
        yield stores
        stopped = NodeStopped(received_at=clock.now(), reason="told to stop; drained")
        stores.write_now(config.node.name, stopped)
    finally:
        stores.close()

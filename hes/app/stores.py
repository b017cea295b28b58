"""Opens the databases of a node, or says in a sentence why they cannot be opened."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from importlib.metadata import version
from os import getpid

from hes.app.errors import StartError
from hes.app.settings_told import configured, last_digest, settings_text, starter
from hes.clock import Clock
from hes.config import Config, ReadModelConfig
from hes.events.base import DomainEvent
from hes.events.node import NodeStarted, NodeStopped
from hes.ids import node_stream
from hes.store.codec import EventCodec
from hes.store.errors import StoreError
from hes.store.open import open_codec, open_database
from hes.store.port import Append, EventLog
from hes.store.sql_log import SqlEventLog
from projections.errors import ReadModelError
from projections.queries import ReadModel
from projections.sql.places import Place, open_place

VERSION = version("hes")


def places_of(wanted: ReadModelConfig) -> tuple[Place, Place | None]:
    """Return where the read models are, and where long queries go instead.

    Raises:
        ReadModelError: URL or password file cannot be used.

    """
    place = open_place(wanted.url, wanted.password_file, partitions=wanted.partitions)
    if wanted.report_url is None:
        return place, None
    return place, open_place(wanted.report_url, wanted.password_file, partitions=wanted.partitions)


class Stores:
    """The event log, its codec, and the read models' queries."""

    def __init__(self, config: Config) -> None:
        self.database, _ = open_database(config.store.url, config.store.password_file)
        self.log: EventLog = SqlEventLog(self.database)
        self.codec: EventCodec = open_codec(self.log)
        self.read_model_place, reports = places_of(config.read_model)
        self.read_model = ReadModel(self.read_model_place, reports)

    def write_now(self, node: str, event: DomainEvent) -> None:
        """Append one event of the node itself, while no journal runs."""
        self.log.append([Append(node_stream(node), None, [self.codec.encode(event)])])

    def write_settings(self, config: Config, now: datetime) -> None:
        """Append what the node is told, unless the log says the same already."""
        stream = node_stream(config.node.name)
        facts = configured(settings_text(config), now, starter())
        if last_digest(self.log, self.codec, stream) != facts[0].digest:
            self.log.append([Append(stream, None, list(map(self.codec.encode, facts)))])

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
        stores.write_settings(config, clock.now())
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

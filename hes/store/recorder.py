"""Our event log as recorders of the ``eventsourcing`` library, so that its applications open it.

``PERSISTENCE_MODULE=hes.store.recorder`` and ``HES_STORE_URL=sqlite:///hes-events.db`` in the
environment of an ``Application`` are enough. Names of streams are texts; with
``ORIGINATOR_ID_TYPE=uuid`` they are UUIDs, in hex. Nothing of this is on the path of a frame.
"""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeVar
from uuid import UUID

from eventsourcing.persistence import (
    AggregateRecorder,
    ApplicationRecorder,
    InfrastructureFactory,
    IntegrityError,
    Notification,
    OperationalError,
    PersistenceError,
    ProcessRecorder,
    StoredEvent,
    Subscription,
    Tracking,
    TrackingRecorder,
)
from eventsourcing.utils import Environment, EnvType, resolve_topic, strtobool

from hes.store.codec import LayoutBook
from hes.store.errors import StoreDuplicate, StoreError, StoreUnavailable
from hes.store.open import open_database
from hes.store.records import Bounds, Record, Records
from hes.store.sql_log import SqlEventLog
from hes.store.sql_records import SqlRecords

STORE_URL: Final = "HES_STORE_URL"
PASSWORD_FILE: Final = "HES_STORE_PASSWORD_FILE"  # noqa: S105 -- a name
ORIGINATOR_ID_TYPE: Final = "ORIGINATOR_ID_TYPE"
CREATE_TABLE: Final = "CREATE_TABLE"


@contextlib.contextmanager
def _library_errors() -> Iterator[None]:
    """Raise the library's errors for ours."""
    try:
        yield
    except StoreDuplicate as problem:
        raise IntegrityError(str(problem)) from problem
    except StoreUnavailable as problem:
        raise OperationalError(str(problem)) from problem
    except StoreError as problem:
        raise PersistenceError(str(problem)) from problem


class _Recorder:
    """What all recorders have."""

    def __init__(self, records: Records, layouts: LayoutBook, *, uuids: bool = False) -> None:
        self._records = records
        self._layouts = layouts
        self._uuids = uuids

    def _record(self, event: StoredEvent) -> Record:
        return Record(
            _name(event.originator_id), event.originator_version, event.topic, event.state
        )

    def _id(self, name: str) -> UUID | str:
        return UUID(name) if self._uuids else name

    def _select(
        self, originator_id: UUID | str, bounds: Bounds, *, aside: bool = False
    ) -> list[StoredEvent]:
        with _library_errors():
            records = self._records.select(_name(originator_id), bounds, aside=aside)
        return [StoredEvent(originator_id, *record[1:]) for record in records]


R = TypeVar("R", bound=_Recorder)


class StoreAggregateRecorder(_Recorder, AggregateRecorder):
    """Records beside the log: what is no fact of its own, such as the library's snapshots."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> None:
        """Store all or nothing."""
        with _library_errors():
            self._records.insert_aside([self._record(event) for event in stored_events])

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Return a part of one sequence."""
        return self._select(originator_id, Bounds(gt, lte, desc, limit), aside=True)


class StoreApplicationRecorder(_Recorder, ApplicationRecorder):
    """Records in the log itself."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int]:
        """Store all or nothing, with the layouts that they refer to; return the positions."""
        tracking: Tracking | None = kwargs.get("tracking")
        layouts = self._layouts.take_unsaved()
        try:
            with _library_errors():
                return self._records.insert(
                    [self._record(event) for event in stored_events],
                    layouts,
                    None if tracking is None else _pair(tracking),
                )
        except PersistenceError:
            self._layouts.put_back(layouts)
            raise

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Return a part of one stream."""
        return self._select(originator_id, Bounds(gt, lte, desc, limit))

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Return a page of the log."""
        first = 1 if start is None else start if inclusive_of_start else start + 1
        with _library_errors():
            rows = self._records.page(first, stop, topics, limit)
        return [
            Notification(
                id=row.position,
                originator_id=self._id(row.stream),
                originator_version=row.version,
                topic=row.topic,
                state=row.state,
            )
            for row in rows
        ]

    def max_notification_id(self) -> int | None:
        """Return the position of the last event."""
        with _library_errors():
            return self._records.head() or None

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[ApplicationRecorder]:
        """Refuse, as the library's own recorder for SQLite does: page the log instead."""
        raise NotImplementedError("the event log has no subscriptions; use select_notifications")


class StoreTrackingRecorder(_Recorder, TrackingRecorder):
    """Remembers how far each application has processed the log of another."""

    def insert_tracking(self, tracking: Tracking) -> None:
        """Note a position; it must be ahead of the one before."""
        with _library_errors():
            self._records.insert_tracking(*_pair(tracking))

    def max_tracking_id(self, application_name: str) -> int | None:
        """Return the last position noted."""
        with _library_errors():
            return self._records.tracked(application_name)


class StoreProcessRecorder(StoreTrackingRecorder, StoreApplicationRecorder, ProcessRecorder):
    """Both, in one transaction."""


class StoreFactory(InfrastructureFactory[TrackingRecorder]):
    """Makes recorders for the log that ``HES_STORE_URL`` names."""

    def __init__(self, env: Environment | EnvType | None) -> None:
        super().__init__(env)
        url = self.env.get(STORE_URL)
        if not url:
            # The library's own factories raise OSError for this.
            raise OSError(f"set {STORE_URL} to the log, e.g. sqlite:///hes-events.db")
        self._database, self._schema = open_database(url, self.env.get(PASSWORD_FILE))
        self.layouts = LayoutBook(fetch=SqlEventLog(self._database).layout)
        """Shared with the mapper: see ``hes.store.mapper``."""

    def aggregate_recorder(self, purpose: str = "events") -> StoreAggregateRecorder:
        """Return a recorder for what stands beside the log, whatever its purpose."""
        return self._made(StoreAggregateRecorder)

    def application_recorder(self) -> StoreApplicationRecorder:
        """Return a recorder for the log."""
        return self._made(self._class(self.APPLICATION_RECORDER_TOPIC, StoreApplicationRecorder))

    def tracking_recorder(
        self, tracking_recorder_class: type[TrackingRecorder] | None = None
    ) -> StoreTrackingRecorder:
        """Return a recorder of positions, of a class of one's own if need be."""
        chosen = tracking_recorder_class or self._class(
            self.TRACKING_RECORDER_TOPIC, StoreTrackingRecorder
        )
        if not issubclass(chosen, StoreTrackingRecorder):
            raise TypeError(f"{chosen.__qualname__} is no subclass of StoreTrackingRecorder")
        return self._made(chosen)

    def process_recorder(self) -> StoreProcessRecorder:
        """Return a recorder for the log that notes positions in the same transaction."""
        return self._made(self._class(self.PROCESS_RECORDER_TOPIC, StoreProcessRecorder))

    def close(self) -> None:
        """Close the log."""
        self._database.close()

    def _class(self, variable: str, default: type[R]) -> type[R]:
        topic = self.env.get(variable)
        chosen: type[R] = resolve_topic(topic) if topic else default
        return chosen

    def _made(self, kind: type[R]) -> R:
        records = SqlRecords(self._database, self._schema)
        if strtobool(self.env.get(CREATE_TABLE) or "yes"):
            records.create_tables()
        uuids = (self.env.get(ORIGINATOR_ID_TYPE) or "text").lower() == "uuid"
        return kind(records, self.layouts, uuids=uuids)


def _pair(tracking: Tracking) -> tuple[str, int]:
    return tracking.application_name, tracking.notification_id


def _name(originator_id: UUID | str) -> str:
    return originator_id.hex if isinstance(originator_id, UUID) else originator_id

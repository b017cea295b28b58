"""The library's own test cases, run against our recorders; and one of its applications on our log.

``subscribe`` is left out, as the library does for SQLite.
"""

import itertools
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast
from uuid import UUID

import pytest
from eventsourcing.application import Application
from eventsourcing.persistence import IntegrityError, Mapper, OperationalError, PersistenceError
from eventsourcing.tests import persistence as library
from eventsourcing.utils import Environment, get_topic
from stores import NEEDS, Place, places

from hes.events.layout import Channel, Layout
from hes.events.node import NodeStarted
from hes.events.reading import Reading, Source
from hes.store.codec import EventCodec
from hes.store.mapper import StreamEvent, StructMapper
from hes.store.open import open_codec
from hes.store.port import Append
from hes.store.recorder import (
    StoreAggregateRecorder,
    StoreApplicationRecorder,
    StoreFactory,
    StoreProcessRecorder,
    StoreTrackingRecorder,
)

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
NUMBERS = itertools.count(1)


class OnOurLog:
    """Mixed into the library's cases: each gets an empty log of its own."""

    kind: str
    ids = "text"
    factory: StoreFactory

    @pytest.fixture(autouse=True)
    def _place(self, request: pytest.FixtureRequest) -> Iterator[None]:
        place = places(self.kind, request)()
        self.factory = StoreFactory(environment(place) | {"ORIGINATOR_ID_TYPE": self.ids})
        yield
        self.factory.close()

    def new_originator_id(self) -> UUID | str:
        number = next(NUMBERS)
        return UUID(int=number) if self.ids == "uuid" else f"meter:{number}"


class AggregateRecorder(OnOurLog, library.AggregateRecorderTestCase):
    def create_recorder(self) -> StoreAggregateRecorder:
        return self.factory.aggregate_recorder()


class ApplicationRecorder(OnOurLog, library.ApplicationRecorderTestCase[Any]):
    def create_recorder(self) -> StoreApplicationRecorder:
        return self.factory.application_recorder()


class ApplicationRecorderWithUuids(ApplicationRecorder):
    ids = "uuid"


class TrackingRecorder(OnOurLog, library.TrackingRecorderTestCase):
    def create_recorder(self) -> StoreTrackingRecorder:
        return self.factory.tracking_recorder()


class ProcessRecorder(OnOurLog, library.ProcessRecorderTestCase):
    def create_recorder(self) -> StoreProcessRecorder:
        return self.factory.process_recorder()


class NonInterleavingIds(OnOurLog, library.NonInterleavingNotificationIDsBaseCase):
    def create_recorder(self) -> StoreApplicationRecorder:
        return self.factory.application_recorder()


# The library's cases are unittest's, which take no parameters: a class for each database.
CASES: Final = (
    AggregateRecorder,
    ApplicationRecorder,
    ApplicationRecorderWithUuids,
    TrackingRecorder,
    ProcessRecorder,
    NonInterleavingIds,
)
for _kind, _needed in NEEDS.items():
    for _case in CASES:
        _name = f"Test{_kind.capitalize()}{_case.__name__}"
        _made = type(_name, (_case,), {"kind": _kind, "__module__": __name__, "__test__": True})
        globals()[_name] = pytest.mark.databases(_made) if _needed else _made
for _case in CASES:
    del globals()[_case.__name__]  # without a database of their own they are no cases
del _case, _made


class OwnTrackingRecorder(StoreTrackingRecorder):
    """A view of one's own that tracks in our tables."""


class TestFactory(library.InfrastructureFactoryTestCase[StoreFactory]):
    def expected_factory_class(self) -> type[StoreFactory]:
        return StoreFactory

    def expected_aggregate_recorder_class(self) -> type[StoreAggregateRecorder]:
        return StoreAggregateRecorder

    def expected_application_recorder_class(self) -> type[StoreApplicationRecorder]:
        return StoreApplicationRecorder

    def expected_tracking_recorder_class(self) -> type[StoreTrackingRecorder]:
        return StoreTrackingRecorder

    def tracking_recorder_subclass(self) -> type[StoreTrackingRecorder]:
        return OwnTrackingRecorder

    def expected_process_recorder_class(self) -> type[StoreProcessRecorder]:
        return StoreProcessRecorder

    def setUp(self) -> None:
        self.env = Environment(
            "TestCase",
            {"PERSISTENCE_MODULE": "hes.store.recorder", "HES_STORE_URL": "sqlite://"},
        )
        super().setUp()


def environment(place: Place) -> dict[str, str]:
    """Return what an application of the library is told."""
    found = {"PERSISTENCE_MODULE": "hes.store.recorder", "HES_STORE_URL": place.url}
    if place.password_file is not None:
        found["HES_STORE_PASSWORD_FILE"] = place.password_file
    return found


class StreamApplication(Application[str]):
    """A plain application of the library that reads our streams."""

    def construct_mapper(self) -> Mapper[str]:
        return StructMapper(EventCodec(cast(StoreFactory, self.factory).layouts))


def reading(value: int, *obis: str) -> Reading:
    layout = Layout(tuple(Channel(code, -1, 35) for code in obis))
    return Reading(received_at=NOW, source=Source.PUSH, layout=layout, values=(value,) * len(obis))


def stored_by_us(place: Place, *events: Reading | NodeStarted) -> None:
    log = place.open()
    log.fence()
    codec = open_codec(log)
    rows = [codec.encode(event) for event in events]
    log.append([Append("meter:1", None, rows)], codec.layouts.take_unsaved())
    log.close()


def application(place: Place) -> StreamApplication:
    return StreamApplication(environment(place))


def test_an_application_of_the_library_reads_what_the_journal_wrote(place: Place) -> None:
    first, second = (
        reading(2301, "1.0.32.7.0.255"),
        NodeStarted(received_at=NOW, version="1", pid=7),
    )
    stored_by_us(place, first, second)
    with application(place) as app:
        assert list(app.events.get("meter:1")) == [
            StreamEvent("meter:1", 1, first),
            StreamEvent("meter:1", 2, second),
        ]
        notifications = app.notification_log.select(start=2, limit=10)
        assert [(n.id, n.originator_id, n.topic) for n in notifications] == [
            (2, "meter:1", "NodeStarted/1")
        ]


def test_the_journal_goes_on_behind_what_an_application_wrote(place: Place) -> None:
    log = place.open()
    log.fence()
    codec = open_codec(log)
    log.append([Append("meter:1", None, [codec.encode(reading(1))])], codec.layouts.take_unsaved())
    theirs = reading(2, "1.0.52.7.0.255")
    with application(place) as app:
        app.events.put([StreamEvent("meter:1", 2, theirs)])
        with pytest.raises(IntegrityError):
            app.events.put([StreamEvent("meter:1", 2, theirs)])
    (appended,) = log.append([Append("meter:1", 2, [codec.encode(reading(3))])])
    assert appended == (3, 3)
    events = [codec.recorded(row).event for row in log.read(0, 10)]
    assert events == [reading(1), theirs, reading(3)]
    log.close()


def test_a_layout_that_could_not_be_stored_is_stored_with_the_next_event(place: Place) -> None:
    stored_by_us(place, reading(1))
    theirs = reading(2, "1.0.72.7.0.255")
    with application(place) as app:
        with pytest.raises(IntegrityError):
            app.events.put([StreamEvent("meter:1", 1, theirs)])
        app.events.put([StreamEvent("meter:1", 2, theirs)])
    log = place.open()
    (row,) = log.read(1, 1)
    assert open_codec(log).recorded(row).event == theirs
    log.close()


def test_what_is_no_event_of_ours_is_refused(place: Place) -> None:
    with application(place) as app, pytest.raises(TypeError, match="takes StreamEvent, not str"):
        app.mapper.to_stored_event(cast(Any, "reading"))


def test_a_log_that_is_gone_is_an_error_of_the_library(place: Place) -> None:
    app = application(place)
    app.close()
    with pytest.raises(PersistenceError, match="is closed"):
        app.recorder.max_notification_id()


def test_a_log_that_is_busy_is_an_error_that_passes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hes.store.sqlite_file.BUSY_S", 0.05)
    with application(Place(f"sqlite:///{tmp_path}/events.db")) as app:
        holder = sqlite3.connect(tmp_path / "events.db", isolation_level=None)
        holder.execute("BEGIN IMMEDIATE")
        with pytest.raises(OperationalError, match="held by another program"):
            app.events.put([StreamEvent("meter:1", 1, reading(1, "1.0.1.8.0.255"))])
        holder.close()


def test_without_a_url_the_factory_says_what_to_set() -> None:
    with pytest.raises(OSError, match="set HES_STORE_URL"):
        StoreFactory({})


def test_a_tracking_recorder_of_another_store_is_refused() -> None:
    factory = StoreFactory({"HES_STORE_URL": "sqlite://"})
    with pytest.raises(TypeError, match="no subclass of StoreTrackingRecorder"):
        factory.tracking_recorder(cast(Any, OnOurLog))
    factory.close()


def test_own_recorder_classes_are_found_by_topic() -> None:
    topic = get_topic(OwnTrackingRecorder)
    factory = StoreFactory({"HES_STORE_URL": "sqlite://", "TRACKING_RECORDER_TOPIC": topic})
    assert type(factory.tracking_recorder()) is OwnTrackingRecorder
    factory.close()


def test_notifications_are_paged_without_gaps(place: Place) -> None:
    stored_by_us(place, *(reading(n) for n in range(25)))
    with application(place) as app:
        pages = [app.recorder.select_notifications(1 + n * 10, 10) for n in range(3)]
        ids = [n.id for page in pages for n in page]
        assert ids == list(range(1, 26))

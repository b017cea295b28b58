"""The memory of a meter equals the fold of its stream, whatever was kept of it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from hes.events.device import CounterReserved
from hes.events.power import PowerFailure, PowerSign
from hes.ids import StreamId
from hes.meter_state import MeterState
from hes.store.codec import EventCodec
from hes.store.loading import PAGE, load_state
from hes.store.open import open_codec, open_log
from hes.store.port import Append, EventLog

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
STREAM = StreamId("meter:1")


@pytest.fixture
def log() -> Iterator[EventLog]:
    log = open_log("sqlite://")
    log.fence()
    yield log
    log.close()


@pytest.fixture
def codec(log: EventLog) -> EventCodec:
    return open_codec(log)


def reserve(log: EventLog, codec: EventCodec, *below: int) -> None:
    rows = [codec.encode(CounterReserved(received_at=NOW, below=n)) for n in below]
    log.append([Append(STREAM, None, rows)])


def test_a_meter_without_events_remembers_nothing(log: EventLog, codec: EventCodec) -> None:
    assert load_state(log, codec, STREAM) == (MeterState(), 0)


def test_all_pages_of_a_stream_are_folded(log: EventLog, codec: EventCodec) -> None:
    reserve(log, codec, *range(1, 2 * PAGE + 2))
    state, version = load_state(log, codec, STREAM)
    assert (state.counter_reserved, version) == (2 * PAGE + 1, 2 * PAGE + 1)


def test_the_fold_goes_on_from_the_snapshot(log: EventLog, codec: EventCodec) -> None:
    reserve(log, codec, 5, 6)
    # What no event says shows that the snapshot was used.
    kept = MeterState(counter_reserved=6, drifting=True)
    log.save_snapshot(STREAM, 2, kept.snapshot())
    failed_at = NOW + timedelta(seconds=1)
    failure = PowerFailure(received_at=failed_at, sign=PowerSign.LAST_GASP)
    log.append([Append(STREAM, 2, [codec.encode(failure)])])
    state, version = load_state(log, codec, STREAM)
    assert version == 3
    assert state == MeterState(counter_reserved=6, drifting=True, failed_at=failed_at)


def test_a_snapshot_of_another_version_is_passed_over(log: EventLog, codec: EventCodec) -> None:
    reserve(log, codec, 5, 6)
    log.save_snapshot(STREAM, 2, b"\x01 something else")
    state, version = load_state(log, codec, STREAM)
    assert (state.counter_reserved, version) == (6, 2)

"""Hash chains and anchors on every database, whoever wrote the events."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from hes.events.layout import Channel, Layout
from hes.store.anchor import STREAM, next_anchor
from hes.store.chain import Verifier
from hes.store.codec import EventCodec
from hes.store.errors import StoreDuplicate
from hes.store.port import Append, EventLog
from hes.store.records import Record
from hes.store.schema import SCHEMAS
from hes.store.sql_log import SqlEventLog
from hes.store.sql_records import SqlRecords

NOW = datetime(2026, 5, 1, 0, 5, tzinfo=UTC)
LONG = bytes(range(256)) * 30
"""More octets than a row of Oracle takes."""


def check(log: EventLog, page: int = 3) -> int:
    """Verify the whole log in pages; return how many events it has."""
    verifier = Verifier()
    at = 0
    while rows := log.read_chained(at, page):
        assert list(verifier.take(rows)) == []
        at = rows[-1].position
    assert verifier.end(log.head()) is None
    return at


def records_of(log: EventLog) -> SqlRecords:
    assert isinstance(log, SqlEventLog)
    kind = {"SqliteFile": "sqlite", "PostgresDatabase": "postgresql", "OracleDatabase": "oracle"}
    records = SqlRecords(log._database, SCHEMAS[kind[type(log._database).__name__]])
    records.create_tables()
    return records


def row(state: bytes = b"x", topic: str = "Reading/1") -> tuple[str, bytes]:
    return topic, state


def test_batches_streams_and_reopening_keep_one_chain(
    opener: Callable[[], EventLog], log: EventLog
) -> None:
    log.append([Append("meter:1", None, [row(), row(b"")]), Append("meter:2", 0, [row(LONG)])])
    log.append([Append("meter:1", 7, [row(b"conflict")]), Append("meter:1", 2, [row(topic="B/1")])])
    again = opener()
    again.fence()
    again.append([Append("meter:1", 3, [row(LONG), row(b"z")]), Append("node:a", 0, [row()])])
    assert check(again) == 7
    assert log.chains(2, 3) == [found.chain for found in log.read_chained(2, 3)]
    assert {len(chain) for chain in log.chains(0, 100)} == {32}


def test_the_journal_and_an_application_take_turns_in_one_chain(log: EventLog) -> None:
    records = records_of(log)
    log.append([Append("meter:1", 0, [row()])])
    assert records.insert([Record("meter:1", 4, "A/1", LONG), Record("new", 0, "A/1", b"")]) == [
        2,
        3,
    ]
    log.append([Append("meter:1", 4, [row()]), Append("new", None, [row()])])
    assert records.insert([Record("new", 9, "A/1", b""), Record("new", 11, "A/1", b"")]) == [6, 7]
    assert check(log) == 7
    assert [found.version for found in log.read_stream("new", -1, 10)] == [0, 1, 9, 11]


def test_an_application_may_not_write_behind_what_is_there(log: EventLog) -> None:
    """So the chain of a stream runs in the order of its versions too."""
    records = records_of(log)
    records.insert([Record("a", 5, "A/1", b"")])
    for version in (5, 4, 0):
        with pytest.raises(StoreDuplicate, match="a has events up to version 5"):
            records.insert([Record("b", 1, "A/1", b""), Record("a", version, "A/1", b"")])
    with pytest.raises(StoreDuplicate):
        records.insert([Record("c", 1, "A/1", b""), Record("c", 1, "A/1", b"")])
    assert check(log) == 1
    assert log.streams("b", 1) == []


def test_what_stands_aside_is_kept_apart(log: EventLog) -> None:
    records = records_of(log)
    records.insert_aside([Record("s", 3, "S/1", LONG), Record("s", 1, "S/1", b"")])
    with pytest.raises(StoreDuplicate):
        records.insert_aside([Record("s", 3, "S/1", b"again")])
    log.append([Append("s", 0, [row()])])
    assert check(log) == 1


def test_anchors_cover_the_whole_log(log: EventLog) -> None:
    codec = EventCodec()
    for count in (3, 1):
        log.append([Append("meter:1", None, [row()] * count)])
        event = next_anchor(log, codec, NOW)
        assert event is not None
        log.append([Append(STREAM, None, [codec.encode(event)])])
    assert (event.first, event.last) == (4, 5)
    assert check(log) == 6


def test_long_states_of_every_kind_come_back(opener: Callable[[], EventLog], log: EventLog) -> None:
    wide = Layout(tuple(Channel(f"1.0.{n}.8.0.255", 0, 30, 3, 2) for n in range(250)))
    exact = [bytes([n]) * size for n, size in enumerate((1999, 2000, 2001, 4000, 4001), 1)]
    log.append([Append("meter:1", 0, [row(state) for state in exact])], [wide])
    log.save_snapshot("meter:1", 4, LONG)
    log.save_snapshot("meter:1", 5, LONG[:2500])
    other = opener()
    assert [found.state for found in other.read_stream("meter:1", 0, 10)] == exact
    assert [found.state for found in other.read_back(6, 2)] == [exact[4], exact[3]]
    assert other.layouts() == [wide]
    assert other.load_snapshot("meter:1") == (5, LONG[:2500])
    log.save_snapshot("meter:1", 6, b"short")
    assert other.load_snapshot("meter:1") == (6, b"short")

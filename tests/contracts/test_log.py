"""What every database of the event log must do. One more: a line in ``stores.NEEDS``."""

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from stores import KINDS, places

from hes.events.layout import Channel, Layout
from hes.events.reading import Reading, Source
from hes.store.codec import EventCodec, LayoutBook
from hes.store.errors import StoreFenced
from hes.store.port import Append, Appended, Conflict, EventLog, StoredRow

Opener = Callable[[], EventLog]

NOW = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
LAYOUTS = [Layout((Channel(f"1.0.{n}.8.0.255", 0, 30),)) for n in range(1, 4)]


def rows(*states: bytes) -> list[tuple[str, bytes]]:
    return [("Reading/1", state) for state in states]


def append(log: EventLog, stream: str, *states: bytes, expected: int | None = None) -> None:
    (result,) = log.append([Append(stream, expected, rows(*states))])
    assert isinstance(result, Appended), result


# -- order


def test_an_empty_log_has_nothing(log: EventLog) -> None:
    assert log.head() == 0
    assert log.read(0, 10) == log.read_back(1, 10) == []
    assert log.read_stream("meter:1", 0, 10) == log.read_stream_back("meter:1", 9, 10) == []
    assert log.stream_head("meter:1") == 0
    assert log.streams("", 10) == log.layouts() == []
    assert log.layout(1) is None
    assert log.load_snapshot("meter:1") is None
    assert log.load_secrets() == {}


def test_events_come_back_with_their_places(log: EventLog) -> None:
    results = log.append(
        [
            Append("meter:1", 0, [("Reading/1", b"a"), ("PowerFailure/1", b"b")]),
            Append("modem:9", None, [("ModemConnected/1", b"c")]),
        ]
    )
    assert results == [Appended(1, 1), Appended(3, 1)]
    assert log.read(0, 10) == [
        StoredRow(1, "meter:1", 1, "Reading/1", b"a"),
        StoredRow(2, "meter:1", 2, "PowerFailure/1", b"b"),
        StoredRow(3, "modem:9", 1, "ModemConnected/1", b"c"),
    ]


def test_interleaved_streams_keep_their_own_versions(log: EventLog) -> None:
    for n in range(6):
        append(log, f"meter:{n % 2}", bytes([n]))
    assert [row.state[0] for row in log.read_stream("meter:0", 0, 10)] == [0, 2, 4]
    assert [(row.version, row.position) for row in log.read_stream("meter:1", 0, 10)] == [
        (1, 2),
        (2, 4),
        (3, 6),
    ]
    assert log.stream_head("meter:1") == 3
    assert log.head() == 6


def test_pages_follow_each_other(log: EventLog) -> None:
    append(log, "meter:1", *(bytes([n]) for n in range(10)))
    assert [row.position for row in log.read(0, 4)] == [1, 2, 3, 4]
    assert [row.position for row in log.read(8, 4)] == [9, 10]
    assert [row.position for row in log.read_back(11, 4)] == [10, 9, 8, 7]
    assert [row.position for row in log.read_back(3, 4)] == [2, 1]
    assert [row.version for row in log.read_stream("meter:1", 7, 2)] == [8, 9]
    assert [row.version for row in log.read_stream_back("meter:1", 4, 2)] == [3, 2]


def test_streams_are_listed_by_prefix_in_pages(log: EventLog) -> None:
    for name in ("meter:2", "modem:1", "meter:10", "meter:Đà Nẵng", "mete", "meter:1"):
        append(log, name, b"")
    assert log.streams("meter:", 10) == ["meter:1", "meter:10", "meter:2", "meter:Đà Nẵng"]
    assert log.streams("meter:", 2) == ["meter:1", "meter:10"]
    assert log.streams("meter:", 2, after="meter:10") == ["meter:2", "meter:Đà Nẵng"]
    assert len(log.streams("", 10)) == 6


def test_an_empty_batch_and_an_empty_append_change_nothing(log: EventLog) -> None:
    assert log.append([]) == []
    assert log.append([Append("meter:1", 0, [])]) == [Appended(1, 1)]
    assert log.head() == 0
    assert log.streams("", 10) == []


def test_states_of_any_size_and_content_come_back(log: EventLog) -> None:
    states = [b"", b"\x00", bytes(range(256)), b"x" * 300_000]
    append(log, "meter:1", *states)
    assert [row.state for row in log.read(0, 10)] == states


# -- expected versions


def test_a_wrong_expectation_is_a_conflict_and_hurts_no_neighbour(log: EventLog) -> None:
    append(log, "meter:1", b"1")
    results = log.append(
        [
            Append("meter:2", 0, rows(b"2")),
            Append("meter:1", 0, rows(b"never")),
            Append("meter:9", 4, rows(b"never")),
            Append("meter:1", 1, rows(b"3")),
        ]
    )
    assert results == [
        Appended(2, 1),
        Conflict("meter:1", 0, 1),
        Conflict("meter:9", 4, 0),
        Appended(3, 2),
    ]
    assert str(results[1]) == "meter:1 is at version 1, not 0"
    assert [row.state for row in log.read(0, 10)] == [b"1", b"2", b"3"]
    assert log.streams("meter:9", 10) == []


def test_appends_of_one_batch_see_each_other(log: EventLog) -> None:
    results = log.append(
        [
            Append("meter:1", 0, rows(b"1", b"2")),
            Append("meter:1", 0, rows(b"twice")),
            Append("meter:1", 2, rows(b"3")),
            Append("meter:1", None, rows(b"4")),
        ]
    )
    assert results == [Appended(1, 1), Conflict("meter:1", 0, 2), Appended(3, 3), Appended(4, 4)]


def test_a_new_process_goes_on_where_the_last_one_stopped(opener: Opener, log: EventLog) -> None:
    append(log, "meter:1", b"1", b"2")
    append(log, "meter:2", b"3")
    log.close()
    again = opener()
    again.fence()
    assert again.append([Append("meter:1", 2, rows(b"4"))]) == [Appended(4, 3)]
    assert again.append([Append("meter:2", 7, rows(b"-"))]) == [Conflict("meter:2", 7, 1)]


# -- fencing


def test_who_did_not_take_over_may_not_write(opener: Opener) -> None:
    log = opener()
    with pytest.raises(StoreFenced, match=r"call fence\(\) before"):
        log.append([Append("meter:1", None, rows(b"1"))])
    assert log.head() == 0


def test_the_newest_writer_fences_the_others(opener: Opener, log: EventLog) -> None:
    append(log, "meter:1", b"1")
    newer = opener()
    assert newer.fence() == 2
    with pytest.raises(StoreFenced, match=r"another node writes .* \(epoch 2, ours 1\)"):
        log.append([Append("meter:1", None, rows(b"late"))])
    append(newer, "meter:1", b"2", expected=1)
    assert log.fence() == 3
    append(log, "meter:1", b"3", expected=2)
    assert [row.state for row in log.read(0, 10)] == [b"1", b"2", b"3"]


def test_readers_need_no_fence_and_see_what_is_durable(opener: Opener, log: EventLog) -> None:
    reader = opener()
    append(log, "meter:1", b"1")
    assert reader.head() == 1
    append(log, "meter:1", b"2")
    assert [row.state for row in reader.read(0, 10)] == [b"1", b"2"]


# -- beside the events


def test_layouts_are_stored_with_the_events_that_need_them(opener: Opener, log: EventLog) -> None:
    log.append([Append("meter:1", None, rows(b"1"))], LAYOUTS[:2])
    log.append([], LAYOUTS[1:])
    other = opener()
    assert sorted(other.layouts(), key=hash) == sorted(LAYOUTS, key=hash)
    found = other.layout(LAYOUTS[2].id)
    assert found is not None
    assert found.channels == LAYOUTS[2].channels


def test_layouts_are_stored_even_if_their_append_was_a_conflict(log: EventLog) -> None:
    log.append([Append("meter:1", 5, rows(b"1"))], LAYOUTS[:1])
    assert log.layouts() == LAYOUTS[:1]


def test_the_latest_snapshot_is_kept(log: EventLog) -> None:
    append(log, "meter:1", b"1", b"2", b"3")
    log.save_snapshot("meter:1", 2, b"two")
    log.save_snapshot("meter:1", 3, b"three")
    log.save_snapshot("meter:1", 1, b"late")
    assert log.load_snapshot("meter:1") == (3, b"three")
    log.save_snapshot("meter:1", 3, b"three, better")
    assert log.load_snapshot("meter:1") == (3, b"three, better")


def test_a_snapshot_of_no_stream_is_not_kept(log: EventLog) -> None:
    log.save_snapshot("meter:1", 2, b"two")
    assert log.load_snapshot("meter:1") is None


def test_secrets_are_kept_replaced_and_removed(opener: Opener, log: EventLog) -> None:
    log.save_secrets({"meter:1": b"\x00key", "meter:2": b"b", "meter:3": b"c"})
    log.save_secrets({"meter:2": None, "meter:3": b"d", "meter:4": None})
    assert opener().load_secrets() == {"meter:1": b"\x00key", "meter:3": b"d"}
    assert log.head() == 0


# -- trouble in the middle


class Torn(Sequence[tuple[str, bytes]]):
    """Rows that break off: what a bug in the middle of a batch would do."""

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: Any) -> Any:
        if index:
            raise RuntimeError("torn")
        return ("Torn/1", b"half")


def test_a_batch_that_breaks_off_leaves_no_trace(log: EventLog) -> None:
    append(log, "meter:1", b"1")
    batch = [Append("meter:1", 1, rows(b"2")), Append("meter:2", 0, Torn())]
    with pytest.raises(RuntimeError, match="torn"):
        log.append(batch, LAYOUTS)
    assert log.head() == 1
    assert log.streams("", 10) == ["meter:1"]
    assert log.layouts() == []
    assert log.append(
        [Append("meter:2", 0, [("Torn/1", b"2")]), Append("meter:1", 1, rows(b"3"))]
    ) == [Appended(2, 1), Appended(3, 2)]
    assert [row.topic for row in log.read(1, 10)] == ["Torn/1", "Reading/1"]


def test_threads_that_append_at_once_leave_no_gap(opener: Opener, log: EventLog) -> None:
    def work(number: int) -> None:
        for n in range(20):
            log.append([Append(f"meter:{(number + n) % 3}", None, rows(bytes([number])))])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    seen = [row.position for row in log.read(0, 1000)]
    for thread in threads:
        thread.join()
    assert seen == list(range(1, len(seen) + 1))
    stored = opener().read(0, 1000)
    assert [row.position for row in stored] == list(range(1, 81))
    for stream in ("meter:0", "meter:1", "meter:2"):
        versions = [row.version for row in stored if row.stream == stream]
        assert versions == list(range(1, len(versions) + 1))


# -- against a model

appends = st.builds(
    Append,
    st.sampled_from(["meter:1", "meter:2", "modem:1"]),
    st.none() | st.integers(0, 4),
    st.lists(st.tuples(st.sampled_from(["A/1", "B/1"]), st.binary(max_size=4)), max_size=3).map(
        tuple
    ),
)
steps = st.lists(
    st.lists(appends, max_size=4) | st.sampled_from(["reopen", "other writer", "torn"]), max_size=12
)


def expected_results(model: list[StoredRow], batch: list[Append]) -> list[Appended | Conflict]:
    """Do to a plain list what the log must do to its tables."""
    results: list[Appended | Conflict] = []
    for stream, expected, events in batch:
        version = sum(row.stream == stream for row in model)
        if expected is not None and expected != version:
            results.append(Conflict(stream, expected, version))
            continue
        results.append(Appended(len(model) + 1, version + 1))
        for n, (topic, state) in enumerate(events, start=1):
            model.append(StoredRow(len(model) + 1, stream, version + n, topic, state))
    return results


@pytest.mark.parametrize("kind", KINDS)
def test_any_sequence_of_batches_equals_a_plain_list(
    kind: str, request: pytest.FixtureRequest
) -> None:
    new_place = places(kind, request)
    examples = 40 if kind == "sqlite" else 8  # a new database for each

    @settings(max_examples=examples)
    @given(steps)
    def equals(script: list[list[Append] | str]) -> None:
        carry_out(script, new_place().open)

    equals()


def carry_out(script: list[list[Append] | str], opener: Opener) -> None:
    log, model = opener(), list[StoredRow]()
    log.fence()
    for step in script:
        match step:
            case "reopen":
                log.close()
                log = opener()
                log.fence()
            case "other writer":
                # Took over, wrote, and gave the log back.
                other = opener()
                other.fence()
                batch = [Append("meter:1", None, rows(b"other"))]
                assert other.append(batch) == expected_results(model, batch)
                other.close()
                log.fence()
            case "torn":
                with pytest.raises(RuntimeError):
                    log.append([Append("modem:1", None, rows(b"x")), Append("t", None, Torn())])
            case batch:
                assert isinstance(batch, list)
                assert log.append(batch) == expected_results(model, batch)
    assert log.read(0, 1000) == model
    assert log.head() == len(model)
    for stream in {row.stream for row in model}:
        own = [row for row in model if row.stream == stream]
        assert log.read_stream(stream, 0, 1000) == own
        assert log.read_stream_back(stream, len(model) + 1, 1000) == own[::-1]
    log.close()


def test_what_the_codec_wrote_is_read_by_another_process(opener: Opener, log: EventLog) -> None:
    codec = EventCodec(LayoutBook(fetch=log.layout))
    event = Reading(received_at=NOW, source=Source.PUSH, layout=LAYOUTS[0], values=(5,))
    log.append([Append("meter:1", 0, [codec.encode(event)])], codec.layouts.take_unsaved())
    other = opener()
    fresh = EventCodec(LayoutBook(fetch=other.layout))
    (row,) = other.read(0, 1)
    assert fresh.recorded(row).event == event

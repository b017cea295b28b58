"""The hash chain: known values, and every way to change a log that must be seen."""

import hashlib
import struct
from collections.abc import Callable

import pytest
from hypothesis import given, strategies as st

from hes.store.chain import ChainedRow, Fault, Verifier, link, origin

Log = list[ChainedRow]


def test_known_values() -> None:
    """Told again in other words: an auditor's own program must come to the same octets."""
    first = hashlib.sha256(b"hes-stream/1\x00" + "meter:Đà Nẵng".encode()).digest()
    assert origin("meter:Đà Nẵng") == first
    told = first + struct.pack(">q", 7) + struct.pack(">q", 1) + b"\0\0\0\x09" + b"\0\0\0\x03"
    assert (
        link(first, 7, 1, b"Reading/1", b"abc")
        == hashlib.sha256(told + b"Reading/1" + b"abc").digest()
    )
    assert origin("meter:1").hex() == (
        "220c961de53748a8069028b5e25436f0f58f4232ad38321238efbf1df9023de0"
    )


def chained(*events: tuple[str, int, str, bytes]) -> Log:
    """Return the rows of a log with these events, from position 1."""
    ends: dict[str, bytes] = {}
    rows = []
    for position, (stream, version, topic, state) in enumerate(events, 1):
        before = ends.get(stream, origin(stream))
        ends[stream] = link(before, position, version, topic.encode(), state)
        rows.append(ChainedRow(position, stream, version, topic, state, ends[stream]))
    return rows


def faults(rows: Log, head: int | None = None) -> list[Fault]:
    verifier = Verifier()
    found = list(verifier.take(rows))
    end = verifier.end(len(rows) if head is None else head)
    return found if end is None else [*found, end]


@st.composite
def logs(draw: st.DrawFn) -> Log:
    versions: dict[str, int] = {}
    events = []
    for _ in range(draw(st.integers(2, 12))):
        stream = draw(st.sampled_from(["meter:1", "meter:2", "node:a"]))
        # Applications of the library may begin with 0, and leave gaps.
        before = versions.get(stream)
        versions[stream] = (
            draw(st.integers(0, 1)) if before is None else before + draw(st.integers(1, 3))
        )
        topic = draw(st.sampled_from(["A/1", "B/1", "AB/1"]))
        events.append((stream, versions[stream], topic, draw(st.binary(max_size=6))))
    return chained(*events)


@given(logs(), st.integers(1, 5))
def test_a_log_as_it_was_written_has_no_fault(log: Log, size: int) -> None:
    verifier = Verifier()
    for start in range(0, len(log), size):
        assert list(verifier.take(log[start : start + size])) == []
    assert verifier.end(len(log)) is None


CHANGES: dict[str, Callable[[ChainedRow], ChainedRow]] = {
    "state": lambda row: row._replace(state=row.state + b"\0"),
    "topic": lambda row: row._replace(topic=row.topic + "2"),
    "topic and state": lambda row: row._replace(
        topic=row.topic + "x", state=b"" if not row.state else row.state[1:]
    ),
    "version": lambda row: row._replace(version=row.version + 100),
    "stream": lambda row: row._replace(stream="meter:9"),
    "chain": lambda row: row._replace(chain=bytes(32)),
}


@pytest.mark.parametrize("change", CHANGES)
@given(logs(), st.data())
def test_the_first_altered_event_is_named(change: str, log: Log, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(log) - 1))
    wrong = [*log[:at], CHANGES[change](log[at]), *log[at + 1 :]]
    found = faults(wrong)
    assert (found[0].position, found[0].stream, found[0].version) == wrong[at][:3]


@given(logs(), st.data())
def test_a_missing_event_is_named_by_its_place(log: Log, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(log) - 1))
    found = faults([*log[:at], *log[at + 1 :]], head=len(log))
    if at == len(log) - 1:
        assert found == [Fault(at + 1, "", 0, f"events are missing up to the head at {at + 1}")]
    else:
        assert (found[0].position, found[0].reason) == (
            at + 2,
            f"events are missing before this one: {at + 1}",
        )


@given(logs(), st.data())
def test_events_that_changed_places_are_seen(log: Log, data: st.DataObject) -> None:
    """Also with their positions written anew, so that no number is missing."""
    one, other = data.draw(
        st.lists(st.integers(0, len(log) - 1), min_size=2, max_size=2, unique=True).map(sorted)
    )
    swapped = list(log)
    swapped[one] = log[other]._replace(position=log[one].position)
    swapped[other] = log[one]._replace(position=log[other].position)
    found = faults(swapped)
    assert found
    assert found[0].position == log[one].position
    as_they_are = list(log)
    as_they_are[one], as_they_are[other] = log[other], log[one]
    assert faults(as_they_are)


def test_events_may_be_dropped_at_no_place_of_a_stream() -> None:
    """Dropped, and all later positions written anew: the chain shows it."""
    log = chained(*(("meter:1", n, "A/1", b"x") for n in range(1, 6)))
    closed = [row._replace(position=n) for n, row in enumerate([*log[:2], *log[3:]], 1)]
    assert faults(closed)[0].position == 3


def test_what_stands_behind_the_head_is_a_fault() -> None:
    log = chained(("meter:1", 1, "A/1", b""), ("meter:1", 2, "A/1", b""))
    assert faults(log, head=1) == [Fault(2, "", 0, "events stand behind the head at 1")]


def test_a_fault_is_a_sentence() -> None:
    fault = Fault(7, "meter:1", 3, "this event was altered")
    assert str(fault) == "position 7 (meter:1, version 3): this event was altered"
    assert str(Fault(7, "", 0, "gone")) == "position 7: gone"


def test_what_was_purged_is_no_fault_and_hides_none() -> None:
    log = chained(
        ("meter:1", 1, "A/1", b""), ("meter:2", 1, "A/1", b""), ("meter:1", 2, "A/1", b"x"),
        ("meter:2", 2, "A/1", b""),
    )  # fmt: skip
    ends = {("meter:1", 2): (1, log[0].chain), ("meter:2", 2): (1, log[1].chain)}

    def left(rows: Log, purged: list[tuple[int, int]]) -> list[Fault]:
        return list(Verifier(purged, lambda *event: ends.get(event)).take(rows))

    assert left(log[2:], [(1, 2)]) == left(log[2:], [(1, 1), (2, 2)]) == []
    assert [fault.position for fault in left(log[2:], [])] == [3, 4]
    assert [fault.position for fault in left(log[2:], [(1, 1)])] == [3]
    altered = [log[2]._replace(state=b"y"), log[3]]
    assert [fault.position for fault in left(altered, [(1, 2)])] == [3]


def test_a_position_that_comes_too_late_is_told_whatever_was_purged() -> None:
    """Two streams, whole by themselves, in the wrong order."""
    one, two = chained(("meter:1", 1, "A/1", b"1"), ("meter:2", 1, "A/1", b"2"))
    for purged in ([], [(1, 1)]):
        found = [str(fault) for fault in Verifier(purged).take([two, one])]
        assert found[-1].endswith("(meter:1, version 1): this event is out of order")

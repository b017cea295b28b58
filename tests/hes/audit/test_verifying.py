"""A whole log: as it was written, and every way to write it otherwise."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from audit_log import Written, a_day, alter, at, index
from stores import KINDS, places

from hes.audit import verifying
from hes.audit.verifying import Verdict, verify
from hes.events.audit import Anchored
from hes.store.anchor import STREAM, last_anchor
from hes.store.chain import link, origin


@pytest.fixture(autouse=True)
def _small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifying, "PAGE", 3)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "e.db"


@pytest.fixture
def written(file: Path) -> Iterator[Written]:
    with Written(f"sqlite:///{file}") as opened:
        yield opened


def checked(w: Written, *kept: bytes) -> Verdict:
    return verify(w.log, w.codec, kept)


@pytest.mark.parametrize("kind", KINDS)
def test_a_log_as_it_was_written_is_whole_on_every_database(kind: str, request: Any) -> None:
    place = places(kind, request)()
    with Written(place.url, place.password_file) as w:
        told = a_day(w)
        seen: list[tuple[int, int]] = []
        verdict = verify(w.log, w.codec, progress=lambda done, all_: seen.append((done, all_)))
        assert verdict.faults == ()
        assert (verdict.events, verdict.streams, verdict.anchors) == (told["late"], 4, 2)
        assert verdict.anchored == told["anchor 2"] - 1
        assert seen[-1] == (told["late"], told["late"])
        last = last_anchor(w.log, w.codec)
        assert last is not None
        assert (verdict.last_digest, verdict.last_root) == (last.digest, last.root)


def test_an_empty_log_is_whole(written: Written) -> None:
    assert checked(written) == Verdict(0, 0, 0, 0, None, None, 0, ())


@pytest.mark.parametrize(
    "change",
    [
        "state = CAST(state || x'00' AS BLOB)", "state = x''", "state = 'text'", "state = 7",
        "state = CAST(x'ff' AS TEXT)", "chain = x'00'", "chain = 'text'", "topic = topic + 1",
        "ver = ver + 100",
    ],
)  # fmt: skip
def test_the_first_altered_event_is_named(written: Written, file: Path, change: str) -> None:
    told = a_day(written)
    alter(file, f"UPDATE ev SET {change} WHERE nid = ?", told["morning"])
    first = checked(written).faults[0]
    assert first.position == told["morning"]
    assert "altered" in first.reason or "unreadable" in first.reason


def test_an_anchor_that_cannot_be_read_is_named(written: Written, file: Path) -> None:
    told = a_day(written)
    alter(file, "UPDATE ev SET state = CAST(x'ff' AS TEXT) WHERE nid = ?", told["anchor 1"])
    faults = checked(written).faults
    assert faults[0].position == told["anchor 1"]
    assert any("the anchors cannot be read" in fault.reason for fault in faults)


def test_a_dropped_event_is_named_by_its_place(written: Written, file: Path) -> None:
    told = a_day(written)
    alter(file, "DELETE FROM ev WHERE nid = ?", told["command"])
    faults = checked(written).faults
    assert faults[0].reason == f"events are missing before this one: {told['command']}"


def test_a_cut_log_and_events_behind_the_head_are_faults(written: Written, file: Path) -> None:
    told = a_day(written)
    head = told["late"]
    alter(file, "UPDATE head SET nid = ?", head + 3)
    assert str(checked(written).faults[0]).startswith(f"position {head + 1}: events are missing")
    alter(file, "UPDATE head SET nid = ?", head - 1)
    assert str(checked(written).faults[0]) == (
        f"position {head}: events stand behind the head at {head - 1}"
    )


def rewrite(w: Written, file: Path, position: int, state: bytes) -> None:
    """Alter an event and write its stream's chain anew: only the anchors can tell."""
    rows = w.log.read_chained(0, 1000)
    stream = rows[position - 1].stream
    chain = origin(stream)
    for row in rows:
        if row.stream == stream:
            new = state if row.position == position else row.state
            chain = link(chain, row.position, row.version, row.topic.encode(), new)
            alter(
                file, "UPDATE ev SET state = ?, chain = ? WHERE nid = ?", new, chain, row.position
            )


def test_chains_that_were_written_anew_are_caught_by_the_anchor(
    written: Written, file: Path
) -> None:
    told = a_day(written)
    _, state = written.codec.encode(index(at(0), 2))
    rewrite(written, file, told["opening"], state)
    (fault,) = checked(written).faults
    assert (fault.position, fault.stream) == (told["anchor 2"], STREAM)
    assert f"events {told['anchor 1']} to {told['anchor 2'] - 1} are not those" in fault.reason


def test_anchors_made_anew_are_caught_by_a_value_that_was_kept(
    written: Written, file: Path
) -> None:
    told = a_day(written)
    kept = last_anchor(written.log, written.codec)
    assert kept is not None
    assert kept.root is not None
    assert checked(written, kept.digest, kept.root).ok
    _, state = written.codec.encode(index(at(0), 2))
    rewrite(written, file, told["opening"], state)
    forged = _anchor_again(written, kept, told["anchor 2"])
    rewrite(written, file, told["anchor 2"], forged)
    assert checked(written).ok, "a thorough forger leaves no fault inside"
    faults = checked(written, kept.root).faults
    assert [fault.reason for fault in faults] == [
        f"no anchor has the value {kept.root.hex()} that was kept elsewhere"
    ]


def _anchor_again(w: Written, kept: Anchored, position: int) -> bytes:
    from hes.store.anchor import span_of

    span = span_of(w.log, kept.previous, kept.first, kept.last)
    again = Anchored(
        received_at=kept.received_at, first=kept.first, last=kept.last, previous=kept.previous,
        digest=span.digest(), root=span.tree.root(),
    )  # fmt: skip
    assert position > kept.last
    return w.codec.encode(again)[1]


Forged = Callable[[Anchored], Anchored]


@pytest.mark.parametrize("field", ["first", "last", "previous", "digest", "root"])
def test_every_field_of_an_anchor_is_checked(written: Written, file: Path, field: str) -> None:
    import msgspec

    told = a_day(written)
    kept = last_anchor(written.log, written.codec)
    assert kept is not None
    value = {"first": kept.first + 1, "last": kept.last - 1}.get(field, b"\x01" * 32)
    wrong = msgspec.structs.replace(kept, **{field: value})
    rewrite(written, file, told["anchor 2"], written.codec.encode(wrong)[1])
    faults = checked(written).faults
    assert {fault.position for fault in faults} == {told["anchor 2"]}


def test_what_is_no_anchor_in_their_stream_is_a_fault(written: Written) -> None:
    position = written.write(STREAM, index(at(0), 1))
    (fault,) = checked(written).faults
    assert (fault.position, fault.reason) == (position, "this is a Reading/1, no anchor")


def test_a_damaged_layout_is_a_fault(written: Written, file: Path) -> None:
    a_day(written)
    alter(file, "UPDATE layout SET state = CAST(state || x'00' AS BLOB)")
    assert "layout" in checked(written).faults[0].reason


def test_a_node_may_write_meanwhile(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    told = a_day(written)
    read = written.log.read_chained

    def while_written(after: int, limit: int) -> Any:
        written.write("meter:M9", index(at(50), 1))
        return read(after, limit)

    monkeypatch.setattr(written.log, "read_chained", while_written)
    verdict = checked(written)
    assert verdict.ok
    assert verdict.events == told["late"]

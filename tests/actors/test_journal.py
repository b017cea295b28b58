"""The journal: durable before answered, one bad event hurts nobody else, no layout gets lost."""

import gc
import threading
import weakref
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
import trio
from journal_desk import Desk, FakeLog, layout, reading
from trio.testing import MockClock, wait_all_tasks_blocked

from actors import committer, journal_queue
from actors.errors import JournalFailed
from actors.journal import RETRY_S
from actors.journal_queue import BATCH_EVENTS_MAX
from actors.mailbox import Ref, State
from actors.supervisor import ChildSpec
from hes.events.base import DomainEvent, Recorded
from hes.events.reading import Reading
from hes.store.errors import StoreError, StoreFenced, StoreUnavailable
from hes.store.open import open_codec, open_log
from hes.store.port import EventLog

TOO_BIG = 2**70
"""No stored form has room for it."""


def values_of(events: Sequence[DomainEvent]) -> list[Any]:
    return [cast("Reading", event).values[0] for event in events]


@pytest.fixture
def log(tmp_path: Path) -> Iterator[EventLog]:
    opened = open_log(f"sqlite:///{tmp_path}/events.db")
    opened.fence()
    yield opened
    opened.close()


# -- against the real log


async def test_what_is_answered_is_on_disk_and_published_in_order(log: EventLog) -> None:
    async with Desk(log, open_codec(log)).open() as desk:
        assert await desk.queue.append("meter:1", [reading(1), reading(2)]) == 2
        assert values_of([desk.codec.recorded(row).event for row in log.read(0, 10)]) == [1, 2]
        assert await desk.queue.append("meter:1", [reading(3)]) == 3
        assert await desk.queue.append("meter:2", [reading(4, of=2)]) == 1
        places = [(one.position, one.stream, one.version) for one in desk.published]
        assert places == [
            (1, "meter:1", 1),
            (2, "meter:1", 2),
            (3, "meter:1", 3),
            (4, "meter:2", 1),
        ]
        assert desk.published == [desk.codec.recorded(row) for row in log.read(0, 10)]


async def test_a_program_that_starts_anew_reads_every_layout(log: EventLog) -> None:
    async with Desk(log, open_codec(log)).open() as desk, trio.open_nursery() as nursery:
        for number in range(1, 60):
            nursery.start_soon(desk.queue.append, f"meter:{number}", [reading(7, of=number)])
    fresh = open_codec(log)
    stored = [cast("Reading", fresh.recorded(row).event) for row in log.read(0, 100)]
    assert {event.layout for event in stored} == {layout(number) for number in range(1, 60)}


async def test_many_at_once_are_stored_once_each_and_everybody_knows_where(
    log: EventLog,
) -> None:
    async with Desk(log, open_codec(log)).open() as desk:
        versions: dict[str, list[Any]] = {f"meter:{number}": [] for number in range(50)}

        async def meter(stream: str) -> None:
            for value in range(20):
                await desk.collect(stream, [reading(value)], versions[stream])

        async with trio.open_nursery() as nursery:
            for stream in versions:
                nursery.start_soon(meter, stream)
        assert all(seen == list(range(1, 21)) for seen in versions.values())
    assert log.head() == 1000
    for stream in versions:
        rows = log.read_stream(stream, 0, 100)
        assert values_of([desk.codec.recorded(row).event for row in rows]) == list(range(20))


async def test_one_event_that_cannot_be_stored_hurts_nobody_else(log: EventLog) -> None:
    async with Desk(log, open_codec(log)).open() as desk:
        out: dict[str, list[Any]] = {"meter:1": [], "meter:2": [], "meter:3": []}
        events = [[reading(1)], [reading(2), reading(TOO_BIG, of=9)], [reading(3)]]
        async with trio.open_nursery() as nursery:
            for stream, some in zip(out, events, strict=True):
                nursery.start_soon(desk.collect, stream, some, out[stream])
        assert (out["meter:1"], out["meter:3"]) == ([1], [1])
        assert "a Reading/1 cannot be stored" in out["meter:2"][0]
        assert log.head() == 2  # nothing of the bad one, not even its good half
        assert desk.ref.restarts == 0
        assert await desk.queue.append("meter:2", [reading(4, of=9)]) == 1
        assert open_codec(log).recorded(log.read(2, 1)[0]).event == reading(4, of=9)


async def test_what_cannot_be_stored_does_not_stay_in_memory(log: EventLog) -> None:
    class Canary:
        """Stands in an entry, and goes with it."""

    canary = Canary()
    gone = weakref.ref(canary)
    async with Desk(log, open_codec(log)).open() as desk:
        nobody = cast("Any", None)
        desk.queue.append_soon("meter:1", [reading(TOO_BIG)], lambda _: None, nobody, canary)
        del canary
        with pytest.raises(JournalFailed):
            await desk.queue.append("meter:2", [reading(TOO_BIG)])
    gc.collect()
    assert gone() is None


async def test_a_node_that_was_fenced_stores_nothing_and_says_so(
    log: EventLog, tmp_path: Path
) -> None:
    async with Desk(log, open_codec(log)).open() as desk:
        await desk.queue.append("meter:1", [reading(1)])
        other = open_log(f"sqlite:///{tmp_path}/events.db")
        other.fence()
        with pytest.raises(JournalFailed, match="another node writes"):
            await desk.queue.append("meter:1", [reading(2, of=2)])
        await desk.ref.until(State.BACKOFF, State.RUNNING)
        assert str(desk.ref.crash).startswith("StoreFenced: another node writes")
        assert other.head() == 1
        other.close()


async def test_nothing_to_store_is_stored_at_once(log: EventLog) -> None:
    async with Desk(log, open_codec(log)).open() as desk:
        assert await desk.queue.append("meter:1", []) == 0
        await desk.queue.append("meter:1", [reading(1)])
        assert await desk.queue.append("meter:1", []) == 1
        assert desk.ref.restarts == 0


async def test_events_of_many_streams_are_all_durable_at_the_end(log: EventLog) -> None:
    async with Desk(log, open_codec(log)).open() as desk:
        number = BATCH_EVENTS_MAX + 500
        await desk.queue.append_all([(f"meter:{n}", [reading(n)]) for n in range(number)])
        assert log.head() == number
        with pytest.raises(JournalFailed):
            await desk.queue.append_all(
                [("meter:a", [reading(1)]), ("meter:b", [reading(TOO_BIG)])]
            )
        assert log.head() == number + 1


# -- against one that fails


async def test_nothing_is_answered_before_the_commit_returns() -> None:
    fake = FakeLog()
    fake.gate = threading.Event()
    async with Desk(fake).open() as desk:
        out: list[Any] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(desk.collect, "meter:1", [reading(1)], out)
            await trio.sleep(0.02)
            assert (out, desk.published) == ([], [])
            fake.gate.set()
        assert out == [1]


async def test_a_batch_is_what_gathered_during_the_last_commit_and_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(committer, "BATCH_EVENTS_MAX", 10)
    monkeypatch.setattr(committer, "SLOW_EVENTS_MAX", 10)
    fake = FakeLog()
    fake.gate = threading.Event()
    async with Desk(fake).open() as desk, trio.open_nursery() as nursery:
        nursery.start_soon(desk.queue.append, "meter:0", [reading(0)])
        await trio.to_thread.run_sync(fake.entered.wait, 5)
        for number in range(1, 26):
            nursery.start_soon(desk.queue.append, f"meter:{number}", [reading(number)])
        await wait_all_tasks_blocked()
        assert desk.queue.waiting == 25
        fake.gate.set()
    assert [len(batch) for batch in fake.batches] == [1, 10, 10, 5]


async def test_a_queue_that_is_full_makes_its_callers_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(journal_queue, "WAITING_EVENTS_MAX", 10)
    fake = FakeLog()
    fake.gate = threading.Event()
    async with Desk(fake).open() as desk, trio.open_nursery() as nursery:
        for number in range(40):
            nursery.start_soon(desk.queue.append, f"meter:{number}", [reading(number)])
        await wait_all_tasks_blocked()
        assert desk.queue.waiting <= 10
        fake.gate.set()
    assert fake.stored == 40


async def test_while_the_store_is_away_it_tries_again_after_growing_pauses(
    autojump_clock: MockClock,
) -> None:
    fake = FakeLog(*[StoreUnavailable("the disk is full")] * 7)
    desk = Desk(fake)
    journal = desk.start()
    # No node: nothing but the pauses moves the clock.
    journal.ref = Ref(ChildSpec(name="journal", start=desk.start), "/journal")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(journal.run)
        start = trio.current_time()
        assert await desk.queue.append("meter:1", [reading(1)]) == 1
        assert trio.current_time() - start == pytest.approx(sum(RETRY_S) + 2 * RETRY_S[-1])
        journal.ref.close()
    assert len(fake.batches) == 1
    assert [one.id for one in fake.layouts[0]] == [layout(1).id]


async def test_the_tree_shows_what_stands_in_the_way() -> None:
    fake = FakeLog(StoreUnavailable("the disk is full"))
    async with Desk(fake).open() as desk, trio.open_nursery() as nursery:
        assert desk.ref.actor is not None
        assert desk.ref.actor.detail() == "0 events waiting"
        nursery.start_soon(desk.queue.append, "meter:1", [reading(1)])
        with trio.fail_after(5):
            for told in ("the disk is full", "0 events waiting"):
                while desk.ref.actor.detail() != told:  # noqa: ASYNC110 -- it tells nobody
                    await trio.sleep(0.005)


async def test_a_journal_that_dies_between_tries_loses_no_layout() -> None:
    """The next incarnation must store the layouts that this one had taken."""
    fake = FakeLog(*[StoreUnavailable("the disk is full")] * 3)
    async with Desk(fake).open() as desk:
        out: list[Any] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(desk.collect, "meter:1", [reading(1, of=5)], out)
            await trio.to_thread.run_sync(fake.entered.wait, 5)
            desk.ref.kill("by a test")
        assert out == ["the journal stopped before its commit"]
        fake.failures.clear()
        await desk.queue.append("meter:1", [reading(2, of=5)])
        assert [one.id for one in fake.layouts[0]] == [layout(5).id]


async def test_a_store_that_needs_a_person_fails_the_batch_with_its_reason() -> None:
    fake = FakeLog(StoreError("the file is damaged; restore a backup"))
    async with Desk(fake).open() as desk:
        out: list[Any] = []
        behind: list[Any] = []
        fake.gate = threading.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(desk.collect, "meter:1", [reading(1, of=5)], out)
            await trio.to_thread.run_sync(fake.entered.wait, 5)
            nursery.start_soon(desk.collect, "meter:2", [reading(2, of=5)], behind)
            await wait_all_tasks_blocked()
            fake.gate.set()
        assert out == ["the file is damaged; restore a backup"]
        assert behind == [1]  # it waited in the queue, which outlives the crash
        assert desk.ref.crash == "StoreError: the file is damaged; restore a backup"
        assert [one.id for one in fake.layouts[0]] == [layout(5).id]


async def test_fenced_is_not_tried_again() -> None:
    fake = FakeLog(StoreFenced("another node writes"))
    async with Desk(fake).open() as desk:
        with pytest.raises(JournalFailed, match="another node writes"):
            await desk.queue.append("meter:1", [reading(1)])
        assert fake.stored == 0


async def test_a_conflict_fails_its_own_stream_only() -> None:
    fake = FakeLog()
    fake.conflicts = {"meter:1"}
    async with Desk(fake).open() as desk:
        out: dict[str, list[Any]] = {"meter:1": [], "meter:2": []}
        async with trio.open_nursery() as nursery:
            for stream, seen in out.items():
                nursery.start_soon(desk.collect, stream, [reading(1)], seen)
        assert out["meter:1"] == ["meter:1 is at version 2, not 1"]
        assert out["meter:2"] != []
        assert isinstance(out["meter:2"][0], int)
        assert [one.stream for one in desk.published] == ["meter:2"]
        assert desk.ref.restarts == 0


async def test_a_caller_that_leaves_does_not_disturb_the_others() -> None:
    fake = FakeLog()
    fake.gate = threading.Event()
    async with Desk(fake).open() as desk:
        out: list[Any] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(desk.collect, "meter:1", [reading(1)], out)
            await wait_all_tasks_blocked()
            with trio.move_on_after(0.02):
                await desk.queue.append("meter:2", [reading(2)])
            fake.gate.set()
        assert out == [1]
        await desk.queue.append("meter:3", [reading(3)])
        assert [one.stream for one in desk.published] == ["meter:1", "meter:2", "meter:3"]


async def test_a_fault_of_who_is_told_does_not_undo_what_is_durable() -> None:
    fake = FakeLog()
    desk = Desk(fake)

    def publish(_: Sequence[Recorded]) -> None:
        raise LookupError("nobody listens")

    desk.publish = publish
    async with desk.open():
        assert await desk.queue.append("meter:1", [reading(1)]) == 1
        await desk.ref.until(State.BACKOFF, State.RUNNING)
        assert desk.ref.crash == "LookupError: nobody listens"


async def test_when_told_to_stop_it_stores_what_waits_and_ends_at_once() -> None:
    fake = FakeLog()
    out: list[Any] = []
    start = trio.current_time()
    fake.gate = threading.Event()
    async with trio.open_nursery() as nursery, Desk(fake).open() as desk:
        nursery.start_soon(desk.collect, "meter:1", [reading(1)], out)
        await wait_all_tasks_blocked()
        nursery.start_soon(desk.collect, "meter:2", [reading(2)], out)
        await wait_all_tasks_blocked()
        fake.gate.set()
    assert sorted(out) == [1, 2]
    assert trio.current_time() - start < 2  # not its 5 s of grace
    assert (desk.ref.state, desk.ref.restarts) == (State.STOPPED, 0)


# -- without waiting


class Owner:
    """Stands for the actor that a callback belongs to."""

    def __init__(self) -> None:
        self.killed: list[str] = []

    def kill(self, reason: str = "killed") -> None:
        self.killed.append(reason)


async def test_a_callback_comes_once_and_after_the_events_are_stored() -> None:
    log = FakeLog()
    log.gate = threading.Event()
    told: list[int | None] = []
    async with Desk(log).open() as desk:
        owner = cast("Ref", Owner())
        entry = desk.queue.append_soon("s", [reading(1)], lambda e: told.append(e.version), owner)
        await wait_all_tasks_blocked()
        assert told == []
        log.gate.set()
        assert await entry.wait() == 1
        assert told == [1]
        await desk.queue.append("s", [reading(2)])
    assert told == [1]


async def test_a_callback_that_fails_kills_its_owner_and_nobody_else() -> None:
    def fail(_entry: object) -> None:
        raise ValueError("on purpose")

    others: list[int | None] = []
    owner = Owner()
    async with Desk(FakeLog()).open() as desk:
        ref = cast("Ref", owner)
        bad = desk.queue.append_soon("bad", [reading(1)], fail, ref)
        good = desk.queue.append_soon("good", [reading(2)], lambda e: others.append(e.version), ref)
        await bad.wait()
        await good.wait()
        assert desk.ref.restarts == 0
    assert others == [2]
    assert len(owner.killed) == 1
    assert "on purpose" in owner.killed[0]


async def test_a_callback_is_told_that_its_events_are_not_stored() -> None:
    log = FakeLog()
    log.conflicts.add("s")
    told: list[tuple[int | None, bool]] = []
    async with Desk(log).open() as desk:
        entry = desk.queue.append_soon(
            "s", [reading(1)], lambda e: told.append((e.version, e.failure is not None)),
            cast("Ref", Owner()),
        )  # fmt: skip
        with pytest.raises(JournalFailed):
            await entry.wait()
    assert told == [(None, True)]


async def test_the_journal_says_when_many_wait() -> None:
    log = FakeLog()
    log.gate = threading.Event()
    async with Desk(log).open() as desk:
        owner = cast("Ref", Owner())
        entries = [
            desk.queue.append_soon(str(n), [reading(n)], lambda _entry: None, owner)
            for n in range(journal_queue.PRESSED - 1)
        ]
        await wait_all_tasks_blocked()
        assert not desk.queue.pressed
        entries.append(desk.queue.append_soon("x", [reading(0)], lambda _entry: None, owner))
        assert desk.queue.pressed
        log.gate.set()
        for entry in entries:
            await entry.wait()
        assert not desk.queue.pressed

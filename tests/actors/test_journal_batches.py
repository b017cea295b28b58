"""The journal's thread goes from batch to batch: nothing is lost, told wrong or stored twice."""

import threading
from collections.abc import Sequence
from typing import Any

import trio
from journal_desk import Desk, FakeLog, reading
from trio.testing import wait_all_tasks_blocked

from actors.committer import GO_ON_EVENTS, SLOW_DISK_S, Committer
from actors.journal_queue import BATCH_EVENTS_MAX, JournalQueue
from actors.mailbox import State
from hes.events.base import Recorded
from hes.store.codec import EventCodec
from hes.store.port import Append, Appended, Conflict

MANY = 2 * BATCH_EVENTS_MAX


async def test_the_disk_works_on_the_next_batch_while_the_last_one_is_told() -> None:
    fake = FakeLog()
    seen: list[bool] = []

    def publish(_: Sequence[Recorded]) -> None:
        if not seen:  # in trio's thread, which does nothing else meanwhile
            seen.append(fake.reached(2).wait(5))

    desk = Desk(fake)
    desk.publish = publish
    async with desk.open():
        for entry in [desk.queue.put(f"meter:{n}", [reading(n)]) for n in range(MANY)]:
            await entry.wait()
    assert seen == [True]
    assert fake.stored == MANY


async def test_a_little_that_is_left_waits_for_what_those_of_the_last_batch_bring() -> None:
    fake = FakeLog()
    fake.gate = threading.Event()
    batches: list[int] = []
    desk = Desk(fake)
    desk.publish = lambda _: batches.append(len(fake.batches))
    async with desk.open(), trio.open_nursery() as nursery:
        nursery.start_soon(desk.queue.append, "meter:0", [reading(0)])
        await trio.to_thread.run_sync(fake.entered.wait, 5)
        for number in range(GO_ON_EVENTS - 1):
            nursery.start_soon(desk.queue.append, f"meter:{number}", [reading(number)])
        await wait_all_tasks_blocked()
        fake.gate.set()
    assert batches == [1, 2]


async def test_a_fault_of_who_is_told_leaves_no_batch_behind() -> None:
    """The thread was at work on the next batch; nobody in it waits for ever, or is told wrong."""
    fake = FakeLog()
    faults = [LookupError("nobody listens")]

    def publish(_: Sequence[Recorded]) -> None:
        if faults:
            fake.reached(2).wait(5)
            raise faults.pop()

    desk = Desk(fake)
    desk.publish = publish
    async with desk.open():
        for entry in [desk.queue.put(f"meter:{n}", [reading(n)]) for n in range(MANY)]:
            await entry.wait()
        await desk.ref.until(State.BACKOFF, State.RUNNING)
        assert desk.ref.crash == "LookupError: nobody listens"
        assert await desk.queue.append("meter:x", [reading(1)]) == MANY + 1
        assert (desk.queue.waiting, desk.queue.committing) == (0, 0)
    assert fake.stored == MANY + 1


async def test_a_journal_that_is_killed_ends_with_the_batch_in_hand() -> None:
    fake = FakeLog()
    fake.gate = threading.Event()
    async with Desk(fake).open() as desk, trio.open_nursery() as nursery:
        items = [(f"meter:{n}", [reading(n)]) for n in range(2 * MANY)]
        told: list[Any] = []
        for stream, events in items:
            nursery.start_soon(desk.collect, stream, events, told)
        await trio.to_thread.run_sync(fake.entered.wait, 5)
        await wait_all_tasks_blocked()
        desk.ref.kill("by a test")
        await wait_all_tasks_blocked()
        assert told == []
        fake.gate.set()
        await desk.ref.until(State.BACKOFF)
        assert len(fake.batches) == 1
    # What waited was stored by the next incarnation; nothing twice, nothing is unknown.
    assert fake.stored == 2 * MANY
    assert sorted(told) == list(range(1, 2 * MANY + 1))


async def test_entries_taken_back_are_not_stored_whatever_the_thread_does() -> None:
    fake = FakeLog()
    fake.gate = threading.Event()
    async with Desk(fake).open() as desk, trio.open_nursery() as nursery:
        nursery.start_soon(desk.queue.append, "meter:0", [reading(0)])
        await trio.to_thread.run_sync(fake.entered.wait, 5)
        kept, gone = (desk.queue.put(name, [reading(1), reading(2)]) for name in "kg")
        assert desk.queue.waiting == 4
        assert desk.queue.withdraw([gone])
        assert desk.queue.waiting == 2
        fake.gate.set()
        await kept.wait()
        assert not desk.queue.withdraw([kept])
    assert [one.stream for batch in fake.batches for one in batch] == ["meter:0", "k"]


# -- how much at a time


class SlowLog(FakeLog):
    """Each append waits for the disk as long as the next of ``waits`` says."""

    def __init__(self, *waits: float) -> None:
        super().__init__()
        self.waits = list(waits)
        self.waited_s = 100.0

    def append(
        self, batch: Sequence[Append], layouts: Sequence[Any] = ()
    ) -> list[Appended | Conflict]:
        self.waited_s += self.waits.pop(0)
        return super().append(batch, layouts)


def sizes(*waits: float) -> list[int]:
    log, queue = SlowLog(*waits, 0.0), JournalQueue()
    for number in range(20 * BATCH_EVENTS_MAX):
        queue.put(f"meter:{number}", [reading(number)])
    one = Committer(queue, log, EventCodec(), lambda: None, lambda: log.waited_s)

    def stop() -> None:
        one.stopping = len(log.batches) > len(waits)

    one._wake = stop
    one.work()
    return [len(batch) for batch in log.batches]


def test_a_fast_disk_gets_halves_and_a_slow_one_all_at_once() -> None:
    half, whole = BATCH_EVENTS_MAX, 2 * BATCH_EVENTS_MAX
    assert sizes(0.001, 0.002, 0.001) == [half] * 4
    assert sizes(5 * SLOW_DISK_S, 5 * SLOW_DISK_S) == [half, whole, whole]
    assert sizes(2 * SLOW_DISK_S, 0.001) == [half, half, half]  # one slow commit is none
    fast_again = sizes(5 * SLOW_DISK_S, *[0.0] * 6)
    assert fast_again[:2] == [half, whole]
    assert fast_again[-2:] == [half, half]


def test_an_event_without_a_stored_form_holds_up_no_other() -> None:
    queue = JournalQueue()
    codec = EventCodec()
    queue.put("meter:1", [reading(1)])
    queue.put("meter:1", [reading(2), reading(3)])
    bad = queue.put("meter:1", [reading(2**70)])
    log = FakeLog()
    one = Committer(queue, log, codec, lambda: None)
    one.work()
    assert [append.rows for append in log.batches[0]] == [
        [codec.encode(reading(1))],
        [codec.encode(reading(2)), codec.encode(reading(3))],
    ]
    assert "cannot be stored" in str(one.committed[0].batch.refused[bad])

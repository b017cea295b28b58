"""Mailboxes: what is accepted, who is answered, and what a full one does to its senders."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from trio.testing import MockClock, wait_all_tasks_blocked

from actors.actor import Actor, BatchActor
from actors.errors import ActorCrashed, ActorStopped, AskTimeout, MailboxFull
from actors.mailbox import Later, Ref, State
from actors.supervisor import Backoff, ChildSpec, Supervisor
from actors.tree import open_node

FAST = Backoff(first_s=0.001, cap_s=0.01, jitter=0)


class Clerk(Actor):
    """Does what the message says."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.owed: list[Later] = []

    async def receive(self, message: Any) -> Any:
        match message:
            case "boom":
                raise ValueError("boom")
            case "hang":
                await trio.sleep_forever()
            case "later":
                later = self.defer()
                assert later is not None
                self.owed.append(later)
                return "ignored"
            case "answer":
                for number, later in enumerate(self.owed):
                    later.answer(number)
            case "refuse":
                self.owed.pop().fail(KeyError("no such register"))
            case "exchange":
                return await self.expect(lambda told: told == "frame", 1.0)
            case _:
                self.seen.append(message)
                return (message, len(self.seen))
        return None


@asynccontextmanager
async def one(start: Callable[[], Actor], **options: Any) -> AsyncIterator[Ref]:
    spec = ChildSpec(name="a", start=start, **options)
    async with open_node("n", lambda: Supervisor(spec, backoff=FAST, intensity=100)) as node:
        ref = node.find("/a")
        assert ref is not None
        yield ref


async def collect(ref: Ref, message: Any, out: list[Any], timeout_s: float = 1e4) -> None:
    try:
        out.append(await ref.ask(message, timeout_s))
    except Exception as failure:  # noqa: BLE001 -- the tests look at what came
        out.append(type(failure))


async def hang(ref: Ref) -> None:
    ref.tell("hang")
    await wait_all_tasks_blocked()


async def test_a_question_is_answered_with_what_the_handler_returns(
    autojump_clock: MockClock,
) -> None:
    async with one(Clerk) as ref:
        assert await ref.ask("x", 1) == ("x", 1)
        assert await ref.ask("y", 1) == ("y", 2)
        assert ref.handled == 2


async def test_a_full_mailbox_refuses_and_says_how_full(autojump_clock: MockClock) -> None:
    async with one(Clerk, mailbox=2, shutdown_s=1.0) as ref:
        await hang(ref)
        ref.tell(1)
        ref.tell(2)
        with pytest.raises(MailboxFull, match=r"mailbox of /n/a is full \(2 messages\)"):
            ref.tell(3)
        ref.tell_always("the end")
        assert ref.waiting == 3
        assert ref.high == 2


async def test_a_sender_waits_for_room_and_is_served_in_order(autojump_clock: MockClock) -> None:
    async with one(Clerk, mailbox=1) as ref:
        await hang(ref)
        ref.tell(0)
        async with trio.open_nursery() as nursery:
            for number in (1, 2, 3):
                nursery.start_soon(ref.send, number)
                await wait_all_tasks_blocked()
            assert ref.waiting == 1
            ref.kill()
        await ref.ask("last", 1)
        assert isinstance(ref.actor, Clerk)
        assert ref.actor.seen == [0, 1, 2, 3, "last"]


async def test_a_sender_that_gives_up_puts_nothing_in(autojump_clock: MockClock) -> None:
    async with one(Clerk, mailbox=1, shutdown_s=1.0) as ref:
        await hang(ref)
        ref.tell(0)
        with trio.move_on_after(5) as scope:
            await ref.send(1)
        assert scope.cancelled_caught
        assert ref.waiting == 1


async def test_a_question_that_timed_out_in_the_mailbox_is_never_started(
    autojump_clock: MockClock,
) -> None:
    async with one(Clerk) as ref:
        await hang(ref)
        start = trio.current_time()
        with pytest.raises(AskTimeout, match=r"/n/a did not answer within 2.5 s"):
            await ref.ask("late", 2.5)
        assert trio.current_time() - start == 2.5
        ref.kill()
        assert await ref.ask("x", 1) == ("x", 1)
        assert ref.dropped == 2  # the one in hand and the late one
        assert ref.handled == 1


async def test_a_question_whose_asker_was_cancelled_is_never_started(
    autojump_clock: MockClock,
) -> None:
    async with one(Clerk) as ref:
        await hang(ref)
        with trio.move_on_after(1):
            await ref.ask("gone", 1000)
        ref.kill()
        assert await ref.ask("x", 1) == ("x", 1)


async def test_only_the_message_in_hand_fails_and_the_rest_survive(
    autojump_clock: MockClock,
) -> None:
    async with one(Clerk) as ref:
        await hang(ref)
        answers: dict[str, list[Any]] = {"boom": [], "p": [], "q": []}
        async with trio.open_nursery() as nursery:
            for message, out in answers.items():
                nursery.start_soon(collect, ref, message, out)
                await wait_all_tasks_blocked()
            ref.kill()
        assert answers == {"boom": [ActorCrashed], "p": [("p", 1)], "q": [("q", 2)]}
        assert ref.restarts == 2


async def test_the_asker_learns_why_the_actor_crashed(autojump_clock: MockClock) -> None:
    async with one(Clerk) as ref:
        with pytest.raises(ActorCrashed, match="/n/a crashed: ValueError: boom") as raised:
            await ref.ask("boom", 1)
        assert isinstance(raised.value.__cause__, ValueError)


async def test_an_answer_may_come_later(autojump_clock: MockClock) -> None:
    async with one(Clerk) as ref:
        first: list[Any] = []
        second: list[Any] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(collect, ref, "later", first)
            await wait_all_tasks_blocked()
            nursery.start_soon(collect, ref, "later", second)
            await wait_all_tasks_blocked()
            assert first == second == []
            assert await ref.ask("x", 1) == ("x", 1)
            ref.tell("answer")
        assert (first, second) == ([0], [1])
        assert not ref._owed


async def test_an_answer_may_be_a_failure(autojump_clock: MockClock) -> None:
    async with one(Clerk) as ref:
        out: list[Any] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(collect, ref, "later", out)
            await wait_all_tasks_blocked()
            ref.tell("refuse")
        assert out == [KeyError]


async def test_an_answer_that_is_owed_fails_when_the_actor_dies(autojump_clock: MockClock) -> None:
    async with one(Clerk) as ref:
        out: list[Any] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(collect, ref, "later", out)
            await wait_all_tasks_blocked()
            ref.tell("boom")
        assert out == [ActorCrashed]
        assert not ref._owed


async def test_nobody_is_owed_an_answer_to_what_was_told(autojump_clock: MockClock) -> None:
    async with one(Clerk) as ref:
        ref.tell("later")  # the handler asserts that it owes one
        await ref.until(State.BACKOFF)
        assert "AssertionError" in str(ref.crash)


async def test_expect_takes_what_it_wants_and_leaves_the_rest_in_order(
    autojump_clock: MockClock,
) -> None:
    async with one(Clerk) as ref:
        out: list[Any] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(collect, ref, "exchange", out)
            await wait_all_tasks_blocked()
            for message in ("noise", "other", "frame", "frame"):
                ref.tell(message)
        assert out == ["frame"]
        await ref.ask("end", 1)
        assert isinstance(ref.actor, Clerk)
        assert ref.actor.seen == ["noise", "other", "frame", "end"]


async def test_expect_gives_up_in_time(autojump_clock: MockClock) -> None:
    async with one(Clerk) as ref:
        start = trio.current_time()
        with pytest.raises(ActorCrashed, match="TooSlowError"):
            await ref.ask("exchange", 100)
        assert trio.current_time() - start == 1.0


async def test_those_who_cannot_wait_are_called_when_there_is_room(
    autojump_clock: MockClock,
) -> None:
    async with one(Clerk, mailbox=1) as ref:
        await hang(ref)
        ref.tell(0)
        called: list[str] = []
        ref.when_room(lambda: called.append("first"))
        ref.when_room(lambda: called.append("second"))
        ref.kill()
        await ref.ask("x", 1)
        assert called == ["first", "second"]  # each, and once


async def test_a_stopped_actor_takes_nothing_and_lets_nobody_wait(
    autojump_clock: MockClock,
) -> None:
    called: list[str] = []
    out: list[Any] = []
    async with trio.open_nursery() as nursery, one(Clerk, mailbox=2, shutdown_s=1.0) as ref:
        await hang(ref)
        nursery.start_soon(collect, ref, "queued", out)
        await wait_all_tasks_blocked()
        ref.tell("full")
        nursery.start_soon(collect, ref, "waits for room", out)
        await wait_all_tasks_blocked()
        ref.when_room(lambda: called.append("nobody reads it"))
    assert out == [ActorStopped, ActorStopped]
    assert called == ["nobody reads it"]
    with pytest.raises(ActorStopped, match="/n/a has stopped"):
        ref.tell(1)
    with pytest.raises(ActorStopped):
        await ref.ask(1, 1)
    ref.tell_always(1)
    assert ref.waiting == 0


class Writer(BatchActor):
    """Answers each of a batch with the batch's number and size."""

    batch_max = 4

    def __init__(self) -> None:
        self.batches: list[list[Any]] = []

    async def receive_batch(self, messages: Sequence[Any]) -> Sequence[Any]:
        if "boom" in messages:
            raise OSError("disk full")
        await trio.sleep(1)
        self.batches.append(list(messages))
        return [(len(self.batches), len(messages))] * len(messages)


async def test_a_batch_is_what_gathered_while_the_last_was_written(
    autojump_clock: MockClock,
) -> None:
    async with one(Writer) as ref:
        out: list[Any] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(collect, ref, 0, out)
            await wait_all_tasks_blocked()
            for number in range(1, 7):
                nursery.start_soon(collect, ref, number, out)
        assert sorted(out) == [(1, 1)] + [(2, 4)] * 4 + [(3, 2)] * 2


async def test_a_batch_makes_room_for_as_many_as_it_took(autojump_clock: MockClock) -> None:
    async with one(Writer, mailbox=4) as ref:
        async with trio.open_nursery() as nursery:
            for number in range(9):
                nursery.start_soon(ref.send, number)
        await ref.ask("end", 100)
        assert isinstance(ref.actor, Writer)
        assert max(map(len, ref.actor.batches)) == 4
        assert len(ref.actor.batches) <= 4


async def test_a_crash_fails_the_whole_batch_and_nothing_behind_it(
    autojump_clock: MockClock,
) -> None:
    async with one(Writer) as ref:
        failed: list[Any] = []
        behind: list[Any] = []
        async with trio.open_nursery() as nursery:
            nursery.start_soon(collect, ref, 0, [])
            await wait_all_tasks_blocked()
            for message in (1, 2, "boom", 3):
                nursery.start_soon(collect, ref, message, failed)
            await wait_all_tasks_blocked()
            nursery.start_soon(collect, ref, 4, behind)
        assert failed == [ActorCrashed] * 4
        assert behind == [(1, 1)]
        assert ref.dropped == 4


async def test_nothing_is_written_when_all_who_asked_have_left(autojump_clock: MockClock) -> None:
    async with one(Writer) as ref:
        ref.tell("first")
        await wait_all_tasks_blocked()
        with pytest.raises(AskTimeout):
            await ref.ask("gone", 0.5)
        await trio.sleep(5)
        assert isinstance(ref.actor, Writer)
        assert ref.actor.batches == [["first"]]

"""What an actor is: one task, one mailbox, state that a crash throws away."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Final

import outcome
import trio
from trio.lowlevel import checkpoint, current_task, wait_task_rescheduled

from actors.mailbox import Later, Question, Ref

TURNS_MAX: Final = 32
"""Messages that one actor may handle before it lets the others run."""


class Actor:
    """Override ``started``, ``receive``, ``stopping``; or ``run``, if it needs no messages."""

    ref: Ref

    async def started(self) -> None:
        """Prepare; messages are handled afterwards. An error here counts as a crash."""

    async def receive(self, message: Any) -> Any:
        """Handle one message; what is returned answers an ask."""
        raise NotImplementedError

    def receive_now(self, message: Any) -> bool:
        """Handle ``message`` at once, without waiting for anything; False: not this one, not now.

        Called instead of ``receive``, in the task of whoever has the message, and only while this
        actor waits with an empty mailbox: nothing can come in between, and no task is woken.
        """
        return False

    async def stopping(self) -> None:
        """Clean up: always runs, also after a crash or a cancel, for at most ``shutdown_s``."""

    def detail(self) -> str:
        """Return what people should know about this actor's state now; may be empty."""
        return ""

    def defer(self) -> Later | None:
        """Inside ``receive``: answer this question later. None if nobody waits for an answer."""
        return self.ref.defer()

    async def run(self) -> None:
        """Handle messages until the mailbox is closed and empty.

        One coroutine and no call on the way: thousands of these wait at any time, and every frame
        that waits with them takes memory, and time at every message.
        """
        ref, turns = self.ref, 0
        message: Any
        while True:
            while not ref._box:
                if ref.closing:
                    return
                turns = 0
                ref._parked = current_task()
                await wait_task_rescheduled(ref.abort_wait)
            message = ref._box.pop(0)
            if ref._room is not None or ref._on_room is not None:
                ref.made_room()
            ref._since = trio.current_time()
            ref._current = message
            if type(message) is Question:
                await self._answer(message)
            else:
                await self.receive(message)
            ref._current = message = None  # whoever waits for the next keeps nothing of the last
            ref.handled += 1
            turns += 1
            if turns >= TURNS_MAX:
                turns = 0
                await checkpoint()

    async def _answer(self, question: Question) -> None:
        ref = self.ref
        if question.result is not None or question.deadline < ref._since:
            ref.dropped += 1  # the caller has left: it is never started
            ref.handled -= 1
            return
        value = await self.receive(question.message)
        if ref._current is question:
            question.settle(outcome.Value(value))

    async def expect(self, wanted: Callable[[Any], bool], timeout_s: float) -> Any:
        """Return the next told message that is ``wanted``; everything else keeps its place.

        Raises:
            trio.TooSlowError: none came within ``timeout_s``.

        """
        ref = self.ref
        looked = 0
        with trio.fail_after(timeout_s):
            while True:
                box = ref._box
                while box is not None and looked < len(box):
                    message = box[looked]
                    if type(message) is not Question and wanted(message):
                        del box[looked]
                        ref.made_room()
                        return message
                    looked += 1
                await ref.wait_message()


class BatchActor(Actor):
    """Gets everything that waits in its mailbox in one call, for group commits and fan-outs."""

    batch_max: ClassVar[int] = 1000

    async def receive_batch(self, messages: Sequence[Any]) -> Sequence[Any]:
        """Handle ``messages``; return one answer for each."""
        raise NotImplementedError

    async def run(self) -> None:
        """Handle batches until the mailbox is closed and empty."""
        ref = self.ref
        while True:
            while not ref._box:
                if ref.closing:
                    return
                await ref.wait_message()
            live = self._take()
            if live:
                await self._batch(live)
            await checkpoint()

    def _take(self) -> list[Any]:
        ref = self.ref
        now = ref._since = trio.current_time()
        box = ref._box
        before = ref.waiting
        live: list[Any] = []
        while box and len(live) < self.batch_max:
            message = box.pop(0)
            if isinstance(message, Question) and (message.result or message.deadline < now):
                ref.dropped += 1
            else:
                live.append(message)
        ref.made_room(before - ref.waiting)
        return live

    async def _batch(self, live: list[Any]) -> None:
        ref = self.ref
        ref._current = live
        plain = [m.message if isinstance(m, Question) else m for m in live]
        answers = await self.receive_batch(plain)
        for message, answer in zip(live, answers, strict=True):
            if isinstance(message, Question):
                message.settle(outcome.Value(answer))
        ref._current = None
        ref.handled += len(live)

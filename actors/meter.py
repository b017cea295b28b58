"""The actor of one meter: judges what it says, asks it what is wanted, writes the facts down.

It keeps the meter's memory (``hes.meter_state``), a fold of its own stream. Nothing is confirmed
to the meter, and nothing answered to a person, before the journal has it on disk.
"""

import contextlib
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from math import inf
from typing import Any, Final

import trio

from actors import meter_jobs as jobs, push_judge
from actors.actor import Actor
from actors.bus import Transaction
from actors.context import Context
from actors.directory import modem_of
from actors.drivers.base import CounterJump, Driver, DriverWorld
from actors.drivers.known_objects import recall
from actors.drivers.registry import make_driver
from actors.errors import ActorStopped, BusFull, JournalFailed, MailboxFull, NoModem
from actors.failures import is_final, reason_of
from actors.invocation_counters import RESERVED, InvocationCounters
from actors.job import NO_JOBS, Job, Judging
from actors.job_of import job_of
from actors.journal_queue import Entry
from actors.meter_messages import (
    Collect,
    FillGap,
    Finished,
    GoOn,
    MeterMessage,
    Perform,
    Push,
    SaveSnapshot,
)
from actors.modem_messages import Submit
from actors.read_slots import OVERTIME_S
from actors.relayed import Relayed
from actors.type_words import WordsOf
from hes.commands import CommandFailed, UnknownMeter
from hes.devices import Device
from hes.events.base import DomainEvent
from hes.events.device import CounterReserved
from hes.events.reading import FailureReason, Source
from hes.ids import MeterId, meter_stream
from hes.meter_state import SNAPSHOT_EVERY, MeterState
from hes.rules import collection, event_size, power_failure
from hes.rules.back_off import BackOff
from hes.rules.kept import kept_events
from hes.rules.repeats import is_repeat
from hes.store.errors import StoreError
from hes.store.loading import load_state
from protocols.dlms.apdu_push import DataNotification
from protocols.meter_types.meter_type import MeterType

GO_ON_S: Final = 900.0
"""For each further conversation of a job, with its time in the queue."""


class MeterActor(Actor):
    """See the module."""

    def __init__(self, meter: MeterId, context: Context) -> None:
        self._meter = meter
        self._stream = meter_stream(meter)
        self._context = context
        self._state: MeterState | None = None
        self._version = 0
        self._driver: Driver | None = None
        self._device: Device | None = None
        self._type: MeterType | None = None
        """What the driver was made for."""
        self._words = WordsOf(meter, context)
        self._counters = InvocationCounters()
        self._asking = 0
        """Transactions under way."""
        self._under_way: frozenset[type[Job]] = NO_JOBS
        """What the schedule asks for now: the same is never asked twice at a time."""
        self._settled: dict[str, datetime] = {}
        """Profile to where it was looked at, whether the meter had intervals or not."""
        self._back_off: BackOff | None = None
        """Of a meter that does not answer, and has neighbours on its line."""
        self._storing: Entry | None = None
        """A push on its way to the disk; nothing else is done meanwhile."""

    def detail(self) -> str:
        """Return what is going on, for the tree."""
        without = "without supply; " if self._state and self._state.failed_at else ""
        return f"{without}{self._asking} transactions under way"

    def receive_now(self, message: MeterMessage) -> bool:
        """Handle a push at once, when nothing has to be waited for."""
        state = self._state
        if type(message) is not Push or state is None or self._storing is not None:
            return False
        if message.counter is not None or self._context.journal.full:
            return False
        if is_repeat(state.digests, message.digest):
            _confirm(message)
        else:
            self._store(message, state)
        return True

    async def receive(self, message: MeterMessage | Relayed) -> bool | None:
        """Handle one message; what a modem relays is answered by whether it is durable."""
        if self._storing is not None:
            with contextlib.suppress(JournalFailed):  # told to whom it concerns
                await self._storing.wait()
        match message:
            case Push():
                with contextlib.suppress(JournalFailed):  # the device will send it again
                    await self._push(message)
            case SaveSnapshot():
                await self._save_snapshot()
            case Finished(job=job, result=result, failure=failure):
                await self._finished(job, result, failure)
            case Perform():
                await self._perform(message)
            case Collect():
                with contextlib.suppress(JournalFailed, UnknownMeter, CommandFailed):
                    await self._collect(message)
                self._free_slot(jobs.CollectJob)
            case FillGap(deadline_s=deadline_s):
                await self._fill_gap(deadline_s)
            case GoOn(job=job):
                await self._go_on(job)
            case Relayed():
                return await self._relayed(message)
        return None

    # -- memory

    async def _memory(self) -> MeterState:
        """Return the meter's memory, loaded when it is needed first.

        Raises:
            JournalFailed: the store cannot be read now.

        """
        if self._state is None:
            context, stream = self._context, self._stream
            try:
                loaded = await context.in_reader(load_state, context.log, context.codec, stream)
            except StoreError as problem:
                raise JournalFailed(f"the meter's memory cannot be loaded: {problem}") from problem
            self._state, self._version = loaded
        return self._state

    async def _record(self, events: Sequence[DomainEvent]) -> None:
        """Store events; the memory follows once they are durable.

        Raises:
            JournalFailed: they may not be; the memory was dropped and will be loaded anew.

        """
        if not events:
            return
        events = event_size.bounded(events)
        state = await self._memory()
        before = self._version
        try:
            self._version = await self._context.journal.append(self._stream, events)
        except JournalFailed:
            self._state = None
            raise
        for event in events:
            state.apply(event)
        if self._is_snapshot_due(before):
            await self._save_snapshot()

    def _is_snapshot_due(self, before: int) -> bool:
        """Whether the stream has grown past a multiple of ``SNAPSHOT_EVERY``."""
        return self._version // SNAPSHOT_EVERY > before // SNAPSHOT_EVERY

    async def _save_snapshot(self) -> None:
        state, context = self._state, self._context
        if state is None:
            return
        with contextlib.suppress(StoreError):  # it only makes the next start quicker
            await context.in_reader(
                context.log.save_snapshot, self._stream, self._version,
                state.snapshot(),
            )  # fmt: skip

    # -- pushes

    async def _push(self, push: Push) -> None:
        state = self._state or await self._memory()
        if is_repeat(state.digests, push.digest):
            _confirm(push)  # the confirmation got lost, the data did not
        elif push.counter is not None and not state.counters.accepts(push.counter):
            await self._stale(push)
        else:
            await self._context.journal.wait_room()
            self._store(push, state)

    def _store(self, push: Push, state: MeterState) -> None:
        """Send what the push says on its way to the disk."""
        # The confirmation is made here: of the push itself nothing is held meanwhile.
        self._storing = self._context.journal.append_soon(
            self._stream, self._judged(push, state), self._stored, self.ref,
            (push.port, push.confirmation()),
        )  # fmt: skip

    def _stored(self, entry: Entry) -> None:
        """Take note of how it ended, in the journal's task."""
        self._storing = None
        state, before = self._state, self._version
        if entry.version is None or state is None:
            self._state = None  # not confirmed: the device will send it again
            return
        self._version, self._back_off = entry.version, None
        for event in entry.events:
            state.apply(event)
        port, confirmation = entry.note
        if confirmation and port.lost_reason is None:
            port.write(confirmation)
        if self._is_snapshot_due(before):
            self.ref.tell_always(SaveSnapshot())

    def _judged(self, push: Push, state: MeterState) -> list[DomainEvent]:
        if type(push.plain) is DataNotification and push.counter is None:
            self._context.shapes.learn(push.apdu, push.plain)
        return push_judge.judge(
            push,
            state=state,
            limits=self._context.limits,
            scale_of=self._scale_of,
            utc_offset_min=self._context.utc_offset_min,
            words=self._words.now(),
        )

    async def _stale(self, push: Push) -> None:
        """Pass a push with an old counter to the next meter that it may be from, or keep it."""
        if push.others:
            first, *push.others = push.others
            await self._context.meter(first).send(push)
            return
        detail = f"invocation counter {push.counter} was used before: a replay"
        await self._record(
            kept_events("stale-counter", detail, push.apdu, push.received_at, digest=push.digest)
        )

    async def _relayed(self, relayed: Relayed) -> bool:
        """Take what the modem has stored of this meter, once; return whether it is durable."""
        try:
            state = await self._memory()
            if not is_repeat(state.digests, relayed.digest):
                await self._record(relayed.judge(self._judging(state)))
        except JournalFailed:
            return False
        return True

    # -- the driver

    def _scale_of(self, obis: str) -> tuple[int | None, int | None] | None:
        known = None if self._driver is None else self._driver.scale_of(obis)
        return known or self._words.now().scale_of(obis)

    def _ready_driver(self) -> Driver:
        """Return the driver for the meter as the device list has it now.

        Raises:
            UnknownMeter: it is not in the list.
            CommandFailed: its protocol is not spoken.

        """
        device = self._context.device(self._meter)
        if device is None:
            raise UnknownMeter(self._meter)
        context = self._context
        meter_type = context.type_of(self._meter)
        if self._driver is None or (device, meter_type) != (self._device, self._type):
            world = DriverWorld(
                now=context.now,
                random_bytes=context.rng.randbytes,
                counter=self._counters.take,
                utc_offset_min=context.utc_offset_min,
                keys_told=partial(context.keys_told, self._meter),
            )
            self._driver = make_driver(device, world, context.meter_types)
            self._device, self._type = device, meter_type
        if self._driver is None:
            why = f"meters of protocol {device.protocol} cannot be read yet"
            raise CommandFailed(FailureReason.INTERNAL, why)
        return self._driver

    async def _reserve_counters(self, driver: Driver, at_least: int = 0) -> None:
        """Make sure that the counters of the next conversation are written down before."""
        if not driver.counters_per_read:
            return
        state, now, counters = await self._memory(), self._context.now(), self._counters
        # Those that wait for the line will take theirs first.
        count = driver.counters_per_read * (self._asking + 1)
        needed = counters.needed(count, at_least, state.counter_reserved, now.timestamp())
        if needed > state.counter_reserved:
            await self._record([CounterReserved(received_at=now, below=needed + RESERVED)])
        counters.end = max(needed, state.counter_reserved)

    # -- asking

    async def _perform(self, wanted: Perform) -> None:
        later = self.defer()
        try:
            job = job_of(wanted.command, later, trio.current_time())
            job.deadline, job.patience = job.since + wanted.timeout_s, wanted.patience
            self._refuse_second(job)
            self._ready_driver()
            await self._record(job.requested(self._context.now(), await self._memory()))
            await self._start(job)
            if job.alone:
                self._under_way |= {type(job)}
            job.started()
        except (JournalFailed, CommandFailed, UnknownMeter) as problem:
            if later is not None:
                later.fail(problem)

    def _refuse_second(self, job: Job) -> None:
        if job.alone and type(job) in self._under_way:
            raise CommandFailed(FailureReason.BUSY, f"a {job.name} is under way already")

    async def _collect(self, told: Collect) -> None:
        """Ask for what is due by the schedule; one such read at a time."""
        try:
            driver = self._ready_driver()
            self._pass_over(told)
        except CommandFailed as unfit:  # its type is not known here, say: absence is a fact too
            job = jobs.CollectJob(trio.current_time(), (), ())
            await self._record(job.missed(unfit, unfit.reason, self._context.now()))
            return
        state = await self._memory()
        recall(driver, state)
        now, since = self._context.now(), trio.current_time()
        fresh_s = inf if state.collected_at is None else (now - state.collected_at).total_seconds()
        if jobs.CollectJob in self._under_way or fresh_s < told.unless_within_s:
            return
        wanted = self._context.collection
        profiles = collection.worth_asking(wanted.profiles, driver.offers)
        windows = collection.newest(profiles, state.profile_until, self._settled, now)
        job = jobs.CollectJob(since, wanted.registers, windows)
        await self._schedule(job, told.deadline_s)

    def _pass_over(self, told: Collect) -> None:
        """Let a round be, of a meter that stays silent, when others need its line.

        Raises:
            CommandFailed: so it is.

        """
        back_off = self._back_off
        if back_off is not None and not told.unless_within_s and not back_off.begin_round():
            raise CommandFailed(FailureReason.NO_ANSWER, str(back_off))

    async def _fill_gap(self, deadline_s: float) -> None:
        with contextlib.suppress(JournalFailed, UnknownMeter, CommandFailed):
            await self._backfill(deadline_s)
        self._free_slot(jobs.BackfillJob)

    async def _backfill(self, deadline_s: float) -> None:
        """Fetch the oldest window that is missing, if the node has nothing better to do."""
        state, since = await self._memory(), trio.current_time()
        window = collection.missing(
            self._context.collection.profiles, state.profile_until, state.profile_gaps,
            self._settled, self._context.now(),
        )  # fmt: skip
        if window is None or jobs.BackfillJob in self._under_way:
            return
        slot, until = (self._meter, jobs.BackfillJob.name), since + deadline_s + OVERTIME_S
        if self._context.slots.take_spare(slot, since, until):
            await self._schedule(jobs.BackfillJob(since, window), deadline_s)

    async def _schedule(self, job: Job, deadline_s: float) -> None:
        job.deadline = job.since + deadline_s
        await self._start(job)
        self._under_way |= {type(job)}

    def _free_slot(self, kind: type[Job]) -> None:
        """Give the slot of scheduled reads back, unless such a read is under way."""
        if kind not in self._under_way:
            self._context.slots.free((self._meter, kind.name))

    async def _start(self, job: Job, *, counter: int = 0) -> None:
        """Put the job's conversation into the queue of the meter's modem."""
        driver = self._ready_driver()
        await self._reserve_counters(driver, counter)
        device = self._device
        assert device is not None  # noqa: S101 -- the driver was made from it
        transaction = Transaction(
            f"{self._meter}: {job.name}",
            job.priority,
            lambda: job.dialogue(driver),
            deadline=job.deadline,
            done=lambda result, failure: self.ref.tell_always(Finished(job, result, failure)),
            wanted=lambda: job.wanted,
        )
        self._asking += 1
        try:
            # Never wait here: the modem's actor may be waiting for room in our own mailbox.
            self._context.modem(modem_of(device)).tell(Submit(transaction))
        except MailboxFull as problem:
            transaction.settle(None, BusFull(str(problem)))
        except ActorStopped as problem:
            transaction.settle(None, NoModem(str(problem)))

    async def _go_on(self, job: Job) -> None:
        """Begin the next conversation of a job that has several."""
        job.deadline, job.pause_s = trio.current_time() + GO_ON_S, None
        try:
            await self._start(job)
        except (JournalFailed, CommandFailed, UnknownMeter) as problem:
            self._asking += 1
            await self._finished(job, None, problem)

    # -- answers

    async def _finished(self, job: Job, result: Any, failure: Exception | None) -> None:
        self._asking = max(0, self._asking - 1)  # an earlier incarnation may have asked
        self._under_way = self._under_way - {type(job)} or NO_JOBS
        stored = False
        try:
            if isinstance(failure, CounterJump) and not job.jumped:
                job.jumped = True
                await self._start(job, counter=failure.wanted)
                self._under_way |= {type(job)}
            elif failure is not None:
                await self._failed(job, failure)
            else:
                await self._answered(job, result)
                stored = True
        except JournalFailed as problem:
            job.fail(CommandFailed(FailureReason.INTERNAL, f"the answer is not stored: {problem}"))
        except (CommandFailed, UnknownMeter) as problem:  # the device list has changed meanwhile
            job.fail(problem)
        if job.source is not Source.DEMAND:
            await self._scheduled_ended(job, go_on=stored)
        elif job.pause_s is not None:
            self._under_way |= {type(job)}
            self._context.after(job.pause_s, self._meter, GoOn(job))

    async def _scheduled_ended(self, job: Job, *, go_on: bool) -> None:
        """Let the next meter have its turn, and go on with what is missing of this one."""
        self._free_slot(type(job))
        if go_on:
            await self._fill_gap(job.deadline - job.since)

    async def _answered(self, job: Job, result: Any) -> None:
        self._back_off = None
        state = await self._memory()
        outcome = job.judge(result, self._judging(state))
        events = list(outcome.events)
        if state.failed_at is not None:
            now = self._context.now()
            events += power_failure.restored(failed_at=state.failed_at, sign=None, received_at=now)
        events += self._finish(job, ok=True, detail=outcome.summary)
        await self._record(events)
        job.answer(outcome.answer)
        self._settled.update(job.settled(result))

    def _judging(self, state: MeterState) -> Judging:
        return Judging(
            now=self._context.now(), state=state, limits=self._context.limits,
            scale_of=self._scale_of, event_names=self._words.now().events,
        )  # fmt: skip

    async def _failed(self, job: Job, failure: Exception) -> None:
        reason = reason_of(failure)
        if type(job) is jobs.CollectJob:
            if reason is FailureReason.NO_ANSWER and self._has_neighbours():
                self._back_off = self._back_off or BackOff()
                self._back_off.note_silence()
            if self._back_off is None or self._back_off.insists:
                self._context.on_missed(self._meter, reason)
        now = self._context.now()
        events = job.missed(failure, reason, now)
        events += self._finish(job, ok=False, detail=f"{reason}: {failure}")
        await self._record(events)
        if is_final(failure):
            self._settled.update(job.settled(None))
        job.fail(CommandFailed(reason, str(failure)))

    def _has_neighbours(self) -> bool:
        """Whether other meters need the same line."""
        device = self._device
        return device is not None and len(self._context.directory.behind(modem_of(device))) > 1

    def _finish(self, job: Job, *, ok: bool, detail: str) -> list[DomainEvent]:
        job.ended()
        now = self._context.now()
        return job.finished(ok=ok, detail=detail, now=now, at=trio.current_time())


def _confirm(push: Push) -> None:
    if push.port.lost_reason is None:
        push.port.write(push.confirmation())

"""The actor of one meter: judges what it says, asks it what is wanted, writes the facts down.

It keeps the meter's memory (``hes.meter_state``), a fold of its own stream. Nothing is confirmed
to the meter, and nothing answered to a person, before the journal has it on disk.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import trio

from actors import meter_jobs as jobs, push_judge
from actors.actor import Actor
from actors.bus import Priority, Transaction
from actors.context import Context
from actors.drivers.base import CounterJump, Driver, DriverWorld
from actors.drivers.registry import make_driver
from actors.errors import JournalFailed
from actors.failures import reason_of
from actors.mailbox import Later
from actors.meter_messages import Collect, Finished, Perform, Push
from actors.modem import Submit
from hes.commands import CheckClock, CommandFailed, ReadProfile, ReadRegisters, UnknownMeter
from hes.devices import Device
from hes.events.base import DomainEvent
from hes.events.command import CommandFinished, CommandRequested
from hes.events.device import CounterReserved
from hes.events.reading import FailureReason, ReadFailed, Source
from hes.ids import MeterId, meter_stream
from hes.meter_state import SNAPSHOT_EVERY, MeterState
from hes.rules import power_failure
from hes.rules.kept import kept_events
from hes.rules.repeats import is_repeat
from hes.store.loading import load_state
from protocols.dlms.apdu_push import DataNotification, DataNotificationConfirm, encode_confirm

COUNTERS_RESERVED: Final = 2000
"""Invocation counters written down ahead: one event for a month of readings."""
COUNTER_EPOCH: Final = 1_577_836_800
"""2020-01-01: a meter that never met us gets counters from the seconds since, so that they are
above all that we may have used before a store was lost."""
SHIFT_S_MAX: Final = 60.0


class MeterActor(Actor):
    """See the module."""

    def __init__(self, meter: MeterId, context: Context) -> None:
        self._meter = meter
        self._context = context
        self._state: MeterState | None = None
        self._version = 0
        self._driver: Driver | None = None
        self._device: Device | None = None
        self._counter = 0
        self._asking = 0
        """Transactions under way."""

    def detail(self) -> str:
        """Return what is going on, for the tree."""
        without = "without supply; " if self._state and self._state.failed_at else ""
        return f"{without}{self._asking} transactions under way"

    async def receive(self, message: Push | Perform | Collect | Finished) -> None:
        """Handle one message."""
        match message:
            case Push():
                await self._push(message)
            case Finished(job=job, result=result, failure=failure):
                await self._finished(job, result, failure)
            case Perform(command=command, timeout_s=timeout_s):
                await self._perform(command, timeout_s)
            case Collect(deadline_s=deadline_s):
                await self._collect(deadline_s)

    # -- memory

    async def _memory(self) -> MeterState:
        """Return the meter's memory, loaded when it is needed first."""
        if self._state is None:
            context = self._context
            loaded = await trio.to_thread.run_sync(
                load_state, context.log, context.codec, meter_stream(self._meter),
                limiter=context.readers,
            )  # fmt: skip
            self._state, self._version = loaded
        return self._state

    async def _record(self, events: Sequence[DomainEvent]) -> None:
        """Store events; the memory follows once they are durable.

        Raises:
            JournalFailed: they may not be; the memory was dropped and will be loaded anew.

        """
        if not events:
            return
        state = await self._memory()
        before = self._version
        try:
            self._version = await self._context.journal.append(meter_stream(self._meter), events)
        except JournalFailed:
            self._state = None
            raise
        for event in events:
            state.apply(event)
        if self._version // SNAPSHOT_EVERY > before // SNAPSHOT_EVERY:
            context, stream = self._context, meter_stream(self._meter)
            await trio.to_thread.run_sync(
                context.log.save_snapshot, stream, self._version, state.snapshot(),
                limiter=context.readers,
            )  # fmt: skip

    # -- pushes

    async def _push(self, push: Push) -> None:
        state = await self._memory()
        try:
            if is_repeat(state.digests, push.digest):
                self._confirm(push)  # the confirmation got lost, the data did not
                return
            if push.counter is not None and not state.counters.accepts(push.counter):
                await self._stale(push)
                return
            await self._record(self._judged(push, state))
        except JournalFailed:
            return  # not confirmed: the device will send it again
        self._confirm(push)

    def _judged(self, push: Push, state: MeterState) -> list[DomainEvent]:
        return push_judge.judge(
            push,
            state=state,
            limits=self._context.limits,
            scale_of=self._scale_of,
            utc_offset_min=self._context.utc_offset_min,
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

    @staticmethod
    def _confirm(push: Push) -> None:
        plain = push.plain
        if not isinstance(plain, DataNotification) or not plain.confirmed:
            return
        answer = encode_confirm(DataNotificationConfirm(plain.long_invoke_id, plain.time))
        if push.port.lost_reason is None:
            push.port.write(push.reply(answer))

    # -- the driver

    def _scale_of(self, obis: str) -> tuple[int | None, int | None] | None:
        return None if self._driver is None else self._driver.scale_of(obis)

    def _ready_driver(self) -> Driver:
        """Return the driver for the meter as the device list has it now.

        Raises:
            UnknownMeter: it is not in the list.
            CommandFailed: its protocol is not spoken.

        """
        device = self._context.device(self._meter)
        if device is None:
            raise UnknownMeter(self._meter)
        if self._driver is None or device != self._device:
            context = self._context
            world = DriverWorld(
                now=context.now,
                random_bytes=context.rng.randbytes,
                counter=self._next_counter,
                utc_offset_min=context.utc_offset_min,
            )
            self._driver = make_driver(device, world)
            self._device = device
        if self._driver is None:
            why = f"meters of protocol {device.protocol} cannot be read yet"
            raise CommandFailed(FailureReason.INTERNAL, why)
        return self._driver

    def _next_counter(self) -> int:
        self._counter += 1
        return self._counter - 1

    async def _reserve_counters(self, driver: Driver, at_least: int = 0) -> None:
        """Make sure that the counters of the next conversation are written down before."""
        if not driver.counters_per_read:
            return
        state = await self._memory()
        if not self._counter:
            since_2020 = int(self._context.now().timestamp()) - COUNTER_EPOCH
            self._counter = state.counter_reserved or max(1, since_2020)
        self._counter = max(self._counter, at_least)
        if self._counter + driver.counters_per_read > state.counter_reserved:
            now = self._context.now()
            below = self._counter + driver.counters_per_read + COUNTERS_RESERVED
            await self._record([CounterReserved(received_at=now, below=below)])

    # -- asking

    async def _perform(self, command: Any, timeout_s: float) -> None:
        later = self.defer()
        job = self._job_of(command, later)
        try:
            requested = CommandRequested(
                received_at=self._context.now(), command=job.name, argument=job.argument,
                actor=command.actor,
            )  # fmt: skip
            self._ready_driver()
            await self._record([requested])
            await self._start(job, timeout_s)
        except (JournalFailed, CommandFailed, UnknownMeter) as problem:
            if later is not None:
                later.fail(problem)

    def _job_of(self, command: Any, later: Later | None) -> jobs.Job:
        since = trio.current_time()
        match command:
            case ReadRegisters(obis=codes, actor=actor):
                return jobs.ReadRegistersJob(actor, later, since, codes)
            case ReadProfile(profile=profile, start=start, end=end, actor=actor):
                return jobs.ReadProfileJob(actor, later, since, profile, start, end)
            case CheckClock(set=change, actor=actor):
                return jobs.ClockJob(actor, later, since, change)
            case _:
                raise CommandFailed(FailureReason.INTERNAL, f"unknown command {command!r}")

    async def _collect(self, deadline_s: float) -> None:
        """Ask for what is due by the schedule; one such read at a time."""
        try:
            driver = self._ready_driver()
        except (UnknownMeter, CommandFailed):
            return
        state = await self._memory()
        begin = self._profile_begin(state)
        job = jobs.CollectJob("schedule", None, trio.current_time(), begin, self._context.now())
        try:
            await self._start(job, deadline_s, driver=driver)
        except JournalFailed:
            return

    def _profile_begin(self, state: MeterState) -> datetime:
        """Return from where on intervals are missing; at most a day at a time is asked for."""
        now = self._context.now()
        known = state.profile_until.get(jobs.LOAD_PROFILE)
        oldest = now - timedelta(days=1)
        return oldest if known is None else max(oldest, known + timedelta(seconds=1))

    async def _start(
        self, job: jobs.Job, timeout_s: float, *, driver: Driver | None = None, counter: int = 0
    ) -> None:
        """Put the job's conversation into the queue of the meter's modem."""
        driver = driver or self._ready_driver()
        await self._reserve_counters(driver, counter)
        device = self._device
        assert device is not None  # noqa: S101 -- the driver was made from it
        transaction = Transaction(
            f"{self._meter}: {job.name}",
            Priority.SCHEDULED if isinstance(job, jobs.CollectJob) else Priority.DEMAND,
            lambda: job.dialogue(driver),
            deadline=trio.current_time() + timeout_s,
            done=lambda result, failure: self.ref.tell_always(Finished(job, result, failure)),
        )
        job.timeout_s = timeout_s
        self._asking += 1
        await self._context.modem(device.modem_id).send(Submit(transaction))

    # -- answers

    async def _finished(self, job: jobs.Job, result: Any, failure: Exception | None) -> None:
        self._asking -= 1
        try:
            if isinstance(failure, CounterJump) and not job.jumped:
                job.jumped = True
                await self._start(job, job.timeout_s, counter=failure.wanted)
            elif failure is not None:
                await self._failed(job, failure)
            else:
                await self._answered(job, result)
        except JournalFailed as problem:
            job.fail(CommandFailed(FailureReason.INTERNAL, f"the answer is not stored: {problem}"))

    async def _answered(self, job: jobs.Job, result: Any) -> None:
        state = await self._memory()
        outcome = job.judge(result, self._judging(state))
        events = list(outcome.events)
        if state.failed_at is not None:
            now = self._context.now()
            events += power_failure.restored(failed_at=state.failed_at, sign=None, received_at=now)
        events += self._finish(job, ok=True, detail=outcome.summary)
        await self._record(events)
        job.answer(outcome.answer)

    def _judging(self, state: MeterState) -> jobs.Judging:
        return jobs.Judging(
            now=self._context.now(), state=state, limits=self._context.limits,
            scale_of=self._scale_of,
        )  # fmt: skip

    async def _failed(self, job: jobs.Job, failure: Exception) -> None:
        reason = reason_of(failure)
        now = self._context.now()
        events: list[DomainEvent] = [
            ReadFailed(
                received_at=now, source=job.source, what=job.argument or job.name, reason=reason,
                detail=str(failure)[:300],
            )
        ]  # fmt: skip
        events += self._finish(job, ok=False, detail=f"{reason}: {failure}"[:300])
        await self._record(events)
        job.fail(CommandFailed(reason, str(failure)))

    def _finish(self, job: jobs.Job, *, ok: bool, detail: str) -> list[DomainEvent]:
        """Return the end of a command; scheduled reads are no commands."""
        if job.source is Source.SCHEDULED:
            return []
        lasted_s = round(trio.current_time() - job.since, 3)
        return [
            CommandFinished(
                received_at=self._context.now(), command=job.name, actor=job.actor, ok=ok,
                detail=detail, lasted_s=lasted_s,
            )
        ]  # fmt: skip

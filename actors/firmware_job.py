"""New firmware for a meter: many short conversations, so that the line stays free for others.

The job goes on by itself, over breaks of the network and of the meter's supply, until the meter
runs the image, refuses it, or nobody waits for it any more. Nothing of it is kept but events: what
the meter has of the image, the meter says itself, and a later command can go on with it.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Final

import trio

from actors.bus import Priority
from actors.control_jobs import managing
from actors.drivers.base import CounterJump, Driver
from actors.errors import JournalFailed
from actors.job import Job, Judging, Outcome
from actors.mailbox import Later
from hes.commands import CommandFailed
from hes.control import ImageAnswer, LoadImage
from hes.events.base import DomainEvent
from hes.events.firmware import (
    FirmwareActivated,
    FirmwareFailed,
    FirmwareOffered,
    FirmwareProgressed,
)
from hes.events.reading import FailureReason
from hes.meter_state import MeterState
from protocols.dialogue import Dialogue
from protocols.dlms.classes.image_transfer import USUAL_OBIS
from protocols.dlms.client import DlmsClient
from protocols.dlms.operations.firmware import read_version, transfer
from protocols.dlms.operations.image_session import ImageSession
from protocols.dlms.operations.image_steps import Step
from protocols.dlms.reader import TimeRules

SLICE_S: Final = 30.0
"""A conversation ends after so long, with the question that is under way then."""
ASKS_MAX: Final = 200
"""Nor does it ask more: each question costs an invocation counter."""
PAUSE_S: Final = 0.5
"""Between two conversations: whoever else wants the line has it first."""
RESTART_S: Final = 10.0
"""A meter that activates an image begins anew."""
RETRY_S: Final = 30.0
RETRY_S_MAX: Final = 300.0
AGAIN: Final = frozenset({
    FailureReason.NO_MODEM, FailureReason.NO_ANSWER, FailureReason.BAD_CHECK, FailureReason.CUT,
    FailureReason.EXPIRED, FailureReason.BUSY,
})  # fmt: skip
"""Failures that may be over the next time."""
STEP_WORDS: Final = {
    Step.SENDING: "transferring", Step.ASKING_BLOCKS: "transferring", Step.VERIFYING: "verifying",
    Step.POLLING_VERIFICATION: "verifying", Step.COMPARING: "verifying",
    Step.ACTIVATING: "activating", Step.POLLING_ACTIVATION: "activating",
    Step.ACTIVATED: "restarting",
}  # fmt: skip


class FirmwareJob(Job):
    """Load an image, verify it, activate it, and hear what the meter runs then."""

    name = "firmware"
    alone = True

    def __init__(self, later: Later | None, since: float, command: LoadImage) -> None:
        super().__init__(command.actor, later, since)
        self.reason = command.reason
        self._command = command
        self._sha256 = hashlib.sha256(command.image).digest()
        name = command.name.encode("latin-1")
        self._session = ImageSession(name, command.image, resume=command.resume)
        self._give_up_at = since + command.wanted_within_s
        self._failures = 0
        """Conversations that failed, one after the other."""
        self._version_before: str | None = None
        self._version: str | None = None
        self._is_begun = False

    @property
    def priority(self) -> Priority:
        """See ``Job``: an image has time."""
        return Priority.BACKFILL

    @property
    def argument(self) -> str:
        """See ``Job``."""
        return f"{self._command.name} {len(self._command.image)} bytes"

    @property
    def wanted(self) -> bool:
        """See ``Job``: once who asked was told that it has begun, it goes on when nobody waits."""
        return self._is_begun or super().wanted

    # -- the start

    def requested(self, now: datetime, state: MeterState) -> list[DomainEvent]:
        """See ``Job``."""
        if self._command.resume and state.image_sha256 != self._sha256:
            raise CommandFailed(
                FailureReason.REFUSED,
                "the meter was not offered this image last; start it anew, without resuming",
            )
        offered = FirmwareOffered(
            received_at=now, image=self._command.name, size_bytes=self._session.size_bytes,
            sha256=self._sha256, actor=self.actor, reason=self.reason,
            resumed=self._command.resume,
        )  # fmt: skip
        return [*super().requested(now, state), offered]

    def started(self) -> None:
        """See ``Job``: who asked is not kept waiting for hours."""
        self._is_begun = super().wanted
        self.answer(
            ImageAnswer(
                image=self._command.name, state="offered", done_bytes=self._session.done_bytes,
                size_bytes=self._session.size_bytes, sha256=self._sha256.hex(), actor=self.actor,
                reason=self.reason,
            )
        )  # fmt: skip

    # -- one conversation

    def dialogue(self, driver: Driver) -> Dialogue[None]:
        """See ``Job``."""
        return managing(driver).manage(self._work)

    def _work(self, client: DlmsClient, _rules: TimeRules) -> Dialogue[None]:
        if self._session.step is Step.ACTIVATED:
            self._version = yield from read_version(client)
            return
        if self._version_before is None:
            self._version_before = yield from read_version(client)
        yield from transfer(client, self._session, USUAL_OBIS, enough=self._enough())

    def _enough(self) -> Callable[[], bool]:
        until, left = trio.current_time() + SLICE_S, ASKS_MAX

        def is_enough() -> bool:
            nonlocal left
            left -= 1
            return left < 0 or trio.current_time() >= until

        return is_enough

    # -- what came of it

    def judge(self, result: None, judging: Judging) -> Outcome:
        """See ``Job``."""
        self.pause_s, self._failures, self.jumped = None, 0, False
        session = self._session
        if session.step is Step.FAILED:
            return self._gave_up(session.failure, judging.now)
        if self._version is not None:
            return self._activated(self._version, judging.now)
        self.pause_s = RESTART_S if session.step is Step.ACTIVATED else PAUSE_S
        return Outcome([self._progress(judging.now)])

    def _gave_up(self, why: str, now: datetime) -> Outcome:
        return Outcome([self._failed(why, now)], summary=f"failed: {why}")

    def _activated(self, version: str, now: datetime) -> Outcome:
        before = self._version_before or ""
        if self._session.restarted and version == before:
            return self._gave_up(f"the meter forgot the image and still runs {version!r}", now)
        activated = FirmwareActivated(
            received_at=now, image=self._command.name, version=version, version_before=before
        )
        return Outcome([activated], summary=f"runs {version or 'it'}")

    def missed(self, failure: Exception, reason: FailureReason, now: datetime) -> list[DomainEvent]:
        """See ``Job``: tried again later, unless it makes no sense or takes too long."""
        again = reason in AGAIN or isinstance(failure, JournalFailed | CounterJump)
        if again and self.wanted and trio.current_time() < self._give_up_at:
            self.pause_s = min(RETRY_S * 2**self._failures, RETRY_S_MAX)
            self._failures = min(self._failures + 1, 8)
            return [self._progress(now, f"{reason}: {failure}")]
        self.pause_s = None
        if self._session.step is Step.ACTIVATED:
            return [FirmwareActivated(received_at=now, image=self._command.name, version="")]
        return [self._failed(f"{reason}: {failure}", now)]

    def _progress(self, now: datetime, detail: str = "") -> FirmwareProgressed:
        return FirmwareProgressed(
            received_at=now, image=self._command.name, step=self._step,
            done_bytes=self._session.done_bytes, size_bytes=self._session.size_bytes,
            detail=detail[:300],
        )  # fmt: skip

    def _failed(self, why: str, now: datetime) -> FirmwareFailed:
        return FirmwareFailed(
            received_at=now, image=self._command.name, step=self._step, detail=why[:300],
            done_bytes=self._session.done_bytes,
        )  # fmt: skip

    @property
    def _step(self) -> str:
        return STEP_WORDS.get(self._session.failed_at or self._session.step, "starting")

    def finished(self, *, ok: bool, detail: str, now: datetime, at: float) -> list[DomainEvent]:
        """See ``Job``."""
        went_well = ok and self._session.step is Step.ACTIVATED
        return super().finished(ok=went_well, detail=detail, now=now, at=at)

"""Jobs that switch a meter and look into it: each is a command, a conversation and its facts."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import msgspec

from actors import control_forms as forms
from actors.calendar_forms import calendar_answer
from actors.drivers.base import Driver, Managing
from actors.job import Job, Judging, Outcome
from actors.mailbox import Later
from actors.meter_jobs import ClockJob
from hes import control, obis
from hes.events.base import DomainEvent
from hes.events.meter_control import RelaySwitched
from hes.events.reading import FailureReason
from protocols.dialogue import Dialogue
from protocols.dlms.classes.activity_calendar import USUAL_OBIS as CALENDAR
from protocols.dlms.classes.disconnect_control import USUAL_OBIS as RELAY
from protocols.dlms.classes.limiter import USUAL_OBIS as LIMITER
from protocols.dlms.classes.special_days import USUAL_OBIS as SPECIAL_DAYS
from protocols.dlms.client import DlmsClient
from protocols.dlms.operations.calendar import read_calendar
from protocols.dlms.operations.diagnosis import diagnose
from protocols.dlms.operations.limiter import read_limiter
from protocols.dlms.operations.modem_setup import read_modem_setup
from protocols.dlms.operations.push import push_now, read_push
from protocols.dlms.operations.relay import Switched, read_relay, switch_relay
from protocols.dlms.reader import TimeRules
from protocols.errors import MeterRefused
from protocols.values import ClockChanged

TOLD_MAX: Final = 700
"""Characters of settings in an event: before and after stay below 2,000 bytes, a RAW of Oracle."""


def managing(driver: Driver) -> Managing:
    """Return the driver as one that can do more than read.

    Raises:
        MeterRefused: its protocol has no such thing.

    """
    if not isinstance(driver, Managing):
        raise MeterRefused("only DLMS meters can be switched and set from here yet")
    return driver


def shown(settings: Any) -> str:
    """Return settings as JSON; long ones by their digest, which tells whether they changed."""
    data = msgspec.json.encode(settings)
    if len(data) <= TOLD_MAX:
        return data.decode()
    digest = hashlib.sha256(data).hexdigest()
    return msgspec.json.encode({"sha256": digest, "size_bytes": len(data)}).decode()


class ControlJob(Job):
    """Do something with the objects of a DLMS meter, in an association of its own."""

    def __init__(self, later: Later | None, since: float, command: Any) -> None:
        super().__init__(command.actor, later, since)
        self._command = command
        self.reason = getattr(command, "reason", "")

    @property
    def argument(self) -> str:
        """See ``Job``: what is set, without who and why."""
        fields = msgspec.structs.asdict(self._command)
        told = {
            name: value for name, value in fields.items()
            if name not in {"meter", "actor", "reason"} and value is not None
        }  # fmt: skip
        return shown(told) if told else ""

    def dialogue(self, driver: Driver) -> Dialogue[Any]:
        """See ``Job``."""
        return managing(driver).manage(self.work)

    def work(self, client: DlmsClient, rules: TimeRules) -> Dialogue[Any]:
        """Return what is done in the association."""
        raise NotImplementedError

    def missed(self, failure: Exception, reason: FailureReason, now: datetime) -> list[DomainEvent]:
        """See ``Job``: no reading is missing; that the command failed is told as such."""
        return []


# -- looking


class Looking(ControlJob):
    """One that only reads."""

    @staticmethod
    def form(read: Any, /) -> Any:
        """Return what was read as people read it."""
        raise NotImplementedError

    def judge(self, result: Any, judging: Judging) -> Outcome:
        """See ``Job``."""
        return Outcome([], self.form(result), "read")


class ReadRelayJob(Looking):
    """Look at the relay."""

    name = "relay-state"
    form = staticmethod(forms.relay_answer)

    def work(self, client: DlmsClient, rules: TimeRules) -> Dialogue[Any]:
        """See ``ControlJob``."""
        return read_relay(client, RELAY)


class ReadLimiterJob(Looking):
    """Look at the limiter."""

    name = "limiter-read"
    form = staticmethod(forms.limiter_answer)

    def work(self, client: DlmsClient, rules: TimeRules) -> Dialogue[Any]:
        """See ``ControlJob``."""
        return read_limiter(client, LIMITER)


class ReadCalendarJob(Looking):
    """Read the tariff calendar."""

    name = "calendar-read"
    form = staticmethod(calendar_answer)

    def work(self, client: DlmsClient, rules: TimeRules) -> Dialogue[Any]:
        """See ``ControlJob``."""
        return read_calendar(client, CALENDAR, SPECIAL_DAYS)


class ReadPushJob(Looking):
    """Read a push setup."""

    name = "push-setup-read"
    form = staticmethod(forms.push_answer)

    def work(self, client: DlmsClient, rules: TimeRules) -> Dialogue[Any]:
        """See ``ControlJob``."""
        push, schedule = map(obis.to_bytes, (self._command.push, self._command.schedule))
        return read_push(client, push, schedule)


class ReadModemJob(Looking):
    """Read the settings of the modem in the meter."""

    name = "modem-setup-read"
    form = staticmethod(forms.modem_answer)

    def work(self, client: DlmsClient, rules: TimeRules) -> Dialogue[Any]:
        """See ``ControlJob``."""
        return read_modem_setup(client)


class DiagnoseJob(Looking):
    """Look into network, clock and protection."""

    name = "diagnose"
    form = staticmethod(forms.diagnosis_answer)

    def work(self, client: DlmsClient, rules: TimeRules) -> Dialogue[Any]:
        """See ``ControlJob``."""
        return diagnose(client)


class PushNowJob(ControlJob):
    """Let the meter push."""

    name = "push-now"

    def work(self, client: DlmsClient, rules: TimeRules) -> Dialogue[Any]:
        """See ``ControlJob``."""
        return push_now(client, obis.to_bytes(self._command.push))

    def judge(self, result: Any, judging: Judging) -> Outcome:
        """See ``Job``."""
        return Outcome([], control.PushedAnswer(), "pushed")


# -- changing


class SwitchRelayJob(ControlJob):
    """Open or close the relay."""

    def __init__(self, later: Later | None, since: float, command: control.SwitchRelay) -> None:
        super().__init__(later, since, command)
        self.name = "relay-connect" if command.close else "relay-disconnect"

    @property
    def argument(self) -> str:
        """See ``Job``."""
        return obis.from_bytes(RELAY)

    def work(self, client: DlmsClient, rules: TimeRules) -> Dialogue[Switched]:
        """See ``ControlJob``."""
        return switch_relay(client, RELAY, close=self._command.close)

    def judge(self, result: Switched, judging: Judging) -> Outcome:
        """See ``Job``."""
        answer = forms.relay_answer(result.after, result.before)
        switched = RelaySwitched(
            received_at=judging.now, obis=answer.obis, closed=answer.closed, state=answer.state,
            state_before=answer.state_before or "", actor=self.actor, reason=self.reason,
        )  # fmt: skip
        return Outcome([switched], answer, answer.state)


class AdjustClockJob(ClockJob):
    """Put the clock right by one of its own methods."""

    def __init__(self, later: Later | None, since: float, command: control.AdjustClock) -> None:
        super().__init__(command.actor, later, since, change=True)
        self.name = "clock-adjust"
        self.reason = command.reason
        self._way = command.way

    @property
    def argument(self) -> str:
        """See ``Job``."""
        return self._way

    def dialogue(self, driver: Driver) -> Dialogue[ClockChanged]:
        """See ``Job``."""
        return managing(driver).adjust_clock(self._way)


JOBS: Final[dict[type[control.Control], Callable[[Later | None, float, Any], Job]]] = {
    control.ReadRelay: ReadRelayJob,
    control.SwitchRelay: SwitchRelayJob,
    control.ReadLimiter: ReadLimiterJob,
    control.ReadCalendar: ReadCalendarJob,
    control.ReadPushSetup: ReadPushJob,
    control.PushNow: PushNowJob,
    control.ReadModemSetup: ReadModemJob,
    control.Diagnose: DiagnoseJob,
    control.AdjustClock: AdjustClockJob,
}
"""Command to its job; those that set something are in ``actors.setting_jobs``."""

"""Jobs that set something in a meter: read, written, read again, and told with before and after."""

from collections.abc import Callable
from typing import Any, Final

from actors import control_forms as forms
from actors.calendar_forms import calendar_answer, wire_calendar
from actors.control_jobs import ControlJob, shown
from actors.job import Job, Judging, Outcome
from actors.mailbox import Later
from hes import control, obis
from hes.events.meter_control import MeterConfigured
from hes.tariff_calendar import check
from protocols.dialogue import Dialogue
from protocols.dlms.classes.activity_calendar import USUAL_OBIS as CALENDAR
from protocols.dlms.classes.limiter import USUAL_OBIS as LIMITER
from protocols.dlms.classes.single_action_schedule import every
from protocols.dlms.classes.special_days import USUAL_OBIS as SPECIAL_DAYS
from protocols.dlms.client import DlmsClient
from protocols.dlms.operations.calendar import read_calendar, set_calendar
from protocols.dlms.operations.limiter import LimiterChange, read_limiter, set_limiter
from protocols.dlms.operations.modem_setup import ModemChange, read_modem_setup, set_modem_setup
from protocols.dlms.operations.push import PushChange, read_push, set_push
from protocols.dlms.reader import TimeRules


class SettingJob(ControlJob):
    """Read settings, write some, and read them again."""

    what = ""

    @staticmethod
    def form(read: Any, /) -> Any:
        """Return what was read as people read it."""
        raise NotImplementedError

    def look(self, client: DlmsClient) -> Dialogue[Any]:
        """Return what reads them."""
        raise NotImplementedError

    def change(self, client: DlmsClient, rules: TimeRules) -> Dialogue[Any]:
        """Return what writes and reads them."""
        raise NotImplementedError

    def work(self, client: DlmsClient, rules: TimeRules) -> Dialogue[Any]:
        """See ``ControlJob``."""
        before = yield from self.look(client)
        return before, (yield from self.change(client, rules))

    def judge(self, result: Any, judging: Judging) -> Outcome:
        """See ``Job``."""
        before, after = map(self.form, result)
        configured = MeterConfigured(
            received_at=judging.now, what=self.what, before=shown(before), after=shown(after),
            actor=self.actor, reason=self.reason,
        )  # fmt: skip
        same = before == after
        return Outcome([configured], after, "as it was" if same else "changed")


class SetLimiterJob(SettingJob):
    """Set the limiter."""

    name, what = "limiter-set", "limiter"
    form = staticmethod(forms.limiter_answer)

    def look(self, client: DlmsClient) -> Dialogue[Any]:
        """See ``SettingJob``."""
        return read_limiter(client, LIMITER)

    def change(self, client: DlmsClient, rules: TimeRules) -> Dialogue[Any]:
        """See ``SettingJob``."""
        return set_limiter(client, LIMITER, _picked(self._command, LimiterChange))


class SetCalendarJob(SettingJob):
    """Give the meter another calendar."""

    name, what = "calendar-set", "calendar"
    form = staticmethod(calendar_answer)

    def __init__(self, later: Later | None, since: float, command: control.SetCalendar) -> None:
        super().__init__(later, since, command)
        check(command.calendar)

    def look(self, client: DlmsClient) -> Dialogue[Any]:
        """See ``SettingJob``."""
        return read_calendar(client, CALENDAR, SPECIAL_DAYS)

    def change(self, client: DlmsClient, rules: TimeRules) -> Dialogue[Any]:
        """See ``SettingJob``."""
        new = wire_calendar(self._command.calendar, rules.encode)
        return set_calendar(client, CALENDAR, SPECIAL_DAYS, new)


class SetPushJob(SettingJob):
    """Set what the meter pushes."""

    name, what = "push-setup-set", "push-setup"
    form = staticmethod(forms.push_answer)

    def _names(self) -> tuple[bytes, bytes]:
        return obis.to_bytes(self._command.push), obis.to_bytes(self._command.schedule)

    def look(self, client: DlmsClient) -> Dialogue[Any]:
        """See ``SettingJob``."""
        return read_push(client, *self._names())

    def change(self, client: DlmsClient, rules: TimeRules) -> Dialogue[Any]:
        """See ``SettingJob``."""
        command = self._command
        change = PushChange(
            address=None if command.address is None else command.address.encode("latin-1"),
            randomisation_s=command.randomisation_s, retries=command.retries,
            retry_delay_s=command.retry_delay_s,
            times=None if command.every_s is None else every(command.every_s),
        )  # fmt: skip
        return set_push(client, *self._names(), change)


class SetModemJob(SettingJob):
    """Set how the modem in the meter gets into the network."""

    name, what = "modem-setup-set", "modem-setup"
    form = staticmethod(forms.modem_answer)

    def look(self, client: DlmsClient) -> Dialogue[Any]:
        """See ``SettingJob``."""
        return read_modem_setup(client)

    def change(self, client: DlmsClient, rules: TimeRules) -> Dialogue[Any]:
        """See ``SettingJob``."""
        return set_modem_setup(client, _picked(self._command, ModemChange))


def _picked(command: Any, kind: type[Any]) -> Any:
    """Return the change that a command asks for: the fields of the same names."""
    return kind(**{name: getattr(command, name) for name in kind.__struct_fields__})


JOBS: Final[dict[type[control.Control], Callable[[Later | None, float, Any], Job]]] = {
    control.SetLimiter: SetLimiterJob,
    control.SetCalendar: SetCalendarJob,
    control.SetPushSetup: SetPushJob,
    control.SetModemSetup: SetModemJob,
}

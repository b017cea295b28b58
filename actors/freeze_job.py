"""The job that has a meter of DL/T 645 keep its values."""

from datetime import datetime
from typing import Any

from actors.control_jobs import ControlJob
from actors.drivers.base import Driver
from actors.drivers.freezing import Freezing
from actors.job import Judging, Outcome
from actors.mailbox import Later
from hes import control
from protocols.dialogue import Dialogue
from protocols.dlt645.freezing import FreezeWanted
from protocols.errors import MeterRefused


class FreezeJob(ControlJob):
    """Have values kept."""

    name = "freeze"

    def __init__(self, later: Later | None, since: float, command: control.Freeze) -> None:
        super().__init__(later, since, command)
        self._wanted = FreezeWanted(
            how=command.how, day=command.day, hour=command.hour, minute=command.minute,
            everybody=command.everybody,
        )  # fmt: skip

    def dialogue(self, driver: Driver) -> Dialogue[Any]:
        """See ``Job``."""
        if not isinstance(driver, Freezing):
            raise MeterRefused("only meters of DL/T 645-2007 keep values by command")
        return driver.freeze(self._wanted)

    def judge(self, result: datetime | None, judging: Judging) -> Outcome:
        """See ``Job``."""
        wanted = self._wanted
        answer = control.FreezeAnswer(
            how=wanted.how, everybody=wanted.everybody, frozen_at=result,
            heard=not wanted.everybody or result is not None,
        )  # fmt: skip
        return Outcome([], answer, f"frozen at {result.isoformat()}" if result else "told")

"""The job that gives a DLMS meter other keys; what the device list says then is not its own."""

from typing import Any

from actors.control_jobs import ControlJob
from actors.drivers.base import Driver, Rekeying
from actors.job import Judging, Outcome
from hes.events.meter_keys import MeterKeysChanged
from hes.key_change import KeysAnswer
from protocols.dialogue import Dialogue
from protocols.dlms.classes.security_setup import KeyId
from protocols.errors import MeterRefused


class ChangeKeysJob(ControlJob):
    """See the module."""

    name = "key-change"
    alone = True

    @property
    def argument(self) -> str:
        """See ``Job``: which keys, and never a key."""
        return ", ".join(self._command.names)

    def dialogue(self, driver: Driver) -> Dialogue[Any]:
        """See ``Job``."""
        if not isinstance(driver, Rekeying):
            raise MeterRefused("only DLMS meters can be given keys")
        both = {
            KeyId.GLOBAL_UNICAST: self._command.encryption_key,
            KeyId.AUTHENTICATION: self._command.authentication_key,
        }
        return driver.change_keys({name: key for name, key in both.items() if key})

    def judge(self, result: Any, judging: Judging) -> Outcome:
        """See ``Job``."""
        changed = MeterKeysChanged(
            received_at=judging.now, what=self.argument, shown_by="answer", actor=self.actor,
            reason=self.reason,
        )  # fmt: skip
        return Outcome([changed], KeysAnswer(changed=self._command.names), "changed")

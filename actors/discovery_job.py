"""The job that asks a DLMS meter which logical devices stand behind its address."""

from collections.abc import Sequence
from typing import Any

from actors.control_jobs import Looking
from actors.drivers.base import Discovering, Driver
from hes.control import LogicalDevice as Shown, LogicalDevicesAnswer
from protocols.dialogue import Dialogue
from protocols.dlms.object_list import LogicalDevice
from protocols.errors import MeterRefused


class DiscoveryJob(Looking):
    """See the module."""

    name = "logical-devices"

    @staticmethod
    def form(read: Sequence[LogicalDevice], /) -> LogicalDevicesAnswer:
        """See ``Looking``."""
        return LogicalDevicesAnswer(
            devices=tuple(Shown(sap=one.sap, name=_text(one.name)) for one in read)
        )

    def dialogue(self, driver: Driver) -> Dialogue[Any]:
        """See ``Job``."""
        if not isinstance(driver, Discovering):
            raise MeterRefused("only DLMS meters have logical devices")
        return driver.logical_devices()


def _text(name: bytes) -> str:
    text = name.decode("latin-1").strip("\0 ")
    return text if text.isascii() and text.isprintable() and text else name.hex()

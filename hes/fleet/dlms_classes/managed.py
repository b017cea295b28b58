"""All objects of a simulated meter that manage it, by class and logical name."""

from datetime import datetime
from typing import Any

from hes.fleet.dlms_classes import network, pushing
from hes.fleet.dlms_classes.calendar import SimulatedCalendar, SimulatedSpecialDays
from hes.fleet.dlms_classes.clock import SimulatedClock, Watch
from hes.fleet.dlms_classes.image import SimulatedImage
from hes.fleet.dlms_classes.load import SwitchedLoad
from hes.fleet.dlms_classes.relay import SimulatedRelay
from hes.fleet.dlms_classes.security import Rekey, SimulatedSecurity
from hes.fleet.dlms_classes.stored import StoredObject
from protocols.dlms.cosem import Attribute, DataAccessError


class ManagedObjects:
    """What a head-end may set, switch and load."""

    def __init__(
        self, *, load: SwitchedLoad, watch: Watch, utc_offset_min: int, texts: dict[str, bytes]
    ) -> None:
        self.relay = SimulatedRelay(load)
        self.image = SimulatedImage(lambda name: texts.update({"1.0.0.2.0.255": name}))
        self.calendar = SimulatedCalendar(utc_offset_min)
        self.special_days = SimulatedSpecialDays()
        self.push = pushing.SimulatedPush()
        self._all: dict[tuple[int, bytes], StoredObject[Any]] = {}
        self.add(
            self.relay, self.image, self.calendar, self.special_days, self.push,
            SimulatedClock(watch, utc_offset_min), pushing.push_schedule(),
            pushing.SimulatedLimiter(), pushing.voltage_monitor(), network.gprs(),
            network.tcp_udp(), network.auto_connect(), network.SimulatedDiagnostic(utc_offset_min),
        )  # fmt: skip

    def add(self, *objects: StoredObject[Any]) -> None:
        """Add objects."""
        self._all |= {(found.kind.class_id, found.obis): found for found in objects}

    def secure(self, title: bytes, *, secured: bool, master: bytes, rekey: Rekey) -> None:
        """Add the security setup, which knows who the meter is."""
        self.add(SimulatedSecurity(title, secured=secured, master=master, rekey=rekey))

    def find(self, name: Attribute) -> StoredObject[Any] | None:
        """Return the object of an attribute or method."""
        return self._all.get((name.class_id, name.obis))

    def write(self, name: Attribute, value: Any, now: datetime) -> int:
        """Write an attribute; return 0 or why not."""
        found = self.find(name)
        return _none() if found is None else found.write(name.index, value, now)

    def call(self, name: Attribute, parameter: Any, now: datetime) -> int:
        """Call a method; return 0 or why not."""
        found = self.find(name)
        return _none() if found is None else found.call(name.index, parameter, now)


def _none() -> int:
    return DataAccessError.READ_WRITE_DENIED

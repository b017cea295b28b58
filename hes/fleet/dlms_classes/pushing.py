"""What a simulated meter pushes and when, and what watches its power."""

from datetime import datetime

from hes.fleet.dlms_classes.stored import DONE, StoredObject
from protocols.dlms import axdr_encode as ax
from protocols.dlms.classes.common import Script, Watched
from protocols.dlms.classes.dates import ALWAYS
from protocols.dlms.classes.limiter import (
    LIMITER,
    USUAL_OBIS as LIMITER_OBIS,
    Emergency,
    Limiter,
    LimiterActions,
)
from protocols.dlms.classes.push_setup import (
    PUSH,
    PUSH_SETUP,
    Destination,
    PushObject,
    PushSetup,
    Transport,
)
from protocols.dlms.classes.register_monitor import REGISTER_MONITOR, Crossing, RegisterMonitor
from protocols.dlms.classes.single_action_schedule import (
    SINGLE_ACTION_SCHEDULE,
    ScheduleType,
    SingleActionSchedule,
    every,
)
from protocols.dlms.cosem import DataAccessError, obis_bytes

PUSH_OBIS = bytes((0, 1, 25, 9, 0, 255))
PUSH_SCHEDULE = bytes((0, 0, 15, 0, 4, 255))
PUSH_SCRIPTS = bytes((0, 0, 10, 0, 108, 255))
RELAY_SCRIPTS = bytes((0, 0, 10, 0, 106, 255))
VOLTAGE_MONITOR = bytes((0, 0, 16, 0, 1, 255))


class SimulatedPush(StoredObject[PushSetup]):
    """Class 40."""

    def __init__(self) -> None:
        values = PushSetup(
            objects=(
                PushObject(8, obis_bytes("0.0.1.0.0.255"), 2, 0),
                PushObject(3, obis_bytes("1.0.1.8.0.255"), 2, 0),
            ),
            destination=Destination(Transport.TCP, b"198.51.100.1:4059", 0),
            randomisation_s=300, retries=3, retry_delay_s=60,
        )  # fmt: skip
        writable = {"destination", "windows", "randomisation_s", "retries", "retry_delay_s"}
        super().__init__(PUSH_SETUP, PUSH_OBIS, values, writable)
        self.pushed = 0
        """How often it was told to push at once."""
        self.methods = {PUSH: lambda _parameter, _now: self._push()}

    def _push(self) -> int:
        self.pushed += 1
        return DONE


def push_schedule() -> StoredObject[SingleActionSchedule]:
    """Return class 22."""
    values = SingleActionSchedule(
        script=Script(PUSH_SCRIPTS, 1), type=ScheduleType.TIMES_OPEN, times=every(1800)
    )
    return StoredObject(SINGLE_ACTION_SCHEDULE, PUSH_SCHEDULE, values, {"type", "times"})


class SimulatedLimiter(StoredObject[Limiter]):
    """Class 71: keeps its settings; thresholds are of the type of the active power."""

    def __init__(self) -> None:
        values = Limiter(
            watched=Watched(3, obis_bytes("1.0.1.7.0.255"), 2),
            threshold_active=ax.u32(11_000), threshold_normal=ax.u32(11_000),
            threshold_emergency=ax.u32(3_000), min_over_s=60, min_under_s=60,
            emergency=Emergency(0, ALWAYS, 0), emergency_groups=(), emergency_active=False,
            actions=LimiterActions(Script(RELAY_SCRIPTS, 1), Script(RELAY_SCRIPTS, 2)),
        )  # fmt: skip
        super().__init__(LIMITER, LIMITER_OBIS, values, {"min_over_s", "min_under_s", "emergency"})

    def write(self, index: int, value: object, now: datetime) -> int:
        """See ``StoredObject``."""
        name = LIMITER.field(index) if index in LIMITER.kinds else ""
        if name not in {"threshold_normal", "threshold_emergency"}:
            return super().write(index, value, now)
        if not isinstance(value, int) or not 0 <= value <= 0xFFFF_FFFF:
            return DataAccessError.TYPE_UNMATCHED
        self.change(**{name: ax.u32(value)})
        if name == "threshold_normal":
            self.change(threshold_active=ax.u32(value))
        return DONE


def voltage_monitor() -> StoredObject[RegisterMonitor]:
    """Return class 21."""
    nothing = Script(RELAY_SCRIPTS, 0)
    values = RegisterMonitor(
        thresholds=(ax.u16(2070), ax.u16(2530)),
        watched=Watched(3, obis_bytes("1.0.32.7.0.255"), 2),
        actions=(Crossing(nothing, nothing), Crossing(nothing, nothing)),
    )
    return StoredObject(REGISTER_MONITOR, VOLTAGE_MONITOR, values)

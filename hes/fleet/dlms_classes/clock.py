"""The clock of a simulated meter, with all its methods."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from hes.fleet.dlms_classes.stored import DONE, Method, StoredObject
from protocols.dlms.classes.clock import (
    ADJUST_TO_MEASURING_PERIOD,
    ADJUST_TO_MINUTE,
    ADJUST_TO_PRESET_TIME,
    ADJUST_TO_QUARTER,
    CLOCK,
    PRESET_ADJUSTING_TIME,
    SHIFT_S_MAX,
    SHIFT_TIME,
    Clock,
)
from protocols.dlms.classes.dates import ALWAYS, MOMENT, decode_moment, encode_moment
from protocols.dlms.classes.kinds import I16, structure_of
from protocols.dlms.cosem import CLOCK_OBIS, DataAccessError, Refused
from protocols.dlms.cosem_time import decode_time, encode_time

ROUNDS: Final = {
    ADJUST_TO_QUARTER: 900, ADJUST_TO_MEASURING_PERIOD: 1800, ADJUST_TO_MINUTE: 60,
}  # fmt: skip


class Watch(Protocol):
    """What runs."""

    def now(self) -> datetime:
        """Return the time as the meter has it."""
        ...

    def set(self, instant: datetime) -> None:
        """Set it."""
        ...


class SimulatedClock(StoredObject[Clock]):
    """Class 8."""

    def __init__(self, watch: Watch, utc_offset_min: int) -> None:
        standing = Clock(
            time=ALWAYS, time_zone_min=-utc_offset_min, status=0, daylight_begin=ALWAYS,
            daylight_end=ALWAYS, daylight_deviation_min=0, daylight_enabled=False, base=1,
        )  # fmt: skip
        super().__init__(CLOCK, CLOCK_OBIS, standing, {"daylight_enabled", "time_zone_min"})
        self._watch = watch
        self._utc_offset_min = utc_offset_min
        self._preset: list[datetime] | None = None
        self.methods = {
            **{method: self._rounding(period_s) for method, period_s in ROUNDS.items()},
            ADJUST_TO_PRESET_TIME: self._to_preset,
            PRESET_ADJUSTING_TIME: self._take_preset,
            SHIFT_TIME: self._shift,
        }

    def read(self, index: int, now: datetime) -> bytes | Refused:
        """See ``StoredObject``; the time runs."""
        octets = encode_time(now, utc_offset_min=self._utc_offset_min)
        self.change(time=decode_moment(octets))
        return super().read(index, now)

    def write(self, index: int, value: Any, now: datetime) -> int:
        """See ``StoredObject``; writing the time sets it."""
        if index != CLOCK.index("time"):
            return super().write(index, value, now)
        instant = decode_time(value, utc_offset_min=self._utc_offset_min)
        if instant is None:
            return DataAccessError.TYPE_UNMATCHED
        self._watch.set(instant)
        return DONE

    def _rounding(self, period_s: int) -> Method:
        def act(_parameter: Any, now: datetime) -> int:
            whole = round(now.timestamp() / period_s) * period_s
            self._watch.set(datetime.fromtimestamp(whole, UTC))
            return DONE

        return act

    def _take_preset(self, parameter: Any, _now: datetime) -> int:
        moments = structure_of(lambda *parts: parts, MOMENT, MOMENT, MOMENT).decode(parameter)
        instants = [
            decode_time(encode_moment(moment), utc_offset_min=self._utc_offset_min)
            for moment in moments
        ]
        known = [instant for instant in instants if instant is not None]
        if len(known) < len(instants):
            return DataAccessError.TYPE_UNMATCHED
        self._preset = known
        return DONE

    def _to_preset(self, _parameter: Any, now: datetime) -> int:
        if self._preset is None or not self._preset[1] <= now <= self._preset[2]:
            return DataAccessError.OTHER_REASON
        self._watch.set(self._preset[0])
        self._preset = None
        return DONE

    def _shift(self, parameter: Any, now: datetime) -> int:
        seconds = I16.decode(parameter)
        if abs(seconds) > SHIFT_S_MAX:
            return DataAccessError.TYPE_UNMATCHED
        self._watch.set(now + timedelta(seconds=seconds))
        return DONE

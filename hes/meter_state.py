"""What the actor of a meter must remember: a fold of the meter's own stream, kept as snapshots.

It holds what rules and repeats need, nothing for screens: those are projections.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import msgspec

from hes.events.base import DomainEvent
from hes.events.device import CounterReserved
from hes.events.firmware import FirmwareActivated, FirmwareOffered
from hes.events.meter_clock import ClockDrift, ClockDriftCleared, ClockSet
from hes.events.meter_event import MeterEvent
from hes.events.meter_keys import MeterKeysChanged
from hes.events.meter_objects import ObjectListRead
from hes.events.power import PowerFailure, PowerRestored
from hes.events.reading import LoadProfileRead, Reading, Source
from hes.events.voltage import OverVoltage, OverVoltageCleared
from hes.rules import power_failure, profile_gaps
from hes.rules.logged_events import is_log
from hes.rules.over_voltage import PhaseWatch, sampled_at
from hes.rules.power_failure import SupplyTimes
from hes.rules.profile_gaps import Gap
from hes.rules.repeats import CounterWindow, remember, shortened

SNAPSHOT_EVERY: Final = 100
"""Events between snapshots: bounds what an actor reads when it starts."""


class MeterState(msgspec.Struct):
    """The memory of one meter's actor."""

    digests: bytes = msgspec.field(default=b"", name="marks")
    """Of the last messages, one behind the other; see ``hes.rules.repeats``."""
    counters: CounterWindow = msgspec.field(default_factory=CounterWindow)
    counter_reserved: int = 0
    """Our own invocation counters below this may have been used."""
    phases: dict[str, PhaseWatch] = {}
    drifting: bool = False
    failed_at: datetime | None = None
    """Since when the meter is known to be without supply, by our clock."""
    supply: SupplyTimes = power_failure.UNTOLD
    profile_until: dict[str, datetime] = {}
    """Profile to the end of the last interval that we have; never ahead of our clock."""
    profile_gaps: dict[str, list[Gap]] = {}
    """Profile to what is missing before that, the oldest first."""
    logged_until: dict[str, datetime] = {}
    """Event log to the time of its last entry that was told as an event."""
    objects: bytes = b""
    """The meter's list of objects, packed; empty: not read yet."""
    collected_at: datetime | None = None
    """When the last scheduled read succeeded."""
    image_sha256: bytes = b""
    """Of the firmware that the meter was offered last and does not run yet; empty: of none."""

    def apply(self, event: DomainEvent) -> None:
        """Take one event of the meter's stream."""
        digest = getattr(event, "digest", None)
        if digest is not None:
            self.digests = remember(self.digests, digest)
        counter = getattr(event, "counter", None)
        if counter is not None:
            self.counters.take(counter)
        fold = _FOLDS.get(type(event))
        if fold is not None:
            fold(self, event)

    def snapshot(self) -> bytes:
        """Return the stored form."""
        return _encoder.encode(self)

    @classmethod
    def restore(cls, state: bytes) -> "MeterState":
        """Return the state in a stored form.

        Raises:
            msgspec.DecodeError: it was written by another version; fold the stream instead.

        """
        found = _decoder.decode(state)
        # Older versions kept whole hashes, by another name.
        found.digests = found.digests or shortened(_older.decode(state).digests)
        return found


class _Older(msgspec.Struct):
    digests: bytes = b""


def _reading(state: MeterState, event: Reading) -> None:
    if event.source is Source.SCHEDULED:
        state.collected_at = event.received_at


def _profile(state: MeterState, event: LoadProfileRead) -> None:
    # What a person asked for may lie behind a gap that is still to be filled.
    if event.rows and event.source in {Source.SCHEDULED, Source.BACKFILL}:
        # A clock that ran ahead, for a day or a century, must not stop the reading until then.
        last = min(max(row.ends_at for row in event.rows), event.received_at)
        known = state.profile_until.get(event.profile)
        _gaps(state, event, known, last)
        if known is None or last > known:
            state.profile_until[event.profile] = last


def _gaps(
    state: MeterState, event: LoadProfileRead, known: datetime | None, last: datetime
) -> None:
    gaps = state.profile_gaps.pop(event.profile, [])
    if event.source is Source.SCHEDULED and profile_gaps.is_dense(event.profile):
        first = min(last, *(row.ends_at for row in event.rows))
        gaps = profile_gaps.opened(gaps, known, first, event.received_at)
    if gaps:
        gaps = profile_gaps.filled(gaps, last, event.period_s)
    if gaps:
        state.profile_gaps[event.profile] = gaps


def _over_voltage(state: MeterState, event: OverVoltage) -> None:
    state.phases[event.phase] = PhaseWatch(raised=True, sampled_at=sampled_at(event))


def _over_voltage_cleared(state: MeterState, event: OverVoltageCleared) -> None:
    state.phases[event.phase] = PhaseWatch(sampled_at=sampled_at(event))


def _drift(state: MeterState, _event: ClockDrift) -> None:
    state.drifting = True


def _drift_cleared(state: MeterState, _event: ClockDriftCleared) -> None:
    state.drifting = False


def _clock_set(state: MeterState, _event: ClockSet) -> None:
    state.drifting = False
    # Times of the clock before do not compare with those after.
    state.supply = power_failure.UNTOLD
    for watch in state.phases.values():
        watch.sampled_at = None


def _failed(state: MeterState, event: PowerFailure) -> None:
    state.failed_at = event.received_at
    state.supply = power_failure.lost(state.supply, event)


def _restored(state: MeterState, event: PowerRestored) -> None:
    state.failed_at = None
    state.supply = power_failure.back(state.supply, event)


def _logged(state: MeterState, event: MeterEvent) -> None:
    if event.device_time is not None and is_log(event.obis):
        # An entry of the next century must not hide what follows.
        told = min(event.device_time, event.received_at)
        state.logged_until[event.obis] = max(told, state.logged_until.get(event.obis, told))


def _objects(state: MeterState, event: ObjectListRead) -> None:
    state.objects = event.packed if event.part == 1 else state.objects + event.packed


def _reserved(state: MeterState, event: CounterReserved) -> None:
    state.counter_reserved = max(state.counter_reserved, event.below)


def _offered(state: MeterState, event: FirmwareOffered) -> None:
    state.image_sha256 = event.sha256


def _activated(state: MeterState, _event: FirmwareActivated) -> None:
    state.image_sha256 = b""
    state.objects = b""  # other firmware, other objects


def _rekeyed(state: MeterState, _event: MeterKeysChanged) -> None:
    # Counters count for a key; what another one protected is no message any more.
    state.counters = CounterWindow()


_FOLDS: Final[dict[type[DomainEvent], Callable[[MeterState, Any], None]]] = {
    Reading: _reading,
    LoadProfileRead: _profile,
    OverVoltage: _over_voltage,
    OverVoltageCleared: _over_voltage_cleared,
    ClockDrift: _drift,
    ClockDriftCleared: _drift_cleared,
    ClockSet: _clock_set,
    PowerFailure: _failed,
    PowerRestored: _restored,
    CounterReserved: _reserved,
    ObjectListRead: _objects,
    FirmwareOffered: _offered,
    FirmwareActivated: _activated,
    MeterEvent: _logged,
    MeterKeysChanged: _rekeyed,
}
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(MeterState)
_older = msgspec.msgpack.Decoder(_Older)

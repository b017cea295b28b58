"""Events that a seed and a number decide: the same pair tells the same event in every process."""

import random
from datetime import timedelta
from typing import Final

from read_models import NOON, device, reading

from hes.events.base import DomainEvent
from hes.events.layout import Channel, Layout
from hes.events.meter_event import MeterEvent
from hes.events.modem import ModemConnected, ModemDisconnected
from hes.events.power import PowerFailure, PowerRestored, PowerSign
from hes.events.reading import FailureReason, LoadProfileRead, ProfileRow, ReadFailed, Source
from hes.events.voltage import OverVoltage, OverVoltageCleared

METERS: Final = 7
ALARMS: Final = 0.15
CALLS: Final = 0.3
INTERVALS: Final = 300
"""Some days, told again and again."""
PROFILE: Final = Layout((Channel("1.0.1.8.0.255", 0, 30, 3, 2), Channel("1.0.2.8.0.255", 0, 30)))


def told(seed: int, n: int) -> tuple[str, DomainEvent]:
    """Return stream and event number ``n``, counted from 1; no two are equal."""
    rng = random.Random(f"{seed}:{n}")
    number = rng.randrange(METERS)
    if n <= METERS:
        return f"meter:{n - 1}", device(f"86{n - 1}")
    luck = rng.random()
    if luck < ALARMS:
        return f"meter:{number}", _alarm(rng, n)
    if luck < CALLS:
        return f"modem:86{number}", _call(rng, n)
    return f"meter:{number}", _measured(rng, n)


def _alarm(rng: random.Random, n: int) -> DomainEvent:
    at = NOON + timedelta(seconds=n)
    return rng.choice([
        PowerFailure(received_at=at, device_time=at, sign=PowerSign.LAST_GASP),
        PowerRestored(received_at=at, device_time=at, outage_s=n),
        MeterEvent(received_at=at, device_time=at, code=n, name=None, obis="0.0.96.11.0.255"),
        OverVoltage(received_at=at, phase="L1", voltage_v=250, limit_v=240, reference="a law"),
        OverVoltageCleared(received_at=at, phase="L1", voltage_v=230, limit_v=240),
    ])  # fmt: skip


def _call(rng: random.Random, n: int) -> DomainEvent:
    at, session = NOON + timedelta(seconds=n), rng.randint(1, 3)
    return rng.choice([
        ModemConnected(
            received_at=at, session=session, peer=f"10.0.0.1:{n}", link="raw", claim="registration"
        ),
        ModemDisconnected(
            received_at=at, session=session, reason="hung up", lasted_s=n, bytes_in=n, bytes_out=n
        ),
    ])  # fmt: skip


def _measured(rng: random.Random, n: int) -> DomainEvent:
    at = NOON + timedelta(seconds=n)
    begin = NOON + timedelta(minutes=30 * (n % INTERVALS))
    rows = (ProfileRow(begin + timedelta(minutes=30 * k), 0, (n * 10 + k, n)) for k in range(3))
    return rng.choice([
        reading(n, received_at=at, device_time=at),
        reading(n, received_at=at),
        LoadProfileRead(
            received_at=at, source=Source.SCHEDULED, profile="1.0.99.1.0.255", period_s=1800,
            layout=PROFILE, rows=tuple(rows),
        ),
        ReadFailed(
            received_at=at, source=Source.SCHEDULED, what="registers",
            reason=rng.choice(list(FailureReason)), detail=f"at {n}",
        ),
    ])  # fmt: skip

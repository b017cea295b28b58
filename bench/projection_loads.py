"""What is folded by ``bench.projections``: events of a node, in batches."""

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from hes.events.base import DomainEvent, Recorded
from hes.events.device import DeviceRegistered
from hes.events.layout import Channel, Layout
from hes.events.meter_event import MeterEvent
from hes.events.modem import ModemConnected, ModemDisconnected
from hes.events.reading import (
    FailureReason,
    LoadProfileRead,
    ProfileRow,
    ReadFailed,
    Reading,
    Source,
)

METERS = 5_000
BATCH = 1000
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
READINGS = 14
"""Of twenty events of ``mixed``."""


class Load(NamedTuple):
    """What is folded."""

    name: str
    models: frozenset[str]
    """Names of projections; empty: all."""
    events: list[list[Recorded]]
    """In batches."""
    is_settled: bool = False
    """Whether what projections leave for quiet moments is done after each batch."""


def device(modem: str) -> DeviceRegistered:
    return DeviceRegistered(
        received_at=NOW, modem_id=modem, link="raw", protocol="dlms", framing="hdlc", meter_type="",
        address="17", client_sap=1, server_sap=1, auth="none", system_title="", area="Huế",
        ct_ratio="", vt_ratio="", has_keys=False, actor="an",
    )  # fmt: skip


def layout(width: int) -> Layout:
    return Layout(tuple(Channel(f"1.0.{c + 1}.8.0.255", -1, 30, 3, 2) for c in range(width)))


def reading(n: int, channels: Layout) -> Reading:
    at = NOW + timedelta(seconds=n // 10)
    values = tuple(1000 + n + c for c in range(len(channels.channels)))
    return Reading(
        received_at=at, device_time=at, source=Source.PUSH, layout=channels, values=values,
        digest=n.to_bytes(8),
    )  # fmt: skip


def profile(n: int, channels: Layout) -> LoadProfileRead:
    begin = NOW.replace(hour=17) + timedelta(days=n // METERS)  # a local day
    values = tuple(range(len(channels.channels)))
    rows = tuple(ProfileRow(begin + timedelta(minutes=30 * k), 0, values) for k in range(1, 49))
    return LoadProfileRead(
        received_at=NOW, source=Source.SCHEDULED, profile="1.0.99.1.0.255", period_s=1800,
        layout=channels, rows=rows,
    )  # fmt: skip


def batches(events: Sequence[DomainEvent], size: int) -> list[list[Recorded]]:
    return in_batches([(f"meter:{n % METERS}", event) for n, event in enumerate(events)], size)


def in_batches(told: Sequence[tuple[str, DomainEvent]], size: int) -> list[list[Recorded]]:
    """Return pairs of stream and event behind the list of all meters."""
    listed = [Recorded(n + 1, f"meter:{n}", 1, device(f"8{n}")) for n in range(METERS)]
    rest = [Recorded(n, stream, 2, event) for n, (stream, event) in enumerate(told, METERS + 1)]
    return [listed, *(rest[at : at + size] for at in range(0, len(rest), size))]


def mixed(count: int) -> list[list[Recorded]]:
    """Return events of a node whose meters speak in any order, modems that come and go among them.

    Of twenty events fourteen are readings, two modems come, two go, a read fails, and a meter
    reports something.
    """
    rng = random.Random(7)
    one = layout(1)
    found: list[tuple[str, DomainEvent]] = []
    for n in range(count):
        meter, kind = rng.randrange(METERS), n % 20
        if kind < READINGS:
            found.append((f"meter:{meter}", reading(n, one)))
        else:
            found.append(beside(n, kind - READINGS, meter))
    return in_batches(found, BATCH)


def beside(n: int, kind: int, meter: int) -> tuple[str, DomainEvent]:
    at = NOW + timedelta(seconds=n // 10)
    modem = f"modem:8{(n - kind + kind % 2 * METERS // 2) % METERS}"
    match kind:
        case 0 | 1:
            return modem, ModemConnected(
                received_at=at, session=n, peer="10.8.0.7:40001", link="raw", claim="registration"
            )
        case 2 | 3:
            return modem, ModemDisconnected(
                received_at=at, session=n - 2, reason="hung up", lasted_s=60.0, bytes_in=900,
                bytes_out=300,
            )  # fmt: skip
        case 4:
            return f"meter:{meter}", ReadFailed(
                received_at=at, source=Source.SCHEDULED, what="registers",
                reason=FailureReason.NO_ANSWER, detail="no answer within 30 s",
            )  # fmt: skip
        case _:
            return f"meter:{meter}", MeterEvent(
                received_at=at, device_time=at, code=17, name=None, obis="0.0.96.11.0.255"
            )


def loads(count: int) -> list[Load]:
    one, ten, four = layout(1), layout(10), layout(4)
    profiles = batches([profile(n, four) for n in range(count // 100)], BATCH // 20)
    return [
        Load("latest", frozenset({"latest", "meters", "success"}),
             batches([reading(n, one) for n in range(count)], BATCH)),
        Load("one", frozenset(), batches([reading(n, one) for n in range(count)], BATCH)),
        Load("mixed", frozenset(), mixed(count)),
        Load("all", frozenset(), batches([reading(n, ten) for n in range(count // 5)], BATCH)),
        Load("profiles", frozenset({"intervals"}), profiles),
        Load("days", frozenset({"intervals"}), profiles, is_settled=True),
    ]  # fmt: skip

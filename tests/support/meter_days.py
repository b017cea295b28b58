"""Days of meters, as the budgets of the log mean them: 48 intervals of ten channels."""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from hes.events.base import DomainEvent
from hes.events.layout import Channel, Layout
from hes.events.reading import LoadProfileRead, ProfileRow, Reading, Source
from hes.rules.repeats import DIGEST_SIZE
from hes.store.block_form import StreamPart
from hes.store.codec import EventCodec, LayoutBook
from hes.store.port import StoredRow

OBIS: Final = (
    "1.8.0", "2.8.0", "3.8.0", "4.8.0", "32.7.0", "52.7.0", "72.7.0", "31.7.0", "51.7.0", "71.7.0",
)  # fmt: skip
LAYOUT: Final = Layout(tuple(Channel(f"1.0.{code}.255", 0, 30) for code in OBIS))
INTERVALS: Final = 48
DAY: Final = datetime(2026, 5, 1, tzinfo=UTC)
BUDGET: Final = 900
"""Octets of a meter's day once it is sealed, with all that stands beside the block."""
KINDS: Final = ("rows", "readings", "pushes")


class MeterOfADay:
    """Registers that count, voltages and currents with noise."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._registers = [rng.randrange(10**7) for _ in range(4)]
        self._base = rng.uniform(100, 900)

    def values(self) -> tuple[int, ...]:
        """Return the next interval."""
        rng = self._rng
        load = max(0.0, rng.gauss(self._base, 0.3 * self._base))
        for at, part in enumerate((0.5, 0.0, 0.1, 0.01)):
            self._registers[at] += int(load * part * rng.uniform(0.8, 1.2))
        volts = [2300 + int(rng.gauss(0, 25)) for _ in range(3)]
        return (*self._registers, *volts, *(int(load * rng.uniform(0.09, 0.2)) for _ in range(3)))


def events_of_days(
    kind: str, meters: int, days: int = 1, *, seed: int = 5
) -> list[tuple[str, DomainEvent]]:
    """Return stream and event, in the order of their arrival.

    ``kind``: profiles that are read, a ``rows`` at a time; ``readings``; ``pushes``. Arrivals are
    told to the millisecond, as by the clock of the machine.
    """
    rng = random.Random(seed)
    fleet = [MeterOfADay(rng) for _ in range(meters)]
    came: list[tuple[datetime, int, DomainEvent]] = []
    for number in range(days * INTERVALS):
        ends_at = DAY + timedelta(minutes=30 * number)
        for meter in range(meters):
            at = ends_at + timedelta(milliseconds=rng.randrange(90_000))
            came.append((at, meter, _event(kind, at, ends_at, fleet[meter].values(), rng)))
    came.sort(key=lambda one: one[:2])
    return [(f"meter:{18_000_000 + meter}", event) for _, meter, event in came]


def _event(
    kind: str, at: datetime, ends_at: datetime, values: tuple[int, ...], rng: random.Random
) -> DomainEvent:
    if kind == "rows":
        rows = (ProfileRow(ends_at, 0, values),)
        return LoadProfileRead(
            received_at=at, source=Source.SCHEDULED, profile="1.0.99.1.0.255", period_s=1800,
            layout=LAYOUT, rows=rows,
        )  # fmt: skip
    digest = rng.randbytes(DIGEST_SIZE) if kind == "pushes" else None
    return Reading(
        received_at=at, device_time=ends_at, source=Source.PUSH, layout=LAYOUT, values=values,
        digest=digest,
    )  # fmt: skip


def parts_of(events: list[tuple[str, DomainEvent]]) -> list[StreamPart]:
    """Return the events as a block has them: by stream, and by version."""
    codec = EventCodec(LayoutBook())
    found: dict[str, list[StoredRow]] = {}
    for position, (stream, event) in enumerate(events, 1):
        rows = found.setdefault(stream, [])
        rows.append(StoredRow(position, stream, len(rows) + 1, *codec.encode(event)))
    return [StreamPart(stream, found[stream]) for stream in sorted(found)]


def batches_of(
    events: list[tuple[str, DomainEvent]], size: int
) -> Iterator[list[tuple[str, DomainEvent]]]:
    """Yield the events in pieces."""
    for at in range(0, len(events), size):
        yield events[at : at + size]

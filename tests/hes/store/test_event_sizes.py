"""Each kind of event within its budget, which ``docs/event-log.md`` tells."""

import re
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hes.events.base import EVENT_TYPES, DomainEvent
from hes.events.layout import Channel, Layout
from hes.events.reading import FailureReason, ProfileRow
from hes.rules.event_size import EVENT_SIZE_MAX, size_of
from hes.store.codec import EventCodec

DOCUMENT = Path(__file__).parents[3] / "docs/event-log.md"
ROW = re.compile(r"^\| ((?:`\w+/\d+`(?:, )?)+) \| ([\d,]+) \|", re.MULTILINE)
NOW = datetime(2026, 5, 1, 12, 0, 3, 250_000, tzinfo=UTC)
LAYOUT = Layout(tuple(Channel(f"1.0.{n}.8.0.255", 0, 30) for n in range(10)))
VALUES = (1_234_567, 0, 234_567, 12_345, 2311, 2298, 2305, 141, 97, 120)
BY_NAME: dict[str, Any] = {
    "received_at": NOW, "device_time": NOW, "layout": LAYOUT, "values": VALUES, "times": None,
    "rows": (ProfileRow(NOW, 0, VALUES),), "digest": b"12345", "counter": None,
    "detail": "no answer within 12 s", "reason": "asked for by the office, 4711",
    "peer": "10.20.30.40:51234", "old_peer": "10.20.30.40:51234", "new_peer": "10.20.30.41:4059",
    "actor": "os:nguyen.van.an", "obis": "0.0.96.11.0.255", "name": "voltage-sag-l1",
    "path": "/main/modems/861234561733367", "settings": '{"apn":"m2m.evn.vn","port":4059}',
    "sha256": bytes(32), "previous": bytes(32), "root": bytes(32), "first_bytes": bytes(64),
    "packed": bytes(1500), "data": bytes(1500), "label": b"R5 1.8.0()", "hash": bytes(8),
    "reference": "QCVN 01:2020/BCT, 10 %", "before": '{"threshold_w":5000}',
    "after": '{"threshold_w":6000}', "command": "read-profile", "argument": "load 2026-05-01",
}  # fmt: skip
"""What stands in the fields of a usual event; one of a kind for those that are not named."""
OF_KIND: dict[str, dict[str, Any]] = {
    "Anchored/1": {"digest": bytes(32)},
    "NodeConfigured/1": {"digest": bytes(32), "settings": "x" * 1500},
    "MeterEvent/1": {"code": 77, "detail": ""},
    "ReadFailed/1": {"reason": FailureReason.NO_ANSWER},
    "ClockSet/1": {"before": NOW, "after": NOW},
}


def budgets() -> dict[str, int]:
    found = {}
    for names, octets in ROW.findall(DOCUMENT.read_text()):
        for topic in re.findall(r"`(\w+/\d+)`", names):
            assert topic not in found, f"{topic} has two budgets"
            found[topic] = int(octets.replace(",", ""))
    return found


def usual(topic: str) -> DomainEvent:
    """Return an event of a kind as it usually is."""
    kind = EVENT_TYPES[topic]
    told = {}
    for field in msgspec.structs.fields(kind):
        if field.name in BY_NAME:
            told[field.name] = BY_NAME[field.name]
        else:
            told[field.name] = sample(field.type)
    return kind(**told | OF_KIND.get(topic, {}))


def sample(kind: Any) -> Any:
    args = getattr(kind, "__args__", ())
    if args and type(None) in args:
        kind = next(arg for arg in args if arg is not type(None))
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return next(iter(kind))
    samples = {int: 70_000, float: 1234.5, str: "861234561733367", bytes: bytes(8), bool: True,
               datetime: NOW}  # fmt: skip
    return samples[kind]


def test_every_kind_of_event_has_a_budget() -> None:
    assert set(budgets()) == set(EVENT_TYPES)
    assert max(budgets().values()) <= EVENT_SIZE_MAX


@pytest.mark.parametrize("topic", sorted(EVENT_TYPES))
def test_a_usual_event_is_within_its_budget(topic: str) -> None:
    event = usual(topic)
    codec = EventCodec()
    size = len(codec.encode(event)[1])
    assert size == size_of(event)
    assert codec.decode(*codec.encode(event)) == event
    assert size <= budgets()[topic]


def test_a_reading_costs_what_the_design_says() -> None:
    """100 octets an interval, 64 an alarm."""
    told = budgets()
    assert told["Reading/1"] <= 100
    rows = tuple(ProfileRow(NOW, 0, VALUES) for _ in range(12))
    assert size_of(msgspec.structs.replace(usual("LoadProfileRead/1"), rows=rows)) <= 12 * 100
    for topic in (
        "PowerFailure/1",
        "PowerRestored/1",
        "ClockDrift/1",
        "MeterEvent/1",
        "ModemAlarm/1",
    ):
        assert told[topic] <= 64

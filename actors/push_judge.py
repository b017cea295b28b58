"""From a message of a meter to facts: readings, meter events, supply lost or restored."""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final

from actors.meter_messages import Push
from actors.type_words import GENERIC, TypeWords
from hes.events.base import DomainEvent
from hes.events.layout import Layout
from hes.events.meter_event import MeterEvent
from hes.events.power import PowerSign
from hes.events.reading import Reading, Source
from hes.meter_state import MeterState
from hes.rules import event_size, over_voltage, power_failure
from hes.rules.kept import kept_events
from hes.rules.limits import Limits
from hes.rules.push_reading import ScaleOf, layout_of_values, storable
from protocols.dlms.apdu_push import INVOKE_ID, DataNotification, EventNotification
from protocols.dlms.cosem import obis_text
from protocols.dlms.cosem_time import decode_time
from protocols.dlms.push import PushItem, clock_of, items_of
from protocols.dlms.push_shape import SHAPES_MAX, PushShape, ShapedPush
from protocols.errors import RemoteProtocolError

TIMES_CACHED: Final = 1024
"""A fleet pushes at the same full minutes."""
EVENT_CODE: Final = "96.11."
ALARM_REGISTER: Final = "97.98."
MULTIPLIED: Final = frozenset({3, 4, 5})
"""Classes whose values have a scaler."""


def judge(
    push: Push,
    *,
    state: MeterState,
    limits: Limits,
    scale_of: ScaleOf,
    utc_offset_min: int,
    words: TypeWords = GENERIC,
) -> list[DomainEvent]:
    """Return the facts in a message; at least one, so that it is known to have come."""
    plain = push.plain
    events: list[DomainEvent]
    if isinstance(plain, ShapedPush):
        events = [_shaped(push, plain, scale_of, utc_offset_min, words)]
    elif isinstance(plain, EventNotification):
        events = _event(push, plain, state, utc_offset_min, words)
    else:
        events = _data(push, plain, scale_of, utc_offset_min, words)
    reading = events[0]
    if isinstance(reading, Reading):
        events += over_voltage.judge(state.phases, reading, limits.over_voltage)
        if state.failed_at is not None:
            # Who speaks has supply, whatever its last message said.
            events += power_failure.restored(
                failed_at=state.failed_at, sign=None, received_at=push.received_at,
                device_time=reading.device_time, times=state.supply,
            )  # fmt: skip
    # A push of a known shape has at most 1,024 octets, more than are stored of it.
    return events if type(plain) is ShapedPush else _bounded(events, push)


def _bounded(events: list[DomainEvent], push: Push) -> list[DomainEvent]:
    """Return the events as large as they may be; where something is cut the message is kept too."""
    found = list(event_size.bounded(events))
    if event_size.is_cut(found):
        detail = "a value is too large for an event: only its beginning was read"
        found += kept_events("too-large", detail, push.apdu, push.received_at)
    return found


def _data(
    push: Push,
    plain: DataNotification,
    scale_of: ScaleOf,
    utc_offset_min: int,
    words: TypeWords,
) -> list[DomainEvent]:
    items = items_of(plain.body) or words.positional(plain.body)
    if words.renames:
        items = [item for _, item in words.renamed(items)]
    if not items:
        detail = "the values carry no OBIS codes; the meter type must say what they are"
        return kept_events(
            "positional", detail, push.apdu, push.received_at, digest=push.digest,
            counter=push.counter,
        )  # fmt: skip
    return [_reading(push, plain, items, scale_of, utc_offset_min)]


def _reading(
    push: Push,
    plain: DataNotification,
    items: Sequence[PushItem],
    scale_of: ScaleOf,
    utc_offset_min: int,
) -> Reading:
    time = _instant(clock_of(list(items), plain.body) or plain.time, utc_offset_min)
    values = tuple(storable(item.value) for item in items)
    return _told(push, plain.long_invoke_id, time, layout_of_values(items, scale_of), values)


def _shaped(
    push: Push, plain: ShapedPush, scale_of: ScaleOf, utc_offset_min: int, words: TypeWords
) -> Reading:
    """Return the reading of a push of a known shape, whose values are storable as they are."""
    time = _instant(plain.time, utc_offset_min)
    if words.renames:
        told = words.renamed(plain.shape.items)
        layout = layout_of_values([item for _, item in told], scale_of)
        values = tuple(plain.values[at] for at, _ in told)
        return _told(push, plain.long_invoke_id, time, layout, values)
    layout = _own_layout(plain.shape) or layout_of_values(plain.shape.items, scale_of)
    return _told(push, plain.long_invoke_id, time, layout, plain.values)


@lru_cache(maxsize=SHAPES_MAX)
def _own_layout(shape: PushShape) -> Layout | None:
    """Return the layout of a shape whose numbers all have their scalers in the message itself."""
    for item in shape.items:
        if item.scaler is None and item.unit is None and not isinstance(item.value, bytes):
            return None
    return layout_of_values(shape.items, lambda _: None)


def _told(
    push: Push, long_invoke_id: int, time: datetime | None, layout: Layout, values: tuple[Any, ...]
) -> Reading:
    tells_apart = time is not None or push.counter is not None or long_invoke_id & INVOKE_ID
    return Reading(
        received_at=push.received_at,
        device_time=time,
        source=Source.PUSH,
        layout=layout,
        values=values,
        # Two equal messages without time and number may be two observations: both count.
        digest=push.digest if tells_apart else None,
        counter=push.counter,
    )


@lru_cache(maxsize=TIMES_CACHED)
def _instant(time: bytes | None, utc_offset_min: int) -> datetime | None:
    if time is None:
        return None
    try:
        return decode_time(time, utc_offset_min=utc_offset_min)
    except RemoteProtocolError:
        return None  # a clock that is no clock: the values count all the same


def _event(
    push: Push,
    plain: EventNotification,
    state: MeterState,
    utc_offset_min: int,
    words: TypeWords,
) -> list[DomainEvent]:
    code = obis_text(plain.attribute.obis)
    time = _instant(plain.time, utc_offset_min)
    if code == power_failure.LAST_GASP_OBIS:
        lost = power_failure.failed(
            failed_at=state.failed_at, sign=PowerSign.LAST_GASP, received_at=push.received_at,
            device_time=time, times=state.supply, digest=push.digest, counter=push.counter,
        )  # fmt: skip
        return lost or [_meter_event(push, plain, code, time)]
    told: list[DomainEvent] = [_meter_event(push, plain, code, time)]
    inner = code.split(".", 2)[2]
    if inner.startswith(EVENT_CODE) and isinstance(plain.value, int):
        names = words.events(plain.value)
        told = [_meter_event(push, plain, code, time, name) for name in names or (None,)]
        told += _supply(push, plain.value, names, state, time)
    elif not inner.startswith(ALARM_REGISTER) and plain.attribute.class_id in MULTIPLIED:
        return [_single(push, plain, code, time)]
    return told


def _meter_event(
    push: Push,
    plain: EventNotification,
    code: str,
    time: datetime | None,
    name: str | None = None,
) -> MeterEvent:
    value = plain.value
    return MeterEvent(
        received_at=push.received_at,
        device_time=time,
        code=value if isinstance(value, int) else None,
        name=name,
        obis=code,
        detail="" if isinstance(value, int) else str(storable(value)),
        # Two equal messages without time may be two events: both count.
        digest=None if plain.time is None else push.digest,
        counter=push.counter,
    )


def _supply(
    push: Push, code: int, names: Sequence[str], state: MeterState, time: datetime | None
) -> list[DomainEvent]:
    if power_failure.POWER_DOWN in names:
        return power_failure.failed(
            failed_at=state.failed_at, sign=PowerSign.METER_EVENT, received_at=push.received_at,
            device_time=time, times=state.supply, code=code,
        )  # fmt: skip
    if power_failure.POWER_UP in names:
        return power_failure.restored(
            failed_at=state.failed_at, sign=PowerSign.METER_EVENT, received_at=push.received_at,
            device_time=time, times=state.supply, code=code,
        )  # fmt: skip
    return []


def _single(push: Push, plain: EventNotification, code: str, time: datetime | None) -> Reading:
    item = PushItem(code, plain.value, plain.attribute.class_id, plain.attribute.index)
    return Reading(
        received_at=push.received_at,
        device_time=time,
        source=Source.PUSH,
        layout=layout_of_values([item], lambda _: None),
        values=(storable(plain.value),),
        digest=push.digest,
        counter=push.counter,
    )

"""No event is larger than a RAW column of Oracle 11g: larger ones are split, or cut with a mark.

A reading is split by its channels, a profile by its rows and then its channels; all parts say the
same of when and whence, and the first alone has digest and counter, by which a repeat is known. A
value that is too large by itself is cut: ``["cut", octets of all of it, the first of them]``. Of
other events the longest texts are cut, and say so.

What is larger all the same is stored all the same (``more`` in Oracle): nothing is lost for a
limit. Pure.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeVar

import msgspec

from hes.events.base import DomainEvent
from hes.events.layout import Layout
from hes.events.reading import LoadProfileRead, ProfileRow, Reading, Value
from hes.rules.kept import shortened

EVENT_SIZE_MAX: Final = 2000
"""Octets of a RAW column of Oracle 11g."""
CUT: Final = "cut"
VALUE_SIZE_MAX: Final = 1000
"""Octets of one value."""
KEPT_SIZE: Final = 240
"""What is left of a value or text that is cut, in octets."""
CUT_TEXT: Final = "... (cut, "
T = TypeVar("T", Reading, LoadProfileRead)


def _reference(value: Any) -> int:
    if isinstance(value, Layout):
        return value.id
    raise TypeError(f"an event may not hold a {type(value).__name__}")


_encode: Final = msgspec.msgpack.Encoder(enc_hook=_reference).encode


def size_of(event: DomainEvent) -> int:
    """Return the octets of the stored form of an event, as ``hes.store.codec`` makes it."""
    return len(_encode(event))


def bounded(events: Sequence[DomainEvent]) -> Sequence[DomainEvent]:
    """Return the same events, those in parts or cut that are too large."""
    if all(_fits(event) for event in events):
        return events
    return [part for event in events for part in _parts(event)]


def is_cut(events: Iterable[DomainEvent]) -> bool:
    """Whether some of a value or text is missing in them."""
    return any(_is_cut(value) for event in events for value in _leaves(event))


def _leaves(event: DomainEvent) -> Iterable[Value]:
    return event.values if isinstance(event, Reading) else [value for _, value in _fields(event)]


def _is_cut(value: Value) -> bool:
    if isinstance(value, str):
        return CUT_TEXT in value
    return isinstance(value, list) and value[:1] == [CUT]


def _fits(event: DomainEvent) -> bool:
    try:
        return size_of(event) <= EVENT_SIZE_MAX
    except (TypeError, ValueError, OverflowError, RecursionError):
        return True  # the codec says what is wrong with it


def _parts(event: DomainEvent) -> list[DomainEvent]:
    if _fits(event):
        return [event]
    if isinstance(event, Reading):
        return list(_reading_parts(_with_values_cut(event)))
    if isinstance(event, LoadProfileRead):
        return list(_profile_parts(_with_rows_cut(event)))
    return [_with_texts_cut(event)]


# -- readings and profiles


def _reading_parts(reading: Reading) -> list[Reading]:
    count = len(reading.values)
    if _fits(reading) or count < 2:
        return [reading]
    middle = count // 2
    times = reading.times
    first, second = (
        _changed(
            reading,
            layout=Layout(reading.layout.channels[part]),
            values=reading.values[part],
            times=None if times is None or not any(times[part]) else times[part],
        )
        for part in (slice(middle), slice(middle, None))
    )
    return _reading_parts(first) + _reading_parts(_unmarked(second))


def _profile_parts(profile: LoadProfileRead) -> list[LoadProfileRead]:
    rows, channels = profile.rows, profile.layout.channels
    if _fits(profile):
        return [profile]
    if len(rows) > 1:
        middle = len(rows) // 2
        first, second = _changed(profile, rows=rows[:middle]), _changed(profile, rows=rows[middle:])
    elif rows and len(channels) > 1:
        first, second = (
            _changed(
                profile,
                layout=Layout(channels[part]),
                rows=tuple(_changed(row, values=row.values[part]) for row in rows),
            )
            for part in (slice(len(channels) // 2), slice(len(channels) // 2, None))
        )
    else:
        return [profile]
    return _profile_parts(first) + _profile_parts(_unmarked(second))


def _unmarked(event: T) -> T:
    """Return a part that is not the first: a repeat is known by the first one."""
    return _changed(event, digest=None, counter=None)


def _with_values_cut(reading: Reading) -> Reading:
    return _changed(reading, values=tuple(map(_cut, reading.values)))


def _with_rows_cut(profile: LoadProfileRead) -> LoadProfileRead:
    rows = [
        ProfileRow(row.ends_at, row.status, tuple(map(_cut, row.values))) for row in profile.rows
    ]
    return _changed(profile, rows=tuple(rows))


def _cut(value: Value) -> Value:
    """Return a value, or what is left of it."""
    if not isinstance(value, str | bytes | list):
        return value
    size = len(_encode(value))
    if size <= VALUE_SIZE_MAX:
        return value
    if isinstance(value, str):
        return [CUT, len(value.encode("utf-8", "replace")), shortened(value, KEPT_SIZE)]
    whole = value if isinstance(value, bytes) else _encode(value)
    return [CUT, len(whole), whole[:KEPT_SIZE]]


# -- texts


def _with_texts_cut(event: DomainEvent) -> DomainEvent:
    """Return the event with its longest texts cut, as many as it takes."""
    texts = {name: text for name, text in _fields(event) if isinstance(text, str)}
    for name in sorted(texts, key=lambda name: len(texts[name]), reverse=True):
        if _fits(event):
            break
        size = len(texts[name].encode("utf-8", "replace"))
        if size > KEPT_SIZE:
            left = shortened(texts[name], KEPT_SIZE) + f"{CUT_TEXT}{size} octets)"
            event = _changed(event, **{name: left})
    return event


def _fields(event: DomainEvent) -> Iterable[tuple[str, Any]]:
    return ((name, getattr(event, name)) for name in event.__struct_fields__)


_changed = msgspec.structs.replace

"""From a meter's event log to events: each entry once, by the name that its code has."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from hes.events.layout import Layout
from hes.events.meter_event import MeterEvent
from hes.events.reading import LoadProfileRead, ProfileRow

LOG: Final = "99.98"
"""C.D of a log."""
EVENT_CODE: Final = "96.11"
"""C.D of the column that holds the codes."""
DETAIL_SIZE_MAX: Final = 40
NamesOf = Callable[[int | str | None], tuple[str, ...]]


def is_log(obis: str) -> bool:
    """Whether a profile is an event log."""
    return _inner(obis) == LOG


def logged_events(
    blocks: Sequence[LoadProfileRead], until: Mapping[str, datetime], names_of: NamesOf
) -> list[MeterEvent]:
    """Return the entries of logs that are newer than the last one known, ``until`` of its log.

    An entry that is several things is several events; one whose code is not mapped has no name.
    """
    return [event for block in blocks for event in _of_block(block, until, names_of)]


def _of_block(
    block: LoadProfileRead, until: Mapping[str, datetime], names_of: NamesOf
) -> Iterator[MeterEvent]:
    place = _code_column(block.layout) if is_log(block.profile) else None
    if place is None:
        return
    known = until.get(block.profile)
    for row in block.rows:
        if known is None or row.ends_at > known:
            yield from _of_row(block, row, row.values[place], names_of)


def _of_row(
    block: LoadProfileRead, row: ProfileRow, value: object, names_of: NamesOf
) -> Iterator[MeterEvent]:
    code = value if isinstance(value, int | str) and not isinstance(value, bool) else None
    for name in names_of(code) or (None,):
        yield MeterEvent(
            received_at=block.received_at,
            device_time=row.ends_at,
            code=_number(code),
            name=name,
            obis=block.profile,
            detail=code[:DETAIL_SIZE_MAX] if isinstance(code, str) else "",
        )


def _number(code: int | str | None) -> int | None:
    """Return a code as a number: what is text is hex, as in the documents of such meters."""
    if not isinstance(code, str):
        return code
    try:
        return int(code[:15], 16)
    except ValueError:
        return None


def _code_column(layout: Layout) -> int | None:
    places = (n for n, c in enumerate(layout.channels) if _inner(c.obis) == EVENT_CODE)
    return next(places, None)


def _inner(obis: str) -> str:
    return ".".join(obis.split(".")[2:4])

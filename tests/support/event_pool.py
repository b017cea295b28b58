"""Random events of every kind, about few devices and few moments, so that they meet each other."""

import types
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Union, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import strategies as st

import hes.events  # noqa: F401 -- fills the register of events
from hes.events.base import EVENT_TYPES, DomainEvent, Recorded
from hes.events.layout import Channel, Layout
from hes.events.reading import LoadProfileRead, ProfileRow, Reading

START: Final = datetime(2026, 5, 1, tzinfo=UTC)
METERS: Final = ("A1", "A2", "B1")
MODEMS: Final = ("861", "862")
STREAMS: Final = (*(f"meter:{m}" for m in METERS), *(f"modem:{m}" for m in MODEMS), "node:main")
TEXTS: Final = {
    "modem_id": MODEMS, "alarm": ("1", "2", "3", "7", "over-voltage:L1"), "phase": ("L1", "L2"),
    "area": ("Đà Nẵng", "Huế"), "profile": ("1.0.99.1.0.255",), "obis": ("0.0.96.11.0.255",),
}  # fmt: skip
LAYOUTS: Final = (
    Layout((Channel("1.0.1.8.0.255", 0, 30, 3, 2), Channel("1.0.32.7.0.255", -1, 35, 3, 2))),
    Layout((Channel("1.0.1.8.0.255", 3, 30, 3, 2), Channel("0.0.96.1.0.255"))),
    Layout((Channel("1.0.52.7.0.255", -2, 35, 3, 2), Channel("1.0.2.8.0.255", None, None))),
)

moments = st.integers(0, 600).map(lambda n: START + timedelta(seconds=n * 60))
values = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**64 - 1),
    st.integers(0, 5000),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.binary(max_size=6),
    st.text(max_size=4),
)


def _of(hint: Any, name: str) -> st.SearchStrategy[Any]:
    if get_origin(hint) in {Union, types.UnionType}:
        return st.one_of(st.none(), *(_of(arg, name) for arg in get_args(hint) if arg is not None))
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return st.sampled_from(list(hint))
    simple: dict[Any, st.SearchStrategy[Any]] = {
        datetime: moments,
        int: st.integers(1, 3) if name.endswith("session") else st.integers(0, 9),
        float: st.floats(-1000, 1000),
        bool: st.booleans(),
        bytes: st.binary(max_size=8),
        str: st.sampled_from(TEXTS.get(name, ("", "a", "ờ"))),
        Layout: st.sampled_from(LAYOUTS),
        type(None): st.none(),
    }
    return simple[hint]


def _rows(width: int) -> st.SearchStrategy[tuple[ProfileRow, ...]]:
    row = st.builds(
        ProfileRow,
        ends_at=moments,
        status=st.one_of(st.none(), st.integers(0, 255)),
        values=st.tuples(*[values] * width),
    )
    return st.lists(row, max_size=3).map(tuple)


@st.composite
def events_of(draw: st.DrawFn, kind: type[DomainEvent]) -> DomainEvent:
    """Draw an event of ``kind``."""
    hints = get_type_hints(kind)
    layout = draw(st.sampled_from(LAYOUTS))
    width = len(layout.channels)
    given: dict[str, Any] = {}
    if kind is Reading:
        times = st.none() | st.tuples(*[st.none() | moments] * width)
        given = {
            "layout": layout,
            "values": draw(st.tuples(*[values] * width)),
            "times": draw(times),
        }
    elif kind is LoadProfileRead:
        given = {"layout": layout, "rows": draw(_rows(width))}
    for field in msgspec.structs.fields(kind):
        if field.name not in given:
            given[field.name] = draw(_of(hints[field.name], field.name))
    return kind(**given)


def _streams(kind: type[DomainEvent]) -> tuple[str, ...]:
    prefix = {"modem": "modem:", "node": "node:"}.get(kind.__module__.rpartition(".")[2], "meter:")
    mine = tuple(stream for stream in STREAMS if stream.startswith(prefix))
    return (*mine, *mine, *mine, *STREAMS)  # now and then a stream where it does not belong


@st.composite
def logs(draw: st.DrawFn, size_max: int = 40) -> list[Recorded]:
    """Draw a log: events of all kinds at the positions 1, 2, 3, ..."""
    kinds = [EVENT_TYPES[topic] for topic in sorted(EVENT_TYPES)]
    return draw(logs_of(*kinds, size_max=size_max))


@st.composite
def logs_of(draw: st.DrawFn, *kinds: type[DomainEvent], size_max: int = 20) -> list[Recorded]:
    """Draw a log of some kinds of events only, which therefore often meet each other."""
    drawn = st.sampled_from(kinds).flatmap(
        lambda kind: st.tuples(st.sampled_from(_streams(kind)), events_of(kind))
    )
    found = draw(st.lists(drawn, max_size=size_max))
    return [Recorded(n, stream, n, event) for n, (stream, event) in enumerate(found, 1)]

"""What the tests of links share: cut bytes anywhere, and put the pieces of an answer together."""

from collections.abc import Iterable

from hypothesis import strategies as st

from protocols.links.base import Held, Link, LinkEvent, MeterBytes


def cuts(data: bytes, size: int = 1) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def feed(link: Link, pieces: Iterable[bytes]) -> list[LinkEvent]:
    return joined([event for piece in pieces for event in link.receive(piece)])


def joined(events: Iterable[LinkEvent]) -> list[LinkEvent]:
    """Put meter bytes that follow each other together: how they were cut is nobody's business.

    That a link holds something back for now depends on the cuts too.
    """
    found: list[LinkEvent] = []
    for event in events:
        last = found[-1] if found else None
        if isinstance(event, MeterBytes) and isinstance(last, MeterBytes):
            found[-1] = MeterBytes(last.data + event.data)
        elif not isinstance(event, Held):
            found.append(event)
    return found


@st.composite
def pieces_of(draw: st.DrawFn, data: bytes) -> list[bytes]:
    places = sorted(draw(st.sets(st.integers(0, len(data)), max_size=12)))
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]

"""The stored form of events: a topic and a msgpack array of the fields.

Channel layouts are stored once and referred to by the hash of their content, so that a push of ten
registers takes some eighty bytes.
"""

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import msgspec

import hes.events  # noqa: F401 -- fills the register of events
from hes.events.base import EVENT_TYPES, DomainEvent, Recorded
from hes.events.layout import Layout
from hes.store.errors import StoreError
from hes.store.port import StoredRow

LAYOUTS_MAX: Final = 4096
"""A fleet has some tens of layouts of some 2 KB each; hostile ones of 256 channels fill 160 MB."""

Upcaster = Callable[[DomainEvent], DomainEvent]
UPCASTERS: Final[dict[str, Upcaster]] = {}
"""Topic of an outdated event to what makes the next newer one of it.

The outdated class stays registered: it is how the stored bytes are read.
"""


class LayoutBook:
    """The channel layouts in use, by id, and those that no log holds yet. Threads may share one.

    With ``fetch`` it holds at most ``limit`` layouts and finds the others in the log; without, it
    holds all that it ever saw.
    """

    def __init__(
        self,
        stored: Iterable[Layout] = (),
        *,
        fetch: Callable[[int], Layout | None] | None = None,
        limit: int = LAYOUTS_MAX,
    ) -> None:
        self.known: dict[int, Layout] = {}
        """Those in hand, by id; for reading."""
        self._unsaved: dict[int, Layout] = {}
        self._fetch = fetch
        self._limit = limit
        self._lock = threading.Lock()
        self.learn(stored)

    def __len__(self) -> int:
        return len(self.known)

    def __getitem__(self, layout_id: int) -> Layout:
        layout = self.known.get(layout_id)
        if layout is None:  # never, once a fleet is known
            layout = None if self._fetch is None else self._fetch(layout_id)
            if layout is None:
                raise KeyError(layout_id)
            self.learn([layout])
        return layout

    def note(self, layout: Layout) -> int:
        """Return the id of ``layout``; one that is not known is kept for ``take_unsaved``."""
        if layout.id not in self.known:
            with self._lock:
                self._unsaved[layout.id] = layout
                self._keep(layout)
        return layout.id

    def learn(self, layouts: Iterable[Layout]) -> None:
        """Add layouts that are stored already."""
        with self._lock:
            for layout in layouts:
                self._keep(layout)

    def take_unsaved(self) -> list[Layout]:
        """Return the layouts that must be stored with the next events."""
        with self._lock:
            unsaved, self._unsaved = self._unsaved, {}
        return list(unsaved.values())

    def put_back(self, layouts: Iterable[Layout]) -> None:
        """Say that these could not be stored."""
        with self._lock:
            self._unsaved.update({layout.id: layout for layout in layouts})

    def _keep(self, layout: Layout) -> None:
        # The oldest goes: met again, it is fetched again, or stored again, which changes nothing.
        if self._fetch is not None and len(self.known) >= self._limit:
            del self.known[next(iter(self.known))]
        self.known[layout.id] = layout


class EventCodec:
    """Turns events into their stored form and back. Threads may share one."""

    def __init__(
        self, layouts: LayoutBook | None = None, upcasters: Mapping[str, Upcaster] = UPCASTERS
    ) -> None:
        self.layouts = LayoutBook() if layouts is None else layouts
        self._layouts_known = self.layouts.known
        self._upcasters = upcasters
        self._encode = msgspec.msgpack.Encoder(enc_hook=self._reference).encode
        self._decoders: dict[str, Callable[[bytes], DomainEvent]] = {}

    def encode(self, event: DomainEvent) -> tuple[str, bytes]:
        """Return topic and state of ``event``.

        Raises:
            StoreError: it holds what cannot be stored, e.g. a number of more than 64 bits.

        """
        try:
            return event.topic, self._encode(event)
        except (TypeError, ValueError, OverflowError, RecursionError) as problem:
            raise StoreError(f"a {event.topic} cannot be stored: {problem}") from problem

    def decode(self, topic: str, state: bytes) -> DomainEvent:
        """Return the event, brought up to the newest version of its kind.

        Raises:
            StoreError: this program does not know the topic, or the state is damaged.

        """
        decoder = self._decoders.get(topic) or self._decoder(topic)
        try:
            return decoder(state)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
            raise StoreError(f"a stored {topic} is damaged: {problem}") from problem

    def recorded(self, row: StoredRow) -> Recorded:
        """Return a stored row with its event decoded.

        Raises:
            StoreError: the event is of an unknown kind or damaged.

        """
        return Recorded(row.position, row.stream, row.version, self.decode(row.topic, row.state))

    def recorded_all(self, rows: Sequence[StoredRow]) -> list[Recorded]:
        """Return stored rows with their events decoded: the fast way for many.

        Raises:
            StoreError: an event is of an unknown kind or damaged.

        """
        decoders, find = self._decoders, self._decoder
        try:
            return [
                Recorded(position, stream, version, (decoders.get(topic) or find(topic))(state))
                for position, stream, version, topic, state in rows
            ]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return list(map(self.recorded, rows))  # which says what is damaged

    def _decoder(self, topic: str) -> Callable[[bytes], DomainEvent]:
        """Return what reads events of a topic, which may be an outdated one."""
        kind = EVENT_TYPES.get(topic)
        if kind is None:
            raise StoreError(
                f"the log holds events of the unknown kind {topic}; update the program"
            )
        decode: Callable[[bytes], DomainEvent]
        decode = msgspec.msgpack.Decoder(kind, dec_hook=self._layout).decode
        if kind.topic in self._upcasters:
            decode = partial(self._upcast, decode)
        self._decoders[topic] = decode
        return decode

    def _upcast(self, decode: Callable[[bytes], DomainEvent], state: bytes) -> DomainEvent:
        event = decode(state)
        while (upcast := self._upcasters.get(event.topic)) is not None:
            event = upcast(event)
        return event

    def _reference(self, value: Any) -> int:
        if isinstance(value, Layout):
            return self.layouts.note(value)
        raise TypeError(f"an event may not hold a {type(value).__name__}")

    def _layout(self, kind: type, value: Any) -> Any:
        if kind is not Layout or type(value) is not int:
            raise TypeError(f"expected the number of a channel layout, not {value!r:.40}")
        layout = self._layouts_known.get(value)  # nearly always: a call less for each event
        if layout is not None:
            return layout
        try:
            return self.layouts[value]
        except KeyError:
            raise ValueError(f"channel layout {value} is missing from the log") from None

"""Gathers the events of a bundle of evidence: those of a meter and a period, and what binds them.

Nothing here is secret: keys and passwords stand in no event.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, Final, NamedTuple

from hes.audit.explaining import explain
from hes.audit.verifying import as_anchor
from hes.audit.walking import chain_of, read, stream_rows
from hes.events.audit import Anchored
from hes.events.base import DomainEvent
from hes.events.device import DeviceRegistered
from hes.events.layout import Layout
from hes.events.modem_record import RecordStored
from hes.events.reading import LoadProfileRead, Reading
from hes.ids import MeterId, ModemId, meter_stream, modem_stream
from hes.store.anchor import STREAM, span_of
from hes.store.chain import Fault, link, origin
from hes.store.codec import EventCodec
from hes.store.merkle import Step
from hes.store.port import EventLog, StoredRow

REGISTER: Final = "1.0.1.8.0.255"
Wants = Callable[[StoredRow, DomainEvent | None], bool]


class Piece(NamedTuple):
    """A stored event with its value of the chain."""

    row: StoredRow
    chain: bytes
    before: bytes | None
    """The value before it; None when that is the event in front of it here."""


class Proof(NamedTuple):
    """The way from an event to the root of an anchor."""

    position: int
    anchor: int
    """Position of the anchor."""
    path: list[Step]


class Evidence(NamedTuple):
    """What goes into a bundle."""

    pieces: list[Piece]
    proofs: list[Proof]
    layouts: list[Layout]
    withheld: int
    """Events about other meters that lie between."""
    faults: list[Fault]
    """What is altered in the log: the bundle will not verify, and should not."""


class _Gathering:
    """The events of a bundle, as they are found."""

    def __init__(self, log: EventLog, codec: EventCodec) -> None:
        self._log = log
        self._codec = codec
        self.pieces: list[Piece] = []
        self.layouts: dict[int, Layout] = {}
        self.faults: list[Fault] = []

    def take(self, stream: str, wants: Wants) -> None:
        """Take the events of a stream that are wanted, in order."""
        last: StoredRow | None = None
        taken: StoredRow | None = None
        for row in stream_rows(self._log, stream):
            event = read(self._codec, row).event
            if wants(row, event):
                self._add(row, last, follows=last is not None and taken is last)
                taken = row
                layout = getattr(event, "layout", None)
                if isinstance(layout, Layout):
                    self.layouts[layout.id] = layout
            last = row

    def _before(self, row: StoredRow, last: StoredRow | None) -> bytes:
        purged = self._log.purged_end(row.stream, row.version)
        if purged is not None:
            return purged[1]
        return origin(row.stream) if last is None else chain_of(self._log, last.position)

    def _add(self, row: StoredRow, last: StoredRow | None, *, follows: bool) -> None:
        before = self._before(row, last)
        chain = chain_of(self._log, row.position)
        if link(before, row.position, row.version, row.topic.encode(), row.state) != chain:
            reason = "this event was altered, or one before it"
            self.faults.append(Fault(row.position, row.stream, row.version, reason))
        self.pieces.append(Piece(row, chain, None if follows else before))


def gather(
    log: EventLog,
    codec: EventCodec,
    meter: MeterId,
    begin: datetime,
    end: datetime,
    *,
    whole: bool = False,
) -> Evidence:
    """Return the evidence about a meter and a period, both ends included.

    ``whole``: with all events of the meter, which proves that they are its own.

    Raises:
        AuditError: the log knows no such meter.
        StoreError: the database cannot be read.

    """
    told = explain(log, codec, meter, begin, end, REGISTER)
    named = set(_named(told))
    devices = _devices(log, codec, meter, begin, end)
    named |= {position for position, _ in devices}
    gathering = _Gathering(log, codec)
    gathering.take(
        meter_stream(meter),
        lambda row, event: whole or row.position in named or _concerns(event, begin, end),
    )
    withheld = 0
    names = {meter, *(device.address.lstrip("0") for _, device in devices if device.address)}

    def of_modem(row: StoredRow, event: DomainEvent | None) -> bool:
        nonlocal withheld
        if row.position not in named and not _received(event, begin, end):
            return False
        if isinstance(event, RecordStored) and not _is_of(event, names):
            withheld += 1
            return False
        return True

    for modem in dict.fromkeys(device.modem_id for _, device in devices if device.modem_id):
        gathering.take(modem_stream(ModemId(modem)), of_modem)
    proofs = _anchored(log, codec, gathering)
    return Evidence(
        gathering.pieces, proofs, list(gathering.layouts.values()), withheld, gathering.faults
    )


def _named(told: dict[str, Any]) -> Iterator[int]:
    """Yield the events that an explanation of the energy points at."""
    for event in told["events"]:
        yield event["position"]
        for part in (event["session"], event["frame"]):
            if part is not None:
                yield part["position"]


def _devices(
    log: EventLog, codec: EventCodec, meter: MeterId, begin: datetime, end: datetime
) -> list[tuple[int, DeviceRegistered]]:
    """Return the entries of the device list that were in force in the period."""
    found: list[tuple[int, DeviceRegistered]] = []
    for row in stream_rows(log, meter_stream(meter)):
        event = read(codec, row).event if row.topic == DeviceRegistered.topic else None
        if isinstance(event, DeviceRegistered) and event.received_at <= end:
            if event.received_at <= begin:
                found.clear()
            found.append((row.position, event))
    return found


def _received(event: DomainEvent | None, begin: datetime, end: datetime) -> bool:
    return event is not None and begin <= event.received_at <= end


def _concerns(event: DomainEvent | None, begin: datetime, end: datetime) -> bool:
    """Whether an event was received in the period, or tells of it."""
    if event is None:
        return False
    times = [event.received_at, event.device_time]
    if isinstance(event, LoadProfileRead):
        times += [row.ends_at for row in event.rows]
    elif isinstance(event, Reading):
        times += event.times or ()
    return any(time is not None and begin <= time <= end for time in times)


def _is_of(event: RecordStored, names: set[str]) -> bool:
    return event.meter in names or event.meter.lstrip("0") in names


# -- anchors


def _anchored(log: EventLog, codec: EventCodec, gathering: _Gathering) -> list[Proof]:
    """Add the anchors that cover the events, and return the ways to their roots."""
    positions = sorted(piece.row.position for piece in gathering.pieces)
    covering: dict[int, tuple[Anchored, list[int]]] = {}

    def wants(row: StoredRow, _event: DomainEvent | None) -> bool:
        anchor = as_anchor(codec, row)
        covered = [p for p in positions if anchor.first <= p <= anchor.last]
        if covered:
            covered += [p for p in covering if anchor.first <= p <= anchor.last]
            covering[row.position] = anchor, covered
        return bool(covered)

    gathering.take(STREAM, wants)
    return [
        proof
        for position, (anchor, covered) in covering.items()
        if anchor.root is not None
        for proof in _proofs(log, position, anchor, covered)
    ]


def _proofs(
    log: EventLog, position: int, anchor: Anchored, covered: Iterable[int]
) -> Iterator[Proof]:
    if any(first <= anchor.last and last >= anchor.first for first, last in log.purged()):
        return  # of some of its events the values are gone
    span = span_of(log, anchor.previous, anchor.first, anchor.last, covered)
    span.tree.root()
    for place, path in span.tree.paths.items():
        yield Proof(anchor.first + place, position, path)

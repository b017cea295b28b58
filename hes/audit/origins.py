"""Where an event came from: the session of the modem, the bytes that were kept, what judged it."""

from typing import Any, Final

from hes.audit.walking import chain_of, read, stream_back, stream_rows
from hes.events.base import DomainEvent
from hes.events.device import DeviceRegistered
from hes.events.meter_clock import ClockDrift, ClockDriftCleared, ClockSet
from hes.events.modem import ModemConnected, ModemDisconnected
from hes.events.modem_record import RecordStored
from hes.events.reading import LoadProfileRead, Reading, Source
from hes.ids import ModemId, modem_stream
from hes.rules.repeats import digest_of
from hes.store.codec import EventCodec
from hes.store.port import EventLog, StoredRow

LOOKED_BACK: Final = 100_000
"""Events of a modem in which the session of a value is looked for."""
RECORDS_AFTER: Final = 500
"""A record is stored just behind the reading that was made of it."""
SOURCES: Final = {
    Source.PUSH: "sent by the meter or its modem by itself",
    Source.SCHEDULED: "read by the schedule",
    Source.DEMAND: "read because somebody asked for it",
    Source.BACKFILL: "read later, to fill a gap",
}
Facts = dict[str, Any]


class Surroundings:
    """What the stream of a meter says around its values: its entry in the list, its clock."""

    def __init__(self) -> None:
        self.devices: list[tuple[int, DeviceRegistered]] = []
        self._clock: list[tuple[int, str]] = []

    def take(self, position: int, event: DomainEvent) -> None:
        """Take the next event of the meter's stream."""
        if isinstance(event, DeviceRegistered):
            self.devices.append((position, event))
        elif isinstance(event, ClockDrift):
            off = f"its clock was off by {event.drift_s:+g} s (event {position})"
            self._clock.append((position, off))
        elif isinstance(event, ClockDriftCleared):
            self._clock.append((position, f"its clock was within the band (event {position})"))
        elif isinstance(event, ClockSet):
            self._clock.append((position, f"its clock had been set (event {position})"))

    def device(self, position: int) -> DeviceRegistered | None:
        """Return the entry of the device list at an event."""
        known = [device for at, device in self.devices if at < position]
        return known[-1] if known else None

    def clock(self, position: int) -> str:
        """Return what was known of the meter's clock at an event."""
        known = [told for at, told in self._clock if at < position]
        return known[-1] if known else "its clock was never told to be off"


def origin_of(log: EventLog, codec: EventCodec, row: StoredRow, around: Surroundings) -> Facts:
    """Return all that the log says of where an event of a meter came from.

    Raises:
        AuditError: the event is missing.
        StoreError: the database cannot be read.

    """
    event = read(codec, row).event
    facts: Facts = {
        "position": row.position, "stream": row.stream, "version": row.version, "type": row.topic,
        "chain": chain_of(log, row.position).hex(), "source": None, "how": None, "session": None,
        "frame": None, "rules": [],
    }  # fmt: skip
    if not isinstance(event, Reading | LoadProfileRead):
        return facts
    device = around.device(row.position)
    facts["received_at"] = event.received_at.isoformat()
    facts["source"], facts["how"] = event.source.value, SOURCES[event.source]
    facts["digest"] = None if event.digest is None else event.digest.hex()
    facts["rules"] = _rules(event, around.clock(row.position))
    if device is not None and device.modem_id:
        modem = ModemId(device.modem_id)
        facts["modem_id"] = modem
        facts["session"] = _session(log, codec, modem, row.position)
        facts["frame"] = _frame(log, codec, modem, row.position, event.digest)
    return facts


def _rules(event: Reading | LoadProfileRead, clock: str) -> list[str]:
    told = [f"when it came, {clock}"]
    if event.digest is not None:
        told.append(f"no repeat: no message with the digest {event.digest.hex()} was taken before")
    if event.counter is not None:
        told.append(f"its invocation counter {event.counter} had not been taken before")
    if isinstance(event, LoadProfileRead):
        told.append("intervals stand as the meter told them; none was estimated")
    return told


def _session(log: EventLog, codec: EventCodec, modem: ModemId, position: int) -> Facts | None:
    """Return the connection of the modem that was open at an event."""
    for count, row in enumerate(stream_back(log, modem_stream(modem), position)):
        if row.topic == ModemDisconnected.topic or count >= LOOKED_BACK:
            return None
        event = read(codec, row).event if row.topic == ModemConnected.topic else None
        if isinstance(event, ModemConnected):
            return {
                "session": event.session, "link": event.link, "peer": event.peer,
                "claim": event.claim, "since": event.received_at.isoformat(),
                "position": row.position,
            }  # fmt: skip
    return None


def _frame(
    log: EventLog, codec: EventCodec, modem: ModemId, position: int, digest: bytes | None
) -> Facts | None:
    """Return the record of the modem out of which a reading was made, as it came."""
    if digest is None:
        return None
    stream = modem_stream(modem)
    newest = log.read_stream_back(stream, position, 1)
    pieces: dict[int, bytes] = {}
    rows = stream_rows(log, stream, newest[0].version if newest else -1)
    for _, row in zip(range(RECORDS_AFTER), rows, strict=False):
        event = read(codec, row).event if row.topic == RecordStored.topic else None
        if not isinstance(event, RecordStored):
            continue
        whole = pieces[event.number] = pieces.get(event.number, b"") + event.data
        if digest_of(f"{modem} {event.number} ".encode() + whole) == digest:
            return {
                "record": event.number, "protocol": event.protocol, "label": event.label.hex(),
                "hex": whole.hex(), "position": row.position,
            }  # fmt: skip
    return None

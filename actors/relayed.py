"""What a modem tells of a meter, as something that the meter's actor can judge: records, alarms.

Nothing is guessed: a record becomes a reading only where its bytes say themselves, by the meter's
own protocol, what they are and whose. All others are kept as they came.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from actors import push_judge
from actors.context import Context
from actors.job import Judging
from actors.meter_jobs import reading_of, voltage_events
from actors.meter_messages import Push
from actors.port import Port
from actors.routing import Unroutable, route
from hes.devices import Device
from hes.events.base import DomainEvent
from hes.events.meter_event import MeterEvent
from hes.events.power import PowerSign
from hes.events.reading import Source
from hes.ids import ModemId
from hes.rules import power_failure
from hes.rules.repeats import digest_of
from protocols.dlms.push_reader import PushFrame, PushReader
from protocols.dlt645 import answers as dlt645
from protocols.dlt645.frame import address_matches
from protocols.errors import RemoteProtocolError
from protocols.hml1.kinds import RecordKind
from protocols.iec62056_21 import kept as iec62056
from protocols.links.notices import AlarmTold, RecordTold
from protocols.values import RegistersRead

READING: Final = "reading"
ALARM: Final = "alarm"
DLMS: Final = frozenset({"dlms-hdlc", "dlms-wrapper"})
IEC: Final = "iec62056-21"
OLD_645: Final = "dlt645-1997"
DLT645: Final = frozenset({"dlt645-2007", OLD_645})
CLOCK_NEVER_SET: Final = 0
Judge = Callable[[Judging], list[DomainEvent]]


class Relayed(msgspec.Struct, frozen=True):
    """A message to the actor of a meter: what its modem has of it. Answered once it is durable."""

    digest: bytes
    """To know it again when the modem sends it again."""
    judge: Judge


class Relay(msgspec.Struct, frozen=True):
    """Whom a record or an alarm concerns, and what is to be done with it."""

    outcome: str
    device: Device | None = None
    relayed: Relayed | None = None


def moment(utc_s: int | None, clock_quality: int | None) -> datetime | None:
    """Return a time of the modem's clock; None when that was never set."""
    if not utc_s or clock_quality in {None, CLOCK_NEVER_SET}:
        return None
    return datetime.fromtimestamp(utc_s, UTC)


def meter_behind(context: Context, modem: ModemId, name: str) -> Device | None:
    """Return the meter that a modem means: by its name, else by its address on the line.

    A modem has no word about a meter that is behind another one, whatever key it proved to have.
    """
    device = context.directory.named(name) if name else None
    if device is not None and device.modem_id in {modem, ""}:
        return device
    short = name.lstrip("0")
    behind = context.directory.behind(modem)
    found = [one for one in behind if short and one.address.lstrip("0") == short]
    return found[0] if len(found) == 1 else None


# -- records


def relay_record(context: Context, modem: ModemId, record: RecordTold, port: Port) -> Relay:
    """Return what is to be done with the answer of a meter that a modem has stored."""
    if record.kind != RecordKind.ANSWER:
        unreadable = record.kind == RecordKind.UNREADABLE
        return Relay("unreadable" if unreadable else f"kind-{record.kind}")
    device = meter_behind(context, modem, record.meter)
    if device is None:
        return Relay("unknown-meter")
    digest = digest_of(f"{modem} {record.number} ".encode() + record.data)
    try:
        judge = _judge_of(context, modem, record, device, port, digest)
    except (RemoteProtocolError, Unroutable) as problem:
        category = problem.category if isinstance(problem, RemoteProtocolError) else problem.reason
        return Relay(category)
    return Relay(READING, device, Relayed(digest, judge))


def _judge_of(
    context: Context, modem: ModemId, record: RecordTold, device: Device, port: Port, digest: bytes
) -> Judge:
    if record.protocol in DLMS:
        return _pushed(context, modem, record, device, port, digest)
    at = moment(record.utc_s, record.clock_quality)
    read = _registers(record, device, context.utc_offset_min)
    read.meter_time = read.meter_time or at

    def judge(judging: Judging) -> list[DomainEvent]:
        reading = reading_of(read, judging, Source.PUSH)
        reading = msgspec.structs.replace(reading, digest=digest)
        return [reading, *voltage_events(reading, judging)]

    return judge


def _registers(record: RecordTold, device: Device, utc_offset_min: int) -> RegistersRead:
    """Return the registers in a record.

    Raises:
        RemoteProtocolError: there are none, or another meter told them.

    """
    if record.protocol == IEC:
        return iec62056.registers_in(record.data, label=record.label, utc_offset_min=utc_offset_min)
    if record.protocol not in DLT645:
        raise RemoteProtocolError("protocol", f"nobody reads records of {record.protocol} here")
    old = record.protocol == OLD_645
    read, addresses = dlt645.registers_in(record.data, old=old, utc_offset_min=utc_offset_min)
    own = device.address or record.meter
    if not all(address_matches(own, told) for told in addresses):
        raise RemoteProtocolError("address", f"{', '.join(addresses)} answered, not {own}")
    return read


def _pushed(
    context: Context, modem: ModemId, record: RecordTold, device: Device, port: Port, digest: bytes
) -> Judge:
    """Return what judges the one push that a record of DLMS holds."""
    frames: list[PushFrame] = []
    PushReader(frames.append, lambda _reason, _detail, _data: None).feed(record.data)
    if len(frames) != 1:
        raise RemoteProtocolError("frame", f"{len(frames)} messages where one is expected")
    routed = route(context.directory, modem, frames[0])
    if device.meter_id not in {found.meter_id for found in routed.meters}:
        raise RemoteProtocolError("address", f"the message is of {routed.meters[0].meter_id}")
    push = Push(
        plain=routed.plain, counter=routed.counter, digest=digest, apdu=frames[0].apdu,
        received_at=context.now(), port=port, reply=frames[0].reply,
    )  # fmt: skip

    def judge(judging: Judging) -> list[DomainEvent]:
        if push.counter is not None and not judging.state.counters.accepts(push.counter):
            return []  # it came before, by another way
        events = push_judge.judge(
            push, state=judging.state, limits=judging.limits, scale_of=judging.scale_of,
            utc_offset_min=context.utc_offset_min,
        )  # fmt: skip
        return _marked(events, digest)

    return judge


def _marked(events: Sequence[DomainEvent], digest: bytes) -> list[DomainEvent]:
    """Let the first event say which record it is of: else one that comes again counts again."""
    first, *rest = events
    return [msgspec.structs.replace(first, digest=digest), *rest]


# -- alarms


def alarm_digest(modem: ModemId, alarm: AlarmTold) -> bytes:
    """Return the bytes by which an alarm is known again: at once, and in its record."""
    told = f"{modem} {alarm.source} {alarm.code} {alarm.utc_s} {alarm.clock_quality}"
    return digest_of(told.encode())


def relay_alarm(context: Context, modem: ModemId, alarm: AlarmTold) -> Relay:
    """Return what is to be done with an alarm; without a device it concerns the modem."""
    device = None if alarm.source == modem else meter_behind(context, modem, alarm.source)
    if device is None:
        return Relay(ALARM)
    digest = alarm_digest(modem, alarm)
    at = moment(alarm.utc_s, alarm.clock_quality)

    def judge(judging: Judging) -> list[DomainEvent]:
        told = MeterEvent(
            received_at=judging.now, device_time=at, code=None, name=alarm.code, obis="",
            detail=f"told by modem {modem}", digest=digest,
        )  # fmt: skip
        return [told, *_supply(alarm.code, judging, at)]

    return Relay(ALARM, device, Relayed(digest, judge))


def _supply(code: str, judging: Judging, at: datetime | None) -> list[DomainEvent]:
    state = judging.state
    if code == "supply-lost":
        return power_failure.failed(
            failed_at=state.failed_at, sign=PowerSign.LAST_GASP, received_at=judging.now,
            device_time=at, times=state.supply,
        )  # fmt: skip
    if code == "supply-restored":
        return power_failure.restored(
            failed_at=state.failed_at, sign=PowerSign.LAST_GASP, received_at=judging.now,
            device_time=at, times=state.supply,
        )  # fmt: skip
    return []

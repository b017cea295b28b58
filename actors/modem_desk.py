"""What a modem of HML/1 tells beside its pipe: who it is, records, alarms; and its orders.

A record is acknowledged when it, and what was made of it, is durable; never before. The numbers go
up without a gap, so what comes again is known by its number, after any restart.
"""

import contextlib
from collections.abc import Callable
from typing import Any, Final

from actors.context import Context
from actors.errors import ActorCrashed, ActorError, JournalFailed, LineBusy, NoSuchLine
from actors.mailbox import Later
from actors.modem_memory import ModemMemory
from actors.modem_messages import Order
from actors.modem_orders import TOLD, ModemOrders
from actors.port import Port
from actors.relayed import (
    ALARM,
    Relay,
    alarm_digest,
    moment,
    relay_alarm,
    relay_record,
)
from hes.events.base import DomainEvent
from hes.events.modem_record import ModemAlarm, RecordsLost, RecordStored
from hes.events.modem_setting import ModemIdentified
from hes.ids import ModemId
from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.hml1.kinds import ALARM_CODES, PipeState, RecordKind
from protocols.hml1.messages import PipeSettings, decode_alarm
from protocols.links import notices
from protocols.links.base import Notice
from protocols.links.hml1 import PIPE_CHANNEL, Hml1Link

RELAY_S: Final = 30.0
"""A meter's actor takes a record within milliseconds; the modem sends it again after half a minute
anyway."""
PART_SIZE: Final = 1400
"""Bytes of a record in one event: with label and names it must fit a RAW column of Oracle."""
TURNED_AWAY: Final[dict[int, Callable[[], ActorError]]] = {
    PipeState.NO_SUCH_PORT: lambda: NoSuchLine("the modem says that it has no such serial port"),
    PipeState.BUSY: lambda: LineBusy("the modem says that its serial port is busy"),
}
"""What a modem says of its pipe, when nobody can talk through it."""


def is_native(port: Port) -> bool:
    """Whether the modem on this connection tells more than a pipe does."""
    return isinstance(port.link, Hml1Link)


def release(port: Port) -> None:
    """Give the serial line back to the modem's own collection: nobody asks for now."""
    if isinstance(port.link, Hml1Link):
        port.connection.write(port.link.release())


class ModemDesk:
    """Of one modem; belongs to its actor, which calls it one message at a time."""

    def __init__(self, modem: ModemId, context: Context) -> None:
        self._modem = modem
        self._context = context
        self._memory = ModemMemory(modem, context)
        self._orders = ModemOrders(context, self._memory)
        self._sent_back: Port | None = None
        """A connection that was closed so that the modem calls again; its records wait for that."""
        self._before_first: int | None = None
        """What a modem that never sent a record begins behind, in this session."""

    async def order(self, order: Order, later: Later | None, port: Port | None) -> None:
        """Carry out what somebody wants of the modem."""
        await self._orders.take(order, later, port)

    def lost(self, reason: str) -> None:
        """Take note that the connection has ended."""
        self._orders.lost(reason)

    async def take(self, port: Port, notice: Notice) -> None:
        """Take what the modem tells; what cannot be stored now, it will tell again."""
        with contextlib.suppress(JournalFailed):
            match notice:
                case notices.RecordTold():
                    await self._record(port, notice)
                case notices.RecordsLost(first=first, last=last):
                    await self._lost_records(port, first, last)
                case notices.ModemTold():
                    await self._called(port, notice)
                case notices.AlarmTold():
                    await self._alarm(notice)
                case notices.PipeStatus(channel=channel, status=status):
                    if channel == PIPE_CHANNEL and status in TURNED_AWAY:
                        port.turn_away(TURNED_AWAY[status]())
                case _:
                    if isinstance(notice, TOLD):
                        await self._orders.told(notice)

    # -- who it is

    async def _called(self, port: Port, told: notices.ModemTold) -> None:
        link = port.link
        state = await self._memory.state()
        if not isinstance(link, Hml1Link):
            return
        stored = state.record_stored
        if link.welcomed_behind != stored and not _goes_on_behind(stored, told):
            # What is durable was not in memory, or has changed since: numbers of a modem that lost
            # its memory would look like old ones. It calls again, and is told the right number.
            self._sent_back = port
            port.connection.close("it calls again, to be told which of its records are here")
            return
        self._before_first = None
        self._set_line(link)
        before = state.firmware_running
        now = self._context.now()
        proved = await self._orders.proved(told.config_hash)
        identified = ModemIdentified(
            received_at=now, session=port.session, iccid=told.iccid, model=told.model,
            firmware=told.firmware, boot_count=told.boot_count, boot_reason=told.boot_reason,
            rssi_dbm=told.rssi_dbm, records_queued=told.records_queued,
            config_hash=told.config_hash,
        )  # fmt: skip
        await self._memory.record([identified, *proved])
        await self._orders.called(port, told.firmware, before)

    def _set_line(self, link: Hml1Link) -> None:
        entry = self._context.modems.entry(self._modem)
        if entry is not None and entry.line is not None:
            link.pipe_settings = PipeSettings(*entry.line)

    # -- records

    async def _record(self, port: Port, record: notices.RecordTold) -> None:
        last = (await self._memory.state()).record_stored
        if port is self._sent_back:
            return
        if last is None:  # the first that it sends is the first; unless storing that one fails
            if self._before_first is None:
                self._before_first = record.number - 1
            last = self._before_first
        if record.number > last + 1:
            return  # one before it could not be stored: it will come again, and this one too
        if record.number > last:
            outcome, more = await self._outcome(port, record)
            if not outcome:
                return
            await self._memory.record([*self._stored(record, outcome), *more])
        self._acknowledge(port, record.number)

    async def _outcome(self, port: Port, record: notices.RecordTold) -> tuple[str, Any]:
        """Let whom it concerns have it; return what came of it, or nothing: not durable yet."""
        alarm = _alarm_in(record, self._modem)
        if alarm is not None:
            return ALARM, await self._alarm_events(alarm)
        relay = relay_record(self._context, self._modem, record, port)
        return await self._relay(relay), []

    async def _relay(self, relay: Relay) -> str:
        """Give something to the meter's actor; return the outcome, or nothing: try again."""
        if relay.device is None or relay.relayed is None:
            return relay.outcome
        try:
            meter = self._context.meter(relay.device.meter_id)
            durable: bool = await meter.ask(relay.relayed, RELAY_S)
        except ActorCrashed:
            return "internal"  # a fault of ours: the record itself is kept, and the next can come
        except ActorError:
            return ""
        return relay.outcome if durable else ""

    def _stored(self, record: notices.RecordTold, outcome: str) -> list[DomainEvent]:
        data, size = record.data, PART_SIZE
        pieces = [data[at : at + size] for at in range(0, len(data), size)] or [b""]
        return [
            RecordStored(
                received_at=self._context.now(),
                device_time=moment(record.utc_s, record.clock_quality),
                number=record.number, meter=record.meter, protocol=record.protocol,
                kind=record.kind, clock_quality=record.clock_quality,
                label=record.label if number == 1 else b"", data=piece, outcome=outcome[:64],
                part=number, parts=len(pieces),
            )
            for number, piece in enumerate(pieces, start=1)
        ]  # fmt: skip

    async def _lost_records(self, port: Port, first: int, last: int) -> None:
        known = (await self._memory.state()).record_stored
        if port is self._sent_back:
            return
        if known is None or last > known:
            lost = RecordsLost(received_at=self._context.now(), first=first, last=last)
            await self._memory.record([lost])
        self._acknowledge(port, last)

    @staticmethod
    def _acknowledge(port: Port, number: int) -> None:
        """Say that all up to ``number`` is durable; the session may have ended meanwhile."""
        if isinstance(port.link, Hml1Link):
            with contextlib.suppress(LocalProtocolError):
                port.connection.write(port.link.stored_up_to(number))

    # -- alarms

    async def _alarm(self, alarm: notices.AlarmTold) -> None:
        await self._memory.record(await self._alarm_events(alarm))

    async def _alarm_events(self, alarm: notices.AlarmTold) -> list[DomainEvent]:
        """Give an alarm to the meter it is about; return what is to be noted of the modem.

        Raises:
            JournalFailed: the meter's actor could not store it.

        """
        relay = relay_alarm(self._context, self._modem, alarm)
        if relay.device is not None:
            if not await self._relay(relay):
                raise JournalFailed(f"an alarm of {relay.device.meter_id} is not stored")
            return []
        digest = alarm_digest(self._modem, alarm)
        if digest in (await self._memory.state()).alarms:
            return []
        return [
            ModemAlarm(
                received_at=self._context.now(),
                device_time=moment(alarm.utc_s, alarm.clock_quality),
                code=alarm.code, source=alarm.source, digest=digest,
            )
        ]  # fmt: skip


def _goes_on_behind(stored: int | None, told: notices.ModemTold) -> bool:
    """Whether a modem has all that comes behind ``stored``, and counts further than that.

    Then it has not lost its memory, and needs no other WELCOME.
    """
    if stored is None or told.next_record is None or told.records_queued is None:
        return False
    return told.next_record - told.records_queued <= stored + 1 <= told.next_record


def _alarm_in(record: notices.RecordTold, modem: ModemId) -> notices.AlarmTold | None:
    """Return the alarm that a record repeats; None: it is no such record, or no whole one."""
    if record.kind != RecordKind.ALARM:
        return None
    try:
        alarm = decode_alarm(record.data)
    except RemoteProtocolError:
        return None
    return notices.AlarmTold(
        source=alarm.meter or modem, code=ALARM_CODES.get(alarm.code, f"code-{alarm.code}"),
        utc_s=alarm.utc_s, clock_quality=alarm.clock_quality,
    )  # fmt: skip

"""Telegrams that meters of IEC 62056-21 send by themselves (mode D), beside all else on the line.

A telegram is its meter's where that is certain: there is one such meter behind the modem, or it
names one of them. Others are kept as they came.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

import msgspec

from actors.context import Context
from actors.directory import short_name
from actors.job import Judging
from actors.meter_jobs import reading_of, voltage_events
from actors.port import Port
from actors.relayed import Relayed
from hes.devices import Device
from hes.events.base import DomainEvent
from hes.events.reading import Source
from hes.ids import ModemId
from hes.rules import power_failure
from hes.rules.repeats import digest_of
from protocols.dlms.push_reader import PushReader
from protocols.errors import RemoteProtocolError
from protocols.iec62056_21.options import Iec62056Options
from protocols.iec62056_21.telegram import Telegram, TelegramReader
from protocols.iec62056_21.unasked import Unasked, identified_as, registers_of
from protocols.iec62056_21.whose import is_anothers

IEC: Final = "iec62056-21"
Keep = Callable[[str, str, bytes], None]
"""Takes what cannot be used: a word, a sentence, the bytes."""


def listen(port: Port | None, modem: ModemId, context: Context, keep: Keep) -> None:
    """Let what comes by itself be taken from a line: pushes, in blocks too, and telegrams.

    Those only where there is a meter that can send any.
    """
    if port is None:
        return
    if isinstance(port.pushes, PushReader):
        port.pushes.answer = port.write
    can = any(device.protocol == IEC for device in context.directory.behind(modem))
    port.listen(TelegramSink(port, modem, context, keep) if can else port.pushes)


class TelegramSink:
    """Takes the bytes of one line, in the hub's task: see ``actors.port.PushSink``."""

    def __init__(self, port: Port, modem: ModemId, context: Context, keep: Keep) -> None:
        self._port = port
        self._modem = modem
        self._context = context
        self._keep = keep
        self._reader = TelegramReader()

    def feed(self, data: bytes) -> None:
        """Take bytes from the serial line."""
        for telegram in self._reader.feed(data):
            if self._is_unasked(telegram):
                self._take(telegram)
        self._port.pushes.feed(data)

    def _is_unasked(self, telegram: Telegram) -> bool:
        if not self._port.link.pipe:
            return True  # nobody can have asked, though it may be framed like an answer
        # While somebody asks, only a right check tells a telegram from pieces of answers.
        return not telegram.asked and bool(telegram.crc or not self._port.talking)

    def _take(self, telegram: Telegram) -> None:
        raw = telegram.raw
        if not telegram.intact:
            detail = f"the CRC of a telegram is {telegram.computed}, it says {telegram.crc}"
            if telegram.asked:
                detail = "the block check of a telegram is wrong"
            self._keep("bad-check", detail, raw + telegram.tail)
            return
        try:
            device, unasked = self._read(telegram)
        except RemoteProtocolError as problem:
            self._keep(problem.category, str(problem), raw)
            return
        if device is None:
            named = ", ".join(unasked.names) or "it does not name itself"
            self._keep("unknown-meter", f"a telegram of no meter behind this modem: {named}", raw)
            return
        relayed = _relayed(unasked, raw, self._context.now())
        self._port.connection.deliver(self._context.meter(device.meter_id), relayed)

    def _read(self, telegram: Telegram) -> tuple[Device | None, Unasked]:
        """Return whose a telegram is, and what it says by the type of that meter."""
        offset_min = self._context.utc_offset_min
        unasked = registers_of(telegram, utc_offset_min=offset_min)
        devices = [d for d in self._context.directory.behind(self._modem) if d.protocol == IEC]
        device = whose(devices, unasked.names) or _identified(devices, telegram)
        of = None if device is None else self._context.type_of(device.meter_id)
        if of is not None and isinstance(of.options, Iec62056Options):
            options = of.options
            unasked = registers_of(telegram, utc_offset_min=offset_min, options=options)
        return device, unasked


def whose(devices: Sequence[Device], names: Sequence[str]) -> Device | None:
    """Return the meter that calls itself so, or the only one there is; None: nobody knows."""
    told = {short_name(name) for name in names} - {""}
    found = [d for d in devices if {short_name(d.address), short_name(d.meter_id)} & told]
    if not found and len(devices) == 1 and not is_anothers(devices[0].address, names):
        found = [devices[0]]
    return found[0] if len(found) == 1 else None


def _identified(devices: Sequence[Device], telegram: Telegram) -> Device | None:
    """Return the meter whose address in the device list is the identification of a telegram."""
    told = set(map(short_name, identified_as(telegram))) - {""}
    found = [device for device in devices if short_name(device.address) in told]
    return found[0] if len(found) == 1 else None


def _relayed(unasked: Unasked, raw: bytes, now: datetime) -> Relayed:
    """Return the message to the meter's actor: a telegram with a time counts once."""
    read = unasked.read
    # Two equal telegrams without a time may be two observations: both count.
    digest = digest_of(raw if read.meter_time else raw + now.isoformat().encode())

    def judge(judging: Judging) -> list[DomainEvent]:
        reading = msgspec.structs.replace(reading_of(read, judging, Source.PUSH), digest=digest)
        state = judging.state
        restored = power_failure.restored(
            failed_at=state.failed_at, sign=None, received_at=judging.now,
            device_time=reading.device_time, times=state.supply,
        ) if state.failed_at is not None else []  # fmt: skip
        return [reading, *voltage_events(reading, judging), *restored]

    return Relayed(digest, judge)

"""A simulated meter of DL/T 645, 1997 or 2007: bytes in, bytes out.

It is called by its address, by a part of it, or with nothing but ``AA`` (1997: 99) when it is
alone. It takes the time from broadcasts as real ones do: when it is not too far off, once a day,
and not near midnight.
"""

import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import msgspec

from hes.fleet.dlms_server import MeterClock
from hes.fleet.dlt645_values import UTC_OFFSET_MIN, ZONE, Dlt645Values
from hes.fleet.model import Consumption
from protocols.dlt645 import bcd, errors, exchange
from protocols.dlt645.client import secrets
from protocols.dlt645.frame import (
    ANY,
    BROADCAST,
    DATA_SIZE_MAX,
    Frame,
    FrameReader,
    address_matches,
    encode_frame,
)
from protocols.errors import RemoteProtocolError

BROADCAST_S_MAX: Final = 300
MIDNIGHT_S: Final = 300
LOAD: Final = 0x06
DATES: Final = (0x04000101, 0xC010)
TIMES: Final = (0x04000102, 0xC011)
PASSWORD_SIZE: Final = 4
WILDCARD: Final = 0x99
Answer = tuple[int, bytes]
"""Flags of the control code, and data."""


class Dlt645Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Who a simulated meter is, and how it speaks."""

    serial: str
    address: str = ""
    """Empty: its serial number."""
    old: bool = False
    """The standard of 1997."""
    password: str = "02000000"  # noqa: S105 -- a simulation
    wake_up: int = 4
    frame_size: int = DATA_SIZE_MAX
    """Bytes of data in one frame of an answer."""
    blocks: bool = True
    """Whether it answers blocks."""


class SimulatedDlt645Meter:
    """One meter on a line, with the interface that a simulated modem expects."""

    def __init__(
        self, plan: Dlt645Plan, *, world: Callable[[], datetime], drift_s: float = 0.0
    ) -> None:
        self.plan = plan
        self.address = (plan.address or plan.serial).rjust(12, "0")
        self.clock = MeterClock(world, drift_s)
        self.values = Dlt645Values(self.address, Consumption.of(plan.serial), old=plan.old)
        self.requests = 0
        """Requests that it answered."""
        self.confirmed: list[int] = []
        """Pushes that were confirmed; it makes none."""
        self.writes = 0
        """Writes that it took."""
        self.invoke_id = 0
        self._reader = FrameReader()
        self._rest: tuple[bytes, list[bytes]] = (b"", [])
        """An identifier and the parts of its answer."""
        self._told_on: object = None
        """The day on which it last took the time from a broadcast."""

    def reset(self) -> None:
        """Forget nothing: the serial line does not know of connections."""

    def push(self, *, confirmed: bool) -> bytes:
        """Return nothing: these meters only answer."""
        return b""

    def last_gasp(self) -> bytes:
        """Return nothing: these meters only answer."""
        return b""

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the line; return what the meter answers, if it is meant."""
        return b"".join(map(self._answer, self._reader.feed(data)))

    def _answer(self, frame: Frame) -> bytes:
        answer = self._answered(frame) if not frame.from_meter and self._is_meant(frame) else None
        if answer is None:
            return b""
        self.requests += 1
        control, data = answer
        return encode_frame(
            self.address, frame.control | exchange.ANSWER | control, data,
            wake_up=self.plan.wake_up,
        )  # fmt: skip

    def _is_meant(self, frame: Frame) -> bool:
        if frame.address == BROADCAST:
            told = {exchange.BROADCAST_TIME, exchange.FREEZE}
            return frame.control in told or (self.plan.old and frame.control in {
                exchange.READ_1997, exchange.FOLLOW_1997
            })  # fmt: skip
        if frame.address == ANY and frame.control in {exchange.WRITE, exchange.WRITE_1997}:
            return False
        return address_matches(self.address, frame.address)

    def _answered(self, frame: Frame) -> Answer | None:
        """Return the flags and the data of the answer; None: it says nothing."""
        size = 2 if self.plan.old else 4
        name, data = frame.data[:size], frame.data[size:]
        plain = {exchange.BROADCAST_TIME: self._take_broadcast} | (
            {}
            if self.plan.old
            else {exchange.READ_ADDRESS: self._tell_address, exchange.FREEZE: self._freeze}
        )
        if frame.control in plain:
            return plain[frame.control](frame)
        named = (
            {exchange.READ_1997: self._read, exchange.FOLLOW_1997: self._follow,
             exchange.WRITE_1997: self._write}
            if self.plan.old
            else {exchange.READ: self._read, exchange.FOLLOW: self._follow,
                  exchange.WRITE: self._write}
        )  # fmt: skip
        if frame.control in named and len(name) == size:
            return named[frame.control](name, data)
        return None

    def _tell_address(self, _frame: Frame) -> Answer:
        return 0, bytes.fromhex(self.address)[::-1]

    # -- reads

    def _read(self, name: bytes, data: bytes) -> Answer:
        di = int.from_bytes(name, "little")
        now = self.clock.now()
        is_load = not self.plan.old and di >> 24 == LOAD
        is_block = di & 0xF == 0xF if self.plan.old else di >> 8 & 0xFF == 0xFF
        value = self._load(di, data, now) if is_load else self.values.read(di, now)
        if value is None or (is_block and not self.plan.blocks):
            return exchange.REFUSED, bytes((errors.NO_DATA,))
        room = self.plan.frame_size - len(name)
        parts = [value[:room]]
        room -= 1  # the number of a follow-up frame
        first = len(parts[0])
        parts += [value[at : at + room] for at in range(first, len(value), room)]
        self._rest = (name, parts)
        return (exchange.MORE if len(parts) > 1 else 0), name + parts[0]

    def _follow(self, name: bytes, data: bytes) -> Answer:
        kept, parts = self._rest
        number = data[0] if data else 1
        if self.plan.old:  # parts have no numbers: each question takes one away
            self._rest = (kept, parts[1:])
        if kept != name or not 0 < number < len(parts):
            return exchange.REFUSED, bytes((errors.NO_DATA,))
        more = exchange.MORE if number + 1 < len(parts) else 0
        return more, name + parts[number] + (b"" if self.plan.old else bytes((number,)))

    def _load(self, di: int, data: bytes, now: datetime) -> bytes | None:
        text = data[:1].hex()
        if not text.isdecimal() or di >> 16 & 0xFF not in {0, 4}:
            return None
        try:
            since = bcd.instant(data[1:], UTC_OFFSET_MIN) if di & 0xFF == 1 else None
        except RemoteProtocolError:
            return None
        if di & 0xFF == 1 and since is None:
            return None
        return b"".join(self.values.records(since, int(text), now)) or None

    # -- changes

    def _write(self, name: bytes, data: bytes) -> Answer:
        password, _ = secrets(self.plan.password)
        head = PASSWORD_SIZE if self.plan.old else 2 * PASSWORD_SIZE
        if data[:PASSWORD_SIZE] != password:
            return exchange.REFUSED, bytes((errors.WRONG_PASSWORD,))
        if not self._set(int.from_bytes(name, "little"), data[head:]):
            return exchange.REFUSED, b"\x01"
        self.writes += 1
        return 0, b""

    def _set(self, di: int, data: bytes) -> bool:
        local = self.clock.now().astimezone(ZONE)
        shown = bytearray(bcd.time_bytes(local, "%y%m%d%H%M%S"))
        if di in DATES and len(data) == 4:
            shown[3:] = data[1:]
        elif di in TIMES and len(data) == 3:
            shown[:3] = data
        else:
            return False
        return self._set_clock(bytes(shown))

    def _set_clock(self, shown: bytes) -> bool:
        try:
            instant = bcd.instant(shown, UTC_OFFSET_MIN)
        except RemoteProtocolError:
            return False
        if instant is not None:
            self.clock.set(instant)
        return instant is not None

    def _take_broadcast(self, frame: Frame) -> None:
        now = self.clock.now()
        local = now.astimezone(ZONE)
        into_s = local.hour * 3600 + local.minute * 60 + local.second
        near_midnight = min(into_s, 86_400 - into_s) <= MIDNIGHT_S
        with contextlib.suppress(RemoteProtocolError):  # what is no time changes nothing
            instant = bcd.instant(frame.data, UTC_OFFSET_MIN)
            if instant is None or near_midnight or self._told_on == local.date():
                return
            if abs(instant - now) <= timedelta(seconds=BROADCAST_S_MAX):
                self._told_on = local.date()
                self.clock.set(instant)

    def _freeze(self, frame: Frame) -> Answer | None:
        if frame.data == bytes((WILDCARD,)) * 4:
            self.values.freezes.insert(0, self.clock.now())
        return None if frame.address == BROADCAST else (0, b"")

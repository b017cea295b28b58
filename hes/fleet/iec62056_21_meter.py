"""A simulated meter of IEC 62056-21, mode C: bytes in, bytes out.

It is called by its address or, when it is alone, without one; it shows its registers, and in
programming mode takes commands: R1 and R5 for registers, R5 and R6 for tables, W1 and W5 for the
clock behind a password.
"""

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from enum import StrEnum
from typing import Final

import msgspec

from hes.fleet.dlms_server import MeterClock
from hes.fleet.iec62056_21_values import CLOCK_SET, ShownValues, parts
from hes.fleet.model import Consumption
from protocols.errors import RemoteProtocolError
from protocols.iec62056_21.block_check import EVEN_PARITY
from protocols.iec62056_21.datasets import parse_line
from protocols.iec62056_21.frame import (
    ACK,
    NAK,
    Block,
    Control,
    Line,
    Message,
    MessageReader,
    Option,
    encode_block,
    encode_command,
)
from protocols.iec62056_21.profile import is_log, is_profile
from protocols.iec62056_21.stamps import StampRules, parse_clock, parse_stamp

UTC_OFFSET_MIN: Final = 420
INACTIVITY_S: Final = 90.0
"""After so long without a word it waits for a request again."""
WRONG_PASSWORDS_MAX: Final = 3
TAKEN: Final = bytes((ACK,))
NOT_UNDERSTOOD: Final = bytes((NAK,))
NO_SUCH: Final = "(ER07)"
DENIED: Final = "(ER03)"
WRONG_PASSWORD: Final = "(ER01)"  # noqa: S105 -- an answer
READS: Final = ("R1", "R5")
TABLES: Final = ("R5", "R6")
WRITES: Final = ("W1", "W5")


class Mood(StrEnum):
    """What the meter waits for."""

    REQUEST = "request"
    OPTION = "option"
    COMMAND = "command"
    ANYTHING = "anything"
    """Commands, writes too."""


class Iec62056Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Who a simulated meter is, and how it speaks."""

    serial: str
    address: str = ""
    """Empty: its serial number."""
    password: str = "00000000"  # noqa: S105 -- a simulation
    identification: str = "SIM5\\@HES010000"
    check: str = "xor"
    even: bool = False
    """It sends even parity in bit 7: 7E1 seen through a port of 8 bits."""
    bare: bool = False
    """Its answers to commands leave out the code."""


class SimulatedIec62056Meter:
    """One meter on a line, with the interface that a simulated modem expects."""

    def __init__(
        self, plan: Iec62056Plan, *, world: Callable[[], datetime], drift_s: float = 0.0
    ) -> None:
        self.plan = plan
        self.clock = MeterClock(world, drift_s)
        self._world = world
        rules = StampRules(UTC_OFFSET_MIN)
        self.values = ShownValues(plan.serial, Consumption.of(plan.serial), rules)
        self.requests = 0
        """Requests that it answered."""
        self.confirmed: list[int] = []
        """Pushes that were confirmed; it makes none."""
        self.mood = Mood.REQUEST
        self.sent: list[bytes] = []
        """What it answered, for tests."""
        self._rules = rules
        self._reader = MessageReader(plan.check, both_ways=True)
        self._last_at: datetime | None = None
        self._last = b""
        self._parts: deque[str] = deque()
        self._wrong = 0
        self._pending_date = ""

    def reset(self) -> None:
        """Forget nothing: the serial line does not know of connections."""

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the line; return what the meter answers, if it is meant."""
        now = self._world()  # not the meter's clock: being set must not look like a long silence
        if self._last_at is not None and (now - self._last_at).total_seconds() > INACTIVITY_S:
            self.mood = Mood.REQUEST
            self._reader = MessageReader(self.plan.check, both_ways=True)
        self._last_at = now
        messages = self._reader.feed(data)
        if self._parts and self._reader.pending == 1:
            messages += self._reader.idle()  # an ACK for a part, not the beginning of an option
        answer = b"".join(map(self._answer, messages))
        return answer.translate(EVEN_PARITY) if self.plan.even else answer

    def _answer(self, message: Message) -> bytes:
        answer = self._answered(message)
        if answer:
            self.requests += 1
            self._last = answer
            self.sent.append(answer)
        return answer

    def _answered(self, message: Message) -> bytes:
        match message:
            case Line(text=text):
                return self._called(text)
            case Option(text=text):
                return self._chosen(text)
            case Block(command="B0"):
                self.mood, self._last = Mood.REQUEST, b""
                return b""
            case Control(code=code):
                return self._controlled(code)
            case Block() if self.mood in {Mood.COMMAND, Mood.ANYTHING}:
                return self._command(message) if message.good else NOT_UNDERSTOOD
            case _:
                return b""

    # -- sign-on

    def _called(self, text: str) -> bytes:
        if self.mood is not Mood.REQUEST or not text.startswith("?") or not text.endswith("!"):
            return b""
        asked = text[1:-1].lstrip("0")
        own = self.plan.address or self.plan.serial
        if asked and asked != own.lstrip("0"):
            self._last = b""  # a NAK from now on is for another meter
            return b""
        self.mood = Mood.OPTION
        return f"/{self.plan.identification}\r\n".encode("ascii")

    def _chosen(self, text: str) -> bytes:
        if self.mood is not Mood.OPTION:
            return b""
        if text[2] == "1":
            self.mood = Mood.COMMAND
            return encode_command("P0", f"({self.plan.serial})", check=self.plan.check)
        self.mood = Mood.REQUEST
        return self._block(self.values.readout(self.clock.now()))

    def _controlled(self, code: int) -> bytes:
        """NAK: the last answer again; ACK: the next part."""
        if code == NAK:
            return self._last
        return self._next_part() if self._parts else b""

    def _block(self, text: str, *, more: bool = False) -> bytes:
        return encode_block(text, more=more, check=self.plan.check)

    # -- commands

    def _command(self, block: Block) -> bytes:
        self._parts.clear()
        if block.command == "P1":
            return self._password(block.data)
        code, values = _operand(block.data)
        table = is_profile(code) or is_log(code)
        if table and block.command in TABLES:
            return self._table(code, values[0], in_parts=block.command == "R6")
        if code and block.command in READS:
            return self._register(code)
        if code and block.command in WRITES:
            return self._write(code, values[0])
        return NOT_UNDERSTOOD

    def _password(self, data: str) -> bytes:
        if data == f"({self.plan.password})":
            self._wrong = 0
            self.mood = Mood.ANYTHING
            return TAKEN
        self._wrong += 1
        if self._wrong >= WRONG_PASSWORDS_MAX:
            self._wrong = 0
            self.mood = Mood.REQUEST
            return encode_command("B0", check=self.plan.check)
        return self._block(WRONG_PASSWORD)

    def _register(self, code: str) -> bytes:
        value = self.values.registers.get(code)
        if value is None:
            return self._block(NO_SUCH)
        shown = value(self.clock.now())
        return self._block(shown if self.plan.bare else code + shown)

    def _table(self, code: str, asked: str, *, in_parts: bool) -> bytes:
        begin, _, end = asked.partition(";")
        now = self.clock.now()
        try:
            first = parse_stamp(begin).instant(self._rules)
            final = parse_stamp(end).instant(self._rules) if end else now
        except RemoteProtocolError:
            return self._block(NO_SUCH)
        if is_log(code):
            lines = self.values.events(first, final)
        else:
            lines = self.values.profile(first, final, now)
        if not in_parts:
            return self._block("".join(parts(lines)))
        self._parts = deque(parts(lines))
        return self._next_part()

    def _next_part(self) -> bytes:
        text = self._parts.popleft()
        return self._block(text, more=bool(self._parts))

    def _write(self, code: str, value: str) -> bytes:
        if self.mood is not Mood.ANYTHING:
            return self._block(DENIED)
        if code == "0.9.2":
            self._pending_date = value
            return TAKEN
        if code != "0.9.1":
            return self._block(NO_SUCH)
        zone = timezone(timedelta(minutes=UTC_OFFSET_MIN))
        date = self._pending_date or f"{self.clock.now().astimezone(zone):%y%m%d}"
        try:
            instant = parse_clock(date, value).instant(self._rules)
        except RemoteProtocolError:
            return self._block(NO_SUCH)
        self.values.log.append((self.clock.now(), CLOCK_SET))
        self.clock.set(instant)
        self._pending_date = ""
        return TAKEN


def _operand(data: str) -> tuple[str, tuple[str, ...]]:
    """Return code and brackets of a command; no code when it is none."""
    try:
        sets = parse_line(data)
    except RemoteProtocolError:
        return "", ()
    return (sets[0].code or "", sets[0].values) if len(sets) == 1 else ("", ())

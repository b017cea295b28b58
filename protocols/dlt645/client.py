"""A DL/T 645 client: who is asked and how. What is asked stands in the modules beside it.

``registers``, ``tables``, ``event_log`` and ``clock`` are dialogues that take a client.
"""

from datetime import datetime, timedelta, timezone
from typing import Final

import msgspec

from protocols.dialogue import Dialogue
from protocols.dlt645 import bcd
from protocols.dlt645.codes import CodeTable
from protocols.dlt645.exchange import (
    FREEZE,
    WRITE,
    WRITE_1997,
    Line,
    Refusal,
    insist,
)
from protocols.dlt645.options import Dlt645Options, Dlt645Timers
from protocols.dlt645.values import Value, decode_values
from protocols.errors import LocalProtocolError

LEVEL: Final = "02"
"""Of a password that names none."""


class Dlt645Settings(msgspec.Struct, frozen=True, kw_only=True):
    """How to talk to one meter."""

    address: str
    """Up to 12 digits. Empty: the meter is alone on its line and is asked for it."""
    old: bool = False
    """The standard of 1997."""
    password: str = ""
    """Six digits, with two digits of the level in front or without; ``:`` and an operator's number
    of eight digits may follow. A secret."""
    utc_offset_min: int = 0
    """The meter's clock runs on this local time."""
    timers: Dlt645Timers = Dlt645Timers()
    options: Dlt645Options = Dlt645Options()

    def __repr__(self) -> str:
        return f"Dlt645Settings({self.address!r}, old={self.old})"

    @property
    def zone(self) -> timezone:
        """Return the meter's time zone."""
        return timezone(timedelta(minutes=self.utc_offset_min))


class Dlt645Memory(msgspec.Struct):
    """What was learnt of a meter, and is kept from one conversation to the next."""

    address: str = ""
    missing_blocks: set[int] = set()
    """Blocks that it does not answer as a whole."""
    block_heard: bool = False
    """Whether it ever said anything to a question for a block."""
    block_unheard: bool = False
    """Whether it ever said nothing to one; until it was heard, no more of them are asked."""
    load_period_s: int | None = None


class Dlt645Client:
    """Asks one meter. It keeps only what is in ``memory``."""

    def __init__(self, settings: Dlt645Settings, memory: Dlt645Memory | None = None) -> None:
        self.settings = settings
        self.memory = Dlt645Memory() if memory is None else memory
        self.codes = CodeTable(settings.options, old=settings.old)
        address = settings.address or self.memory.address or "a"
        self.line = Line(address, settings.timers, settings.options, old=settings.old)

    @property
    def old(self) -> bool:
        """Whether the meter follows the standard of 1997."""
        return self.settings.old

    def find(self) -> Dialogue[None]:
        """Ask for the address, if it is not known.

        Raises:
            MeterSilent: nobody tells one.

        """
        if self.settings.address or self.memory.address:
            return
        self.memory.address = yield from self.line.ask_address()
        self.line.address = self.memory.address

    def read(self, di: int) -> Dialogue[list[Value] | Refusal]:
        """Read one identifier, a single value or a block; a refusal is a result.

        Raises:
            RemoteProtocolError: what came is not such a value.

        """
        answer = yield from self.line.read(di)
        if isinstance(answer, Refusal):
            return answer
        return decode_values(di, answer, old=self.old, item=self.codes.item(di))

    def write(self, di: int, data: bytes, what: str) -> Dialogue[None]:
        """Write one item, once, with password and (2007) operator.

        Raises:
            LocalProtocolError: the address or the password does not do; nothing was sent.
            MeterRefused: wrong password, or the meter wants its programming button pressed.
            MeterSilent: it did not say whether it took it: read it back.

        """
        head = self.line.identifier_bytes(di)
        password, operator = secrets(self.settings.password)
        if self.old:
            head += password if self.settings.options.write_password else b""
        else:
            head += password + operator
        control = WRITE_1997 if self.old else WRITE
        insist((yield from self.line.command(control, head + data)), what)

    def freeze(self, when: bytes) -> Dialogue[None]:
        """Have values kept: ``mm hh DD MM``, 99 in place of what is to repeat."""
        insist((yield from self.line.command(FREEZE, when)), "to keep its values")

    def freeze_all(self) -> Dialogue[None]:
        """Have every meter on the line keep its values now."""
        yield from self.line.broadcast(FREEZE, b"\x99\x99\x99\x99")

    def instant(self, raw: bytes) -> datetime | None:
        """Return the instant of the meter's time; None when it has none."""
        return bcd.instant(raw, self.settings.utc_offset_min)


def secrets(text: str) -> tuple[bytes, bytes]:
    """Return PA P0 P1 P2 and the operator, as they are sent.

    Raises:
        LocalProtocolError: it is neither; the message does not repeat the secret.

    """
    password, _, operator = text.partition(":")
    digits = (LEVEL + password if len(password) == 6 else password) or LEVEL + "000000"
    operator = operator or "00000000"
    for part in (digits, operator):
        if len(part) != 8 or not (part.isascii() and part.isdecimal()):
            raise LocalProtocolError(
                "password", "a password has 6 digits, or 8 with its level; then :operator, 8 digits"
            )
    raw = bytes.fromhex(digits)
    return raw[:1] + raw[:0:-1], bytes.fromhex(operator)[::-1]

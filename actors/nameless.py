"""Meters of mode D that call without a modem: whose telegrams these are, of all in the device list.

It is a meter's where just one of the list has the name that the telegram says: its address, or its
id. Nothing is guessed.
"""

from collections.abc import Iterable
from typing import Final

import msgspec
import trio

from actors.context import Context
from actors.directory import modem_of
from hes.devices import Device
from hes.ids import ModemId
from protocols.errors import RemoteProtocolError
from protocols.iec62056_21.options import Iec62056Options
from protocols.iec62056_21.telegram import Telegram, TelegramReader
from protocols.iec62056_21.unasked import names_of

IEC: Final = "iec62056-21"
LINKS: Final = frozenset({"", "auto", "raw", "mode-d"})
"""Of whom such a call can be, as the device list has it."""
NOTED_EVERY_S: Final = 1800.0
"""A telegram of nobody is noted so often: some meters send every second."""


class NobodysTelegram(msgspec.Struct, frozen=True):
    """One that is of no meter of the list."""

    reason: str
    detail: str
    raw: bytes


class Known(msgspec.Struct, frozen=True):
    """Whose connection it is."""

    modem: ModemId
    rest: bytes
    """All that came, from the beginning of the telegram that says so."""


class Nameless:
    """The telegrams of one caller, until it is known who that is."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._reader = TelegramReader()
        self._noted: tuple[str, float] | None = None
        """The last sentence that was told of it, and when by trio's clock."""

    def feed(self, data: bytes) -> tuple[Known | None, list[NobodysTelegram]]:
        """Take bytes; return whose they are, if that is told, and what is of nobody before that."""
        telegrams = self._reader.feed(data)
        nobodys: list[NobodysTelegram] = []
        for number, telegram in enumerate(telegrams):
            found = self._whose(telegram)
            if isinstance(found, Device):
                whole = b"".join(one.raw + one.tail for one in telegrams[number:])
                return Known(modem_of(found), whole + self._reader.rest), nobodys
            if self._is_news(found.detail):
                nobodys.append(found)
        return None, nobodys

    def _whose(self, telegram: Telegram) -> Device | NobodysTelegram:
        whole = telegram.raw + telegram.tail
        if not telegram.intact:
            return NobodysTelegram("bad-check", "the check of a telegram is wrong", whole)
        try:
            names = names_of(telegram)
            found = self._named(names) or self._by_type(telegram)
        except RemoteProtocolError as problem:
            return NobodysTelegram(problem.category, str(problem), whole)
        if len(found) == 1 and _is_right(telegram, self._options(found[0])):
            return found[0]
        told = f"it calls itself {', '.join(names)}" if names else "it does not name itself"
        several = " and several meters do" if len(found) > 1 else ""
        detail = f"a telegram of no meter in the device list; {told}{several}"
        return NobodysTelegram("unknown-meter", detail, whole)

    def _named(self, names: Iterable[str]) -> list[Device]:
        directory = self._context.directory
        found = {d.meter_id: d for name in names for d in directory.called(name)}
        return [d for d in found.values() if d.protocol == IEC and d.link in LINKS]

    def _by_type(self, telegram: Telegram) -> list[Device]:
        """Look for meters of a type that writes its name under a code of its own."""
        found: dict[str, Device] = {}
        for of in self._context.meter_types:
            if isinstance(of.options, Iec62056Options) and of.options.names:
                named = self._named(names_of(telegram, of.options))
                found |= {d.meter_id: d for d in named if d.meter_type == of.name}
        return list(found.values())

    def _options(self, device: Device) -> Iec62056Options:
        of = self._context.type_of(device.meter_id)
        options = None if of is None else of.options
        return options if isinstance(options, Iec62056Options) else Iec62056Options()

    def _is_news(self, sentence: str) -> bool:
        now, before = trio.current_time(), self._noted
        if before is not None and before[0] == sentence and now - before[1] < NOTED_EVERY_S:
            return False
        self._noted = (sentence, now)
        return True


def _is_right(telegram: Telegram, options: Iec62056Options) -> bool:
    """Whether the block check of a framed one is right by the way of its meter's type."""
    return not telegram.asked or options.check in telegram.checks

"""Reads and writes a meter's clock: two values, date and time of day."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import msgspec

from protocols.dialogue import Dialogue
from protocols.errors import MeterRefused
from protocols.iec62056_21 import answers
from protocols.iec62056_21.codes import same_code
from protocols.iec62056_21.conversation import Conversation
from protocols.iec62056_21.datasets import parse_block
from protocols.iec62056_21.session import NO_SUCH, Refusal
from protocols.iec62056_21.stamps import Stamp, parse_clock

SEASON_SIZE: Final = 7
CENTURY_SIZE: Final = 8


class ClockTold(msgspec.Struct, frozen=True):
    """The meter's time, and how it writes it."""

    stamp: Stamp
    date: str
    time: str


def read_clock(talk: Conversation) -> Dialogue[ClockTold]:
    """Read the meter's time; by the readout, when it takes no commands for that.

    Raises:
        MeterRefused: it tells no time.
        RemoteProtocolError: what it tells is none.

    """
    try:
        return (yield from talk.repeated(lambda: _by_commands(talk)))
    except MeterRefused:
        told = yield from _by_readout(talk)
        if told is None:
            raise
        return told


def _by_commands(talk: Conversation) -> Dialogue[ClockTold]:
    """Ask for date and time; when midnight may have fallen between them, once more."""
    told = yield from _told(talk)
    if not (told.stamp.local.hour or told.stamp.local.minute):
        told = yield from _told(talk)
    return told


def _told(talk: Conversation) -> Dialogue[ClockTold]:
    date = yield from _text(talk, talk.options.date_code)
    time = yield from _text(talk, talk.options.time_code)
    return ClockTold(parse_clock(date, time), date, time)


def _text(talk: Conversation, code: str) -> Dialogue[str]:
    refusal = Refusal(NO_SUCH)
    commands = list(talk.register_commands)
    for command in commands:
        answer = yield from talk.ask(command, code, sure=len(commands) == 1)
        if isinstance(answer, Refusal):
            refusal = answer
        elif (sets := parse_block(answer)) and answers.is_error_value(sets[0].values):
            refusal = Refusal(f"{code}({sets[0].values[0]})")
        elif sets:
            talk.register_commands = [command]
            return sets[0].values[0]
    raise MeterRefused(f"the meter refused its clock {code}: {refusal.reason}")


def _by_readout(talk: Conversation) -> Dialogue[ClockTold | None]:
    texts: dict[str, str] = {}
    for data_set in (yield from talk.readout()):
        for code in (talk.options.date_code, talk.options.time_code):
            if data_set.code is not None and same_code(data_set.code, code):
                texts[code] = data_set.values[0]
    date, time = (texts.get(c) for c in (talk.options.date_code, talk.options.time_code))
    if date is None or time is None:
        return None
    return ClockTold(parse_clock(date, time), date, time)


def write_clock(
    talk: Conversation, instant: Callable[[], datetime], like: ClockTold
) -> Dialogue[None]:
    """Write date and time, in the form in which the meter told them; never twice.

    ``instant`` is asked right before each is sent: what time it will be when it arrives.

    Raises:
        MeterRefused: wrong password, or it does not want it now.
        MeterSilent: it did not say whether it took it: read the clock.

    """
    options, session = talk.options, talk.session

    def local() -> datetime:
        return talk.rules.local(instant(), like.stamp.season)

    with session.doubting():
        yield from talk.programming()
        if options.login != "never":
            yield from session.unlock()
        date, time = shaped(like.date, local(), "%y%m%d"), ""
        while True:
            yield from session.write(options.date_code, date)
            now = local()
            time = shaped(like.time, now, "%H%M%S")
            if date == shaped(like.date, now, "%y%m%d"):
                break
            date = shaped(like.date, now, "%y%m%d")  # midnight has passed meanwhile
        yield from session.write(options.time_code, time)


def shaped(like: str, local: datetime, shape: str) -> str:
    """Return a date or a time in the form of ``like``: season digit, century, separators."""
    told = [character for character in like if character.isdigit()]
    digits = local.strftime(shape)
    if len(told) == SEASON_SIZE:
        digits = told[0] + digits
    elif len(told) == CENTURY_SIZE:
        digits = local.strftime("%Y") + digits[2:]
    if len(told) != len(digits):
        return digits
    source = iter(digits)
    return "".join(next(source) if character.isdigit() else character for character in like)

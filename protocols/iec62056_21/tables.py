"""Reads load profiles and logs by range, a day at a time."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from protocols.dialogue import Dialogue
from protocols.errors import LocalProtocolError, MeterRefused, MeterSilent
from protocols.iec62056_21 import answers
from protocols.iec62056_21.codes import obis_of, short_code
from protocols.iec62056_21.conversation import Conversation
from protocols.iec62056_21.datasets import NEW_LINE
from protocols.iec62056_21.profile import (
    ERROR,
    IntervalRow,
    LogEntry,
    is_log,
    parse_log,
    parse_profile,
)
from protocols.iec62056_21.profile_columns import profile_read
from protocols.iec62056_21.session import NO_SUCH, Refusal
from protocols.iec62056_21.stamps import format_stamp
from protocols.values import ProfileRead

DAY: Final = timedelta(days=1)
MINUTE: Final = timedelta(minutes=1)
"""What a range is written in."""
DAYS_MAX: Final = 400
NO_ENTRIES: Final = ""
Window = tuple[datetime, datetime]


def read_profile(
    talk: Conversation, obis: str, begin: datetime, end: datetime
) -> Dialogue[ProfileRead]:
    """Read the intervals that end from ``begin`` to ``end``.

    Raises:
        MeterRefused: it keeps no such profile.
        MeterSilent: no answer.
        RemoteProtocolError: damaged answers in every session.

    """
    rows: dict[datetime, IntervalRow] = {}
    periods: list[int] = []

    def take(text: str) -> None:
        found = parse_profile(text)
        if found.period_min:
            periods.append(found.period_min)
        for row in found.rows:
            time = row.ends.instant(talk.rules).astimezone(UTC)
            if begin <= time <= end:
                rows[time] = row

    yield from _table(talk, _code(talk, obis), _days(begin, end), take)
    period_s = periods[0] * 60 if periods else None
    return profile_read(obis, period_s, sorted(rows.items()), talk.options)


def read_log(
    talk: Conversation, obis: str, begin: datetime, end: datetime
) -> Dialogue[list[LogEntry]]:
    """Read the entries of a log from ``begin`` to ``end``, in the order of the meter.

    Their times may go back: the clock may have been set between two of them.

    Raises:
        MeterRefused: it keeps no such log.

    """
    entries: dict[LogEntry, None] = {}

    def take(text: str) -> None:
        entries.update(dict.fromkeys(parse_log(text)))

    # Entries have seconds, ranges have none: parts of it must touch, and the last minute is whole.
    until = end.replace(second=0, microsecond=0)
    windows = _days(begin, until if until == end else until + MINUTE, apart=timedelta())
    yield from _table(talk, _code(talk, obis), windows, take)
    return list(entries)


def _code(talk: Conversation, obis: str) -> str:
    options = talk.options
    known = {obis_of(code): code for code in (options.load_profile, options.event_log)}
    return options.codes.get(obis) or known.get(obis) or short_code(obis)


def _table(
    talk: Conversation, code: str, windows: list[Window], take: Callable[[str], None]
) -> Dialogue[None]:
    total = len(windows)

    def work() -> Dialogue[Refusal | None]:
        while windows:
            answer = yield from _window(talk, code, *windows[0])
            if isinstance(answer, Refusal) and answer.reason == ERROR and len(windows) < total:
                answer = NO_ENTRIES  # it has the table: it told other days of it
            if isinstance(answer, Refusal):
                return answer
            take(answer)
            windows.pop(0)
        return None

    refusal = yield from talk.repeated(work)
    if refusal is not None:
        failure = MeterSilent if refusal.silent else MeterRefused
        raise failure(f"the meter refused {code}: {refusal.reason}")


def _window(
    talk: Conversation, code: str, begin: datetime, end: datetime
) -> Dialogue[str | Refusal]:
    """Ask for one window in the ways that meters want it, until one is understood."""
    refusal = Refusal(NO_SUCH)
    empty = False
    forms = list(talk.table_forms)
    for command, season in forms:
        times = (format_stamp(talk.rules.local(time), season=season) for time in (begin, end))
        answer = yield from talk.ask(command, code, ";".join(times), sure=len(forms) == 1)
        if isinstance(answer, Refusal):
            refusal = answer
        elif f"({ERROR})" in answer:
            empty = True  # no entries, or not understood: another way may tell
        elif (reason := answers.error_told(answer)) is not None:
            refusal = Refusal(reason)
        else:
            talk.table_forms = [(command, season)]
            return _named(answer, code)
    return NO_ENTRIES if empty else refusal


def _named(answer: str, code: str) -> str:
    """Return an answer with its code, which some meters do not repeat."""
    if not answer.startswith("("):
        return answer
    if not is_log(code):
        return code + answer
    lines = answer.split(NEW_LINE)
    return NEW_LINE.join(code + line if line.startswith("(") else line for line in lines)


def _days(begin: datetime, end: datetime, apart: timedelta = MINUTE) -> list[Window]:
    """Cut a range into days, so that a broken session loses one day at most."""
    windows: list[Window] = []
    while begin <= end:
        if len(windows) == DAYS_MAX:
            raise LocalProtocolError("range", f"a range of more than {DAYS_MAX} days")
        stop = min(begin + DAY - apart, end)
        windows.append((begin, stop))
        begin = stop + (apart if stop < end else MINUTE)
    return windows

r"""Load profiles ``P.01`` and logs ``P.98`` in the form of DIN 43863-3 and the VDEW rules.

::

    P.01(time)(status)(period)(channels)(code)(unit)..(code)(unit)\r\n
    (value)..(value)\r\n
    (value)..(value)\r\n

The header's time is the end of the first interval behind it. A new header comes at a change of
status, of the clock or of the day; between headers the time goes on by the period.
"""

from datetime import timedelta
from typing import Final, NamedTuple

import msgspec

from protocols.errors import RemoteProtocolError
from protocols.iec62056_21.codes import LETTERS, LOGS_FROM, obis_of
from protocols.iec62056_21.datasets import NEW_LINE, DataSet, parse_line
from protocols.iec62056_21.stamps import Stamp, parse_stamp

PROFILES_BELOW: Final = 90
"""99.97 and the like are short lists of another form."""
CHANNELS_MAX: Final = 64
PERIOD_MIN_MAX: Final = 31 * 24 * 60
ROWS_MAX: Final = 10_000
HEAD_SIZE: Final = 4
ERROR: Final = "ERROR"
NO_ENTRIES: Final = frozenset({(ERROR,), ("",)})
"""What stands behind the code of a table in which there is nothing."""


class Channel(NamedTuple):
    """What one column is."""

    code: str
    unit: str


class IntervalRow(NamedTuple):
    """One interval as the meter sent it."""

    ends: Stamp
    status: str | None
    """None: no header stands before this row, so nothing has changed."""
    channels: tuple[Channel, ...]
    values: tuple[str, ...]


class LoadProfile(msgspec.Struct):
    """What a meter answered."""

    rows: list[IntervalRow]
    period_min: int | None
    empty: bool = False
    """It said that it has no entries."""


class LogEntry(NamedTuple):
    """One event of a log."""

    code: str
    at: str
    status: str
    rest: tuple[str, ...]


def is_profile(code: str | None) -> bool:
    """Whether a code names a load profile: ``P.01``, ``1-0:99.1.0``."""
    return 0 <= _profile_number(code) < PROFILES_BELOW


def is_log(code: str | None) -> bool:
    """Whether a code names a log: ``P.98``, ``P.200``."""
    return _profile_number(code) >= LOGS_FROM


def _profile_number(code: str | None) -> int:
    obis = obis_of(code[max(0, code.find("P.")) :]) if code else None
    group, number = (obis or "1.0.0.0").split(".")[2:4]
    return int(number) if int(group) == LETTERS["P"] else -1


class _Headed(msgspec.Struct):
    """The header that is in force."""

    ends: Stamp
    status: str | None
    period_min: int
    channels: tuple[Channel, ...]

    def row(self, values: tuple[str, ...]) -> IntervalRow:
        """Return the next interval."""
        if len(values) != len(self.channels):
            raise RemoteProtocolError(
                "profile", f"{len(values)} values in a row of {len(self.channels)} channels"
            )
        row = IntervalRow(self.ends, self.status, self.channels, values)
        try:
            later = self.ends.local + timedelta(minutes=self.period_min)
        except OverflowError:  # pragma: no cover -- ROWS_MAX rows from a year of two digits do not
            raise RemoteProtocolError(
                "time", "the rows of the profile leave the calendar"
            ) from None
        self.ends = Stamp(later, self.ends.season)
        self.status = None
        return row


def parse_profile(text: str) -> LoadProfile:
    """Return the intervals of a load profile, all parts of it joined.

    Raises:
        RemoteProtocolError: ``truncated``, or its header or a row is not as it must be.

    """
    found = LoadProfile([], None)
    headed: _Headed | None = None
    for line in text.split(NEW_LINE):
        for code, values in parse_line(line):
            if code is None and headed is not None:
                found.rows.append(headed.row(values))
            elif is_profile(code):
                if values in NO_ENTRIES:
                    found.empty = True
                    continue
                headed, more = _header(values)
                found.period_min = found.period_min or headed.period_min
                if more:
                    found.rows.append(headed.row(more))
        if len(found.rows) > ROWS_MAX:
            raise RemoteProtocolError("size", f"a profile of more than {ROWS_MAX} rows")
    return found


def _header(values: tuple[str, ...]) -> tuple[_Headed, tuple[str, ...]]:
    """Return the header in its brackets, and the row behind it in the same line, if any."""
    time, status, period, count, *rest = (*values, *("",) * HEAD_SIZE)[
        : max(HEAD_SIZE, len(values))
    ]
    if not (_is_count(period, PERIOD_MIN_MAX) and _is_count(count, CHANNELS_MAX)):
        raise RemoteProtocolError("profile", f"{period!r}, {count!r} are no period and channels")
    columns = int(count)
    if len(rest) < 2 * columns:
        raise RemoteProtocolError("profile", f"a header of {columns} channels names fewer")
    channels = tuple(Channel(rest[2 * n].strip(), rest[2 * n + 1]) for n in range(columns))
    headed = _Headed(parse_stamp(time), status, int(period), channels)
    return headed, tuple(rest[2 * columns :])


def _is_count(text: str, most: int) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 6 and int(text) <= most


def complete_rows(text: str) -> int:
    """Return how many rows of a profile that breaks off are whole."""
    whole = text.rpartition(NEW_LINE)[0]
    try:
        return len(parse_profile(whole).rows)
    except RemoteProtocolError:
        return 0


def parse_log(text: str) -> list[LogEntry]:
    """Return the entries of a log; one without brackets or with ``ERROR`` has none.

    Raises:
        RemoteProtocolError: ``truncated``, a bracket is not closed.

    """
    sets = [found for line in text.split(NEW_LINE) for found in parse_line(line)]
    return [_entry(found) for found in sets if is_log(found.code) and len(found.values) > 1]


def _entry(found: DataSet) -> LogEntry:
    code = found.code or ""
    return LogEntry(code[code.find("P.") :], found.values[0], found.values[1], found.values[2:])

"""What a meter latched at the ends of billing periods, as its readout shows it.

Behind a star stands the number of the period, by the meter's counter: ``1.8.0*12`` is the energy at
the end of period 12, and ``0.1.2*12`` says when that was. The numbers do not count back from now.
"""

from datetime import UTC, datetime
from typing import Final

from protocols.dialogue import Dialogue
from protocols.errors import RemoteProtocolError
from protocols.iec62056_21.codes import CURRENT, obis_of
from protocols.iec62056_21.conversation import Conversation
from protocols.iec62056_21.datasets import DataSet
from protocols.iec62056_21.profile import Channel, IntervalRow
from protocols.iec62056_21.profile_columns import profile_read
from protocols.iec62056_21.reading import is_measured, obis_in
from protocols.iec62056_21.stamps import Stamp, parse_stamp
from protocols.values import ProfileRead

SETTLED_AT: Final = "1.0.0.1.2"
"""When a period ended; without group F."""
Periods = dict[str, list[DataSet]]


def read_billing(
    talk: Conversation, obis: str, begin: datetime, end: datetime
) -> Dialogue[ProfileRead | None]:
    """Read the periods that ended from ``begin`` to ``end``; None: the readout shows none at all.

    Raises:
        MeterSilent: no answer.
        RemoteProtocolError: damaged answers in every session.

    """
    times, periods = _latched(talk, (yield from talk.readout()))
    if not times.keys() & periods.keys():
        return None
    rows: list[tuple[datetime, IntervalRow]] = []
    for period in times.keys() & periods.keys():
        ended = times[period].instant(talk.rules).astimezone(UTC)
        if begin <= ended <= end:
            rows.append((ended, _row(times[period], periods[period])))
    return profile_read(obis, None, sorted(rows, key=lambda row: row[0]), talk.options)


def _latched(talk: Conversation, sets: list[DataSet]) -> tuple[dict[str, Stamp], Periods]:
    """Return the ends of periods and what was latched then, by their numbers."""
    times: dict[str, Stamp] = {}
    periods: Periods = {}
    for found in sets:
        whole, _, period = (obis_in(found, talk.options) or "").rpartition(".")
        if not whole or period == str(CURRENT):
            continue
        if whole == SETTLED_AT:
            _note(times, period, found.values[0])
        elif is_measured(f"{whole}.{period}"):
            periods.setdefault(period, []).append(found)
    return times, periods


def _note(times: dict[str, Stamp], period: str, text: str) -> None:
    try:
        times[period] = parse_stamp(text)
    except RemoteProtocolError:
        return  # a period that has not been: zeros, or blanks


def _row(ended: Stamp, found: list[DataSet]) -> IntervalRow:
    channels = tuple(Channel(_of_now(each.code or ""), "") for each in found)
    return IntervalRow(ended, None, channels, tuple(each.values[0] for each in found))


def _of_now(code: str) -> str:
    """Return the code of the same register now, before its rate is counted as a tariff."""
    whole = obis_of(code)
    return code if whole is None else f"{whole.rpartition('.')[0]}.{CURRENT}"

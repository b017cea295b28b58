"""Walks the energy of a period back to the readings, sessions and frames that it is made of."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from hes.audit.energy import (
    ByIndex,
    ByIntervals,
    Delivered,
    Difference,
    Gathered,
    Point,
    by_index,
    by_intervals,
)
from hes.audit.errors import AuditError
from hes.audit.origins import Surroundings, origin_of
from hes.audit.walking import read, stream_rows
from hes.events.device import DeviceRegistered
from hes.ids import MeterId, meter_stream
from hes.store.codec import EventCodec
from hes.store.port import EventLog, StoredRow

Facts = dict[str, Any]


def explain(
    log: EventLog, codec: EventCodec, meter: MeterId, begin: datetime, end: datetime, obis: str
) -> Facts:
    """Return how the energy of ``obis`` from ``begin`` to ``end`` comes about, as plain data.

    ``answers`` has one entry for index readings and one for each profile, none left out; ``events``
    tells of every event in them by position; ``missing`` says in sentences what is not there.

    Raises:
        AuditError: the log knows no such meter.
        StoreError: the database cannot be read.

    """
    gathered, around = Gathered(obis, begin, end), Surroundings()
    rows: dict[int, StoredRow] = {}
    unreadable = []
    for row in stream_rows(log, meter_stream(meter)):
        event = read(codec, row).event
        rows[row.position] = row._replace(state=b"")
        if event is None:
            unreadable.append(row.position)
            continue
        gathered.take(row.position, event)
        around.take(row.position, event)
    if not rows:
        raise AuditError(f"the log has no events of a meter {meter}")
    index = by_index(gathered.index(), begin, end)
    sums = [
        told
        for profile, points in gathered.intervals().items()
        if (told := by_intervals(profile, points, begin, end)) is not None
    ]
    answers = [*_index_answers(index), *map(_sum_answer, sums)]
    positions = sorted(set(_positions(index, sums)))
    device = around.device(max(positions, default=max(rows)) + 1)
    return {
        "meter_id": meter, "from": begin.isoformat(), "to": end.isoformat(), "obis": obis,
        "answers": answers,
        "device": _device(device),
        "events": [origin_of(log, codec, _row(log, rows[p]), around) for p in positions],
        "missing": [
            *_missing(index, sums, begin, end), *_conflicts(answers),
            *_unusable(gathered.unusable, unreadable),
        ],
    }  # fmt: skip


def _row(log: EventLog, row: StoredRow) -> StoredRow:
    found = log.read(row.position - 1, 1)
    if not found or found[0].position != row.position:
        raise AuditError(f"event {row.position} is missing from the log; run hes verify")
    return found[0]


def _positions(index: ByIndex, sums: list[ByIntervals]) -> Iterator[int]:
    points = [
        delivered
        for difference in (index.inner, index.outer)
        if difference is not None
        for delivered in difference
    ]
    for told in sums:
        points += told.points
    for delivered in points:
        yield delivered.counts.position
        yield from (point.position for point in delivered.again)


# -- answers


def _index_answers(index: ByIndex) -> Iterator[Facts]:
    if index.exact and index.inner is not None:
        yield {"method": "index", "holds": "exactly", **_subtracted(index.inner)}
        return
    for holds, difference in (("at least", index.inner), ("at most", index.outer)):
        if difference is not None:
            yield {"method": "index", "holds": holds, **_subtracted(difference)}


def _subtracted(difference: Difference) -> Facts:
    opening, closing = difference.opening.counts, difference.closing.counts
    energy = difference.energy
    return {
        "energy": text(energy), "unit": closing.unit, "backwards": energy < 0,
        "covers_from": opening.at.isoformat(), "covers_to": closing.at.isoformat(),
        "arithmetic": f"{text(closing.number)} - {text(opening.number)} = {text(energy)}"
        f" {closing.unit}",
        "opening": _told(difference.opening), "closing": _told(difference.closing),
    }  # fmt: skip


def _holding(told: ByIntervals) -> str:
    """Return in a word how the sum stands to the energy of the period."""
    if told.reaches_back:
        return "roughly"
    return "at least" if told.gaps else "exactly"


def _sum_answer(told: ByIntervals) -> Facts:
    count = len(told.points)
    return {
        "method": "intervals", "holds": _holding(told),
        "profile": told.profile, "energy": text(told.energy), "unit": told.unit,
        "period_s": told.period_s,
        "arithmetic": f"sum of {count} intervals = {text(told.energy)} {told.unit}",
        "gaps": [{"from": g.begin.isoformat(), "to": g.end.isoformat()} for g in told.gaps],
        "intervals": [_told(point) for point in told.points],
    }  # fmt: skip


def text(number: Decimal) -> str:
    """Return a number with all its digits, never as a power of ten."""
    return f"{number:f}"


def _told(delivered: Delivered) -> Facts:
    point = delivered.counts
    return {
        **_point(point), "profile": point.profile, "status": point.status, "clock": point.clock,
        "again": [_point(other) for other in delivered.again],
        "differs": [_point(other) for other in delivered.differing],
    }  # fmt: skip


def _point(point: Point) -> Facts:
    return {
        "time": point.at.isoformat(), "value": text(point.number), "unit": point.unit,
        "raw": point.raw, "scaler": point.scaler, "quality": "good", "event": point.position,
    }  # fmt: skip


def _device(device: DeviceRegistered | None) -> Facts | None:
    if device is None:
        return None
    return {
        "modem_id": device.modem_id, "link": device.link, "protocol": device.protocol,
        "meter_type": device.meter_type, "ct_ratio": device.ct_ratio, "vt_ratio": device.vt_ratio,
        "ratios_applied": False,
    }  # fmt: skip


# -- what is missing


def _missing(
    index: ByIndex, sums: list[ByIntervals], begin: datetime, end: datetime
) -> Iterator[str]:
    if index.inner is None and index.outer is None:
        yield "no two index readings within or around the period"
    elif not index.exact:
        yield (
            f"no index readings at just {begin.isoformat()} and {end.isoformat()}: the energy of"
            " the period is told by the nearest ones inside and outside of it"
        )
    if not sums:
        yield "no intervals of this register in the period"
    for told in sums:
        for gap in told.gaps:
            yield (
                f"profile {told.profile}: no intervals from {gap.begin.isoformat()} to"
                f" {gap.end.isoformat()}; none was estimated"
            )
        if told.reaches_back:
            yield f"profile {told.profile}: its first interval began before the period"
        if told.period_s is None:
            yield f"profile {told.profile}: the length of its intervals is not known"


def _conflicts(answers: list[Facts]) -> Iterator[str]:
    for answer in answers:
        points = answer.get("intervals") or [answer["opening"], answer["closing"]]
        for point in points:
            for other in point["differs"]:
                yield (
                    f"event {other['event']} told {other['value']} {other['unit']} for"
                    f" {point['time']}; event {point['event']}, which came later, counts"
                )
        if answer.get("backwards"):
            yield "the index went backwards: the meter was changed or reset, or is wrong"


def _unusable(unusable: list[int], unreadable: list[int]) -> Iterator[str]:
    if unusable:
        yield (
            f"{len(unusable)} events have a value of this register without a unit of energy, and"
            f" were not used; the first is event {unusable[0]}"
        )
    if unreadable:
        yield (
            f"{len(unreadable)} events of the meter cannot be read by this program; the first is"
            f" event {unreadable[0]}"
        )

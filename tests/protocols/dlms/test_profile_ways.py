"""Meters let profiles be read in different ways: the cheapest that works is found and kept."""

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from protocols.dlms.acse import InitiateResponse
from protocols.dlms.axdr import decode_all
from protocols.dlms.cosem import Attribute, Refused, Selection
from protocols.dlms.objects import Column
from protocols.dlms.profile_selection import Wanted, Way, read_buffer
from protocols.dlms.reader import TimeRules

ROWS_START = datetime(2026, 3, 1, tzinfo=UTC)
PERIOD_S = 1800
COUNT = 1000
CLOCK = Column(8, "0.0.1.0.0.255", 2, 0)
NO_SELECTION = bytes.fromhex("001019")
SELECTION = bytes.fromhex("00101d")
OTHER_REASON = Refused(250)


def row(number: int) -> list[datetime]:
    """Return row ``number``, counted from 1."""
    return [ROWS_START + timedelta(seconds=PERIOD_S * number)]


class Meter:
    """Answers for one profile of ``COUNT`` rows; notes how it was asked."""

    def __init__(self, *ways: str, conformance: bytes = SELECTION, sort: Any = 1) -> None:
        self.agreed = InitiateResponse(conformance=conformance, max_pdu=512)
        self.ways = ways
        self.sort = sort
        self.asked: list[str] = []
        self.refusal = OTHER_REASON

    def get(
        self, attribute: Attribute, selection: Selection | None = None
    ) -> Generator[Any, Any, Any]:
        yield from ()
        if attribute.index != 2:
            return {7: COUNT, 5: self.sort}[attribute.index]
        name, result = self._select(selection)
        self.asked.append(name)
        return result if name.split()[0] in self.ways else self.refusal

    def _select(self, selection: Selection | None) -> tuple[str, Any]:
        if selection is None:
            return "whole", [row(n) for n in range(1, COUNT + 1)]
        parameter = decode_all(selection.parameter)
        if selection.selector == 1:
            return ("unset" if parameter[1][9:11] == b"\x80\x00" else "set"), [row(1)]
        first, last = parameter[0], parameter[1] or COUNT
        return f"entry {first} {last}", [row(n) for n in range(first, last + 1)]


def read(
    meter: Meter, *, known: Way | None = None, last_hours: float = 24.0, period_s: int | None = 1800
) -> tuple[Any, Way]:
    end = row(COUNT)[0]
    wanted = Wanted(
        obis=bytes(6), clock=CLOCK, begin=end - timedelta(hours=last_hours), end=end,
        period_s=period_s, time_of=lambda cells: cells[0],
    )  # fmt: skip
    dialogue = read_buffer(meter, wanted, TimeRules(), known)  # type: ignore[arg-type]
    try:
        next(dialogue)
    except StopIteration as done:
        found: tuple[Any, Way] = done.value
        return found
    raise AssertionError("the meter answers at once")


@pytest.mark.parametrize(
    ("can", "way", "asked"),
    [
        ("set", Way.RANGE, ["set"]),
        ("unset", Way.RANGE_OTHERWISE, ["set", "unset"]),
        ("whole", Way.WHOLE, ["set", "unset", "entry 1000 1000", "entry 1 1000", "whole"]),
    ],
)
def test_the_ways_are_tried_from_the_cheapest_on(can: str, way: Way, asked: list[str]) -> None:
    meter = Meter(can)
    result, found = read(meter)
    assert found is way
    assert result
    assert meter.asked == asked


def test_by_entry_only_what_can_be_wanted_is_read() -> None:
    meter = Meter("entry")
    rows, way = read(meter)
    assert way is Way.ENTRY
    assert meter.asked == ["set", "unset", "entry 1000 1000", "entry 948 1000"]
    assert rows[0] <= row(COUNT - 48) <= rows[-1]


@pytest.mark.parametrize(
    ("meter", "period_s", "hours"),
    [
        (Meter("entry", sort=2), 1800, 24.0),
        (Meter("entry", sort=OTHER_REASON), 1800, 24.0),
        (Meter("entry"), None, 24.0),
        (Meter("entry"), 1800, 24.0 * 365),
    ],
    ids=["newest first", "order unknown", "period unknown", "longer than it keeps"],
)
def test_by_entry_all_is_read_when_less_might_miss_some(
    meter: Meter, period_s: int | None, hours: float
) -> None:
    read(meter, period_s=period_s, last_hours=hours)
    assert meter.asked[-1] == "entry 1 1000"


def test_what_worked_before_is_tried_first() -> None:
    meter = Meter("unset")
    assert read(meter, known=Way.RANGE_OTHERWISE)[1] is Way.RANGE_OTHERWISE
    assert meter.asked == ["unset"]


def test_a_meter_that_did_not_agree_to_selection_is_not_asked_for_any() -> None:
    meter = Meter("whole", conformance=NO_SELECTION)
    assert read(meter)[1] is Way.WHOLE
    assert meter.asked == ["whole"]


@pytest.mark.parametrize("code", [3, 4])
def test_a_refusal_of_the_profile_itself_ends_the_search(code: int) -> None:
    meter = Meter()
    meter.refusal = Refused(code)
    assert read(meter)[0] == Refused(code)
    assert meter.asked == ["set"]


def test_a_meter_that_refuses_everything_is_refused_with_its_last_word() -> None:
    assert read(Meter())[0] == OTHER_REASON


def test_a_lone_row_that_tells_no_time_narrows_nothing() -> None:
    meter = Meter("entry")
    end = row(COUNT)[0]
    asked = Wanted(
        obis=bytes(6), clock=CLOCK, begin=end, end=end, period_s=1800, time_of=lambda _: None
    )
    list(read_buffer(meter, asked, TimeRules(), Way.ENTRY))  # type: ignore[arg-type]
    assert meter.asked[-1] == "entry 1 1000"

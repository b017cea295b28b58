"""What is read when: the newest at once, everything once, and nothing that nobody keeps."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from examples import many
from hypothesis import given, settings, strategies as st

from hes.events.layout import Channel, Layout
from hes.events.reading import FailureReason, LoadProfileRead, ProfileRow, Source
from hes.meter_state import MeterState
from hes.obis import PROFILES
from hes.rules.collection import Wanted, Window, missing, newest, retry_s, settled_by
from hes.rules.profile_gaps import Gap, is_dense

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
LOAD, BILLING, EVENTS = PROFILES["load"], PROFILES["billing"], PROFILES["events"]
DAY, HOUR, SECOND = timedelta(days=1), timedelta(hours=1), timedelta(seconds=1)
LAYOUT = Layout((Channel("1.0.1.29.0.255", 0, 30),))


class World:
    """A meter, the memory of its actor, and what the line lets through."""

    def __init__(self, period: timedelta) -> None:
        self.period = period
        self.now = NOON
        self.state = MeterState()
        self.settled: dict[str, datetime] = {}
        self.stored: list[datetime] = []
        self.asked: list[Window] = []

    def ends(self, begin: datetime, end: datetime) -> list[datetime]:
        """Return the interval ends that the meter has, both ends inclusive."""
        s = int(self.period.total_seconds())
        first, last = -(-begin.timestamp() // s), end.timestamp() // s
        return [datetime.fromtimestamp(n * s, UTC) for n in range(int(first), int(last) + 1)]

    def answer(self, window: Window, source: Source, gone: tuple[datetime, datetime]) -> None:
        ends = [e for e in self.ends(window.begin, window.end) if not gone[0] < e < gone[1]]
        self.stored += ends
        for at in range(0, len(ends), 7):
            rows = tuple(ProfileRow(e, None, (1,)) for e in ends[at : at + 7])
            self.state.apply(
                LoadProfileRead(
                    received_at=self.now, source=source, profile=window.profile,
                    period_s=int(self.period.total_seconds()), layout=LAYOUT, rows=rows,
                )
            )  # fmt: skip

    def collect(self, gone: tuple[datetime, datetime]) -> None:
        for window in newest([LOAD], self.state.profile_until, self.settled, self.now):
            assert window.end == self.now
            assert window.end - window.begin <= DAY
            self.answer(window, Source.SCHEDULED, gone)

    def backfill(self, gone: tuple[datetime, datetime]) -> bool:
        state = self.state
        window = missing([LOAD], state.profile_until, state.profile_gaps, self.settled, self.now)
        if window is None:
            return False
        assert timedelta(0) <= window.end - window.begin <= DAY
        assert window.begin > self.now - timedelta(days=60)
        self.asked.append(window)
        self.answer(window, Source.BACKFILL, gone)
        self.settled[LOAD] = window.end
        return True

    def restart(self) -> None:
        self.state = MeterState.restore(self.state.snapshot())
        self.settled = {}


NOWHERE = (NOON, NOON)
pauses = st.lists(st.integers(1, 9 * 24 * 60), min_size=1, max_size=6)


@settings(max_examples=many(0.6), deadline=None)
@given(pauses, st.sampled_from([15, 30, 60]), st.data())
def test_whatever_the_pauses_every_interval_comes_once(
    pauses_min: list[int], period_min: int, data: st.DataObject
) -> None:
    world = World(timedelta(minutes=period_min))
    world.collect(NOWHERE)
    for pause_min in pauses_min:
        world.now += timedelta(minutes=pause_min)
        if data.draw(st.booleans()):
            world.restart()
        if data.draw(st.booleans()):
            continue  # the modem is away
        world.collect(NOWHERE)
        for _ in range(data.draw(st.integers(0, 3))):
            world.backfill(NOWHERE)
    world.now += HOUR
    world.collect(NOWHERE)
    for _ in range(80):
        if not world.backfill(NOWHERE):
            break
    assert not world.backfill(NOWHERE)
    assert len(set(world.stored)) == len(world.stored)
    assert sorted(world.stored) == world.ends(NOON - DAY, world.now)


@settings(max_examples=many(0.6), deadline=None)
@given(st.integers(0, 240), st.integers(0, 240), st.integers(1, 240))
def test_without_supply_no_window_is_asked_twice(begin_h: int, lasts_h: int, away_h: int) -> None:
    world = World(timedelta(minutes=30))
    world.collect(NOWHERE)
    gone = (NOON + begin_h * HOUR, NOON + (begin_h + lasts_h) * HOUR)
    world.now += away_h * HOUR
    for _ in range(96):
        world.now += timedelta(minutes=30)
        world.collect(gone)
        while world.backfill(gone):
            pass
    spans = sorted((w.begin, w.end) for w in world.asked)
    assert all(a[1] < b[0] for a, b in pairwise(spans))
    there = [e for e in world.ends(NOON - DAY, world.now) if not gone[0] < e < gone[1]]
    if world.now - gone[1] > timedelta(0):
        assert sorted(world.stored) == there


def test_a_meter_that_was_never_read_begins_with_the_last_day() -> None:
    assert newest([LOAD], {}, {}, NOON) == [Window(LOAD, NOON - DAY, NOON)]
    assert missing([LOAD], {}, {}, {}, NOON) is None


def test_what_is_there_to_this_moment_is_not_asked_for() -> None:
    assert newest([LOAD], {LOAD: NOON}, {}, NOON) == []
    assert newest([LOAD], {LOAD: NOON - SECOND}, {}, NOON) == [Window(LOAD, NOON, NOON)]


def test_each_profile_has_its_own_window() -> None:
    until = {LOAD: NOON - HOUR, BILLING: NOON - 20 * DAY}
    windows = newest([LOAD, BILLING, EVENTS], until, {EVENTS: NOON - 2 * DAY}, NOON)
    assert windows == [
        Window(LOAD, NOON - HOUR + SECOND, NOON),
        Window(BILLING, NOON - 20 * DAY + SECOND, NOON),
        Window(EVENTS, NOON - 2 * DAY + SECOND, NOON),
    ]


def test_what_is_sparse_is_read_at_once_and_has_no_gaps() -> None:
    until = {BILLING: NOON - 50 * DAY, EVENTS: NOON - 90 * DAY}
    assert missing([BILLING, EVENTS], until, {}, {}, NOON) is None
    (window,) = newest([EVENTS], until, {}, NOON)
    assert window.begin == NOON - 60 * DAY
    assert settled_by(window) == NOON - DAY
    assert settled_by(Window(LOAD, NOON - DAY, NOON)) is None


@pytest.mark.parametrize(
    ("code", "dense"),
    [(LOAD, True), ("1.0.99.2.0.255", True), ("0.1.99.1.0.255", True), (BILLING, False),
     ("1.0.98.1.0.255", False), (EVENTS, False), ("1.0.99.97.0.255", False)],
)  # fmt: skip
def test_logs_and_bills_are_sparse(code: str, dense: bool) -> None:
    assert is_dense(code) is dense


def test_the_oldest_gap_comes_first_a_day_at_a_time() -> None:
    gap = Gap(NOON - 10 * DAY, NOON - 8 * DAY)
    known = {LOAD: NOON}
    first = missing([LOAD], known, {LOAD: [gap]}, {}, NOON)
    assert first == Window(LOAD, gap.begin + SECOND, gap.begin + SECOND + DAY)
    second = missing([LOAD], known, {LOAD: [gap]}, {LOAD: first.end}, NOON)
    assert second == Window(LOAD, first.end + SECOND, gap.end - SECOND)
    assert missing([LOAD], known, {LOAD: [gap]}, {LOAD: second.end}, NOON) is None


def test_what_meters_keep_no_more_is_no_gap() -> None:
    old = Gap(NOON - 90 * DAY, NOON - 61 * DAY)
    assert missing([LOAD], {LOAD: NOON}, {LOAD: [old]}, {}, NOON) is None
    longer = Gap(NOON - 90 * DAY, NOON - 59 * DAY)
    window = missing([LOAD], {LOAD: NOON}, {LOAD: [longer]}, {}, NOON)
    assert window is not None
    assert window.begin == NOON - 60 * DAY + SECOND


def test_usual_names_are_codes_and_nothing_is_read_twice() -> None:
    wanted = Wanted.of(["1.0.1.8.0.255"], ["load", LOAD, "1.0.99.2.0.255"], 5)
    assert wanted.profiles == (LOAD, "1.0.99.2.0.255")
    assert (wanted.registers, wanted.concurrency) == (("1.0.1.8.0.255",), 5)
    assert Wanted().profiles == (LOAD,)


# -- another try


def test_pauses_between_tries_grow_and_end() -> None:
    told = [retry_s(tries, FailureReason.NO_ANSWER, 1800.0) for tries in range(5)]
    assert told == [60.0, 300.0, 900.0, None, None]


def test_the_next_period_is_never_reached_into() -> None:
    assert retry_s(2, FailureReason.CUT, 901.0) == 900.0
    assert retry_s(2, FailureReason.CUT, 900.0) is None
    assert retry_s(0, FailureReason.CUT, 59.0) is None


def test_another_try_is_for_troubles_that_pass() -> None:
    passing = {reason.value for reason in FailureReason if retry_s(0, reason, 1800.0)}
    assert passing == {"no-answer", "bad-check", "cut", "expired", "busy"}

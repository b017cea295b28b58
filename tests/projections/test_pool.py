"""Who is asked for a report: the standby, and the primary while that is away; never too many."""

import threading
from collections.abc import Callable
from typing import Any, cast

import pytest

from projections import pool as module
from projections.errors import ReadModelUnavailable
from projections.pool import AWAY_S, REPORTS_MAX, Pool, ReportPool
from projections.sql.places import Place


class Site:
    """A place, and its database: both are away, or hang, as a test wants."""

    def __init__(self, name: str) -> None:
        self.shown = self.name = name
        self.away = False
        self.hang: threading.Event | None = None
        self.asked = self.connected = self.closed = 0

    def connect(self, *, read_only: bool = False) -> Any:
        assert read_only, "reports change nothing"
        if self.away:
            raise ReadModelUnavailable(f"{self.name} is away")
        self.connected += 1
        return self

    def query(self, _sql: str, _values: Any) -> list[Any]:
        self.asked += 1
        if self.away:
            raise ReadModelUnavailable(f"{self.name} is away")
        if self.hang is not None:
            self.hang.wait()
        return [self.name]

    def close(self) -> None:
        self.closed += 1


class World:
    def __init__(self) -> None:
        self.now = 100.0
        self.primary, self.standby = Site("primary"), Site("standby")
        self.pool = ReportPool(
            cast("Place", self.standby), Pool(cast("Place", self.primary)),
            seconds=lambda: self.now,
        )  # fmt: skip

    def report(self) -> str:
        return str(self.pool.query("SELECT 1")[0])


@pytest.fixture
def world() -> World:
    return World()


def test_reports_are_made_at_the_standby(world: World) -> None:
    assert [world.report() for _ in range(5)] == ["standby"] * 5
    assert (world.standby.connected, world.primary.connected) == (1, 0)


def test_a_standby_that_is_away_is_left_in_peace_for_a_while(world: World) -> None:
    world.standby.away = True
    assert [world.report() for _ in range(5)] == ["primary"] * 5
    world.standby.away = False
    world.now += AWAY_S - 0.1
    assert world.report() == "primary"
    world.now += 0.2
    assert world.report() == "standby"


def test_one_that_goes_away_later_is_noticed(world: World) -> None:
    assert world.report() == "standby"
    world.standby.away = True
    assert world.report() == "primary"
    assert world.standby.closed == 1


def test_reports_go_on_without_the_primary(world: World) -> None:
    world.primary.away = True
    assert world.report() == "standby"
    world.standby.away = True
    with pytest.raises(ReadModelUnavailable, match="primary is away"):
        world.report()


def test_those_that_hang_leave_threads_to_the_screens(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "WAIT_S", 0.05)
    world.standby.hang = ended = threading.Event()
    made: list[str] = []
    threads = [
        threading.Thread(target=lambda: made.append(world.report())) for _ in range(REPORTS_MAX)
    ]
    for thread in threads:
        thread.start()
    until(lambda: world.standby.asked == REPORTS_MAX)
    with pytest.raises(ReadModelUnavailable, match="4 reports are being made"):
        world.report()
    ended.set()
    for thread in threads:
        thread.join(5)
    assert made == ["standby"] * REPORTS_MAX
    assert world.report() == "standby", "the places are free again"


def until(condition: Callable[[], bool]) -> None:
    for _ in range(500):
        if condition():
            return
        threading.Event().wait(0.01)
    raise AssertionError("not within 5 s")

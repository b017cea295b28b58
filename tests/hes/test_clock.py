"""The clock of the machine: whole milliseconds, and the time that it is."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from hes.clock import SystemClock


def test_the_clock_tells_whole_milliseconds() -> None:
    clock = SystemClock()
    told = [clock.now() for _ in range(10_000)]
    assert {now.microsecond % 1000 for now in told} == {0}
    assert {now.tzinfo for now in told} == {UTC}
    assert told == sorted(told)
    assert len(set(told)) > 1  # it goes on


def test_the_clock_is_that_of_the_machine(tmp_path: Path) -> None:
    before = SystemClock().now()
    (tmp_path / "file").touch()
    touched = datetime.fromtimestamp((tmp_path / "file").stat().st_mtime, UTC)
    margin = timedelta(seconds=1)  # file systems have coarser clocks
    assert before - margin <= touched <= SystemClock().now() + margin

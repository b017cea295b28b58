import io
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog

from hes import log as log_module
from hes.log import logging_to


class Clock:
    def now(self) -> datetime:
        return datetime(2026, 11, 24, 3, 0, 0, 5000, tzinfo=UTC)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def root() -> Iterator[None]:
    """The root logger must be as before: tests of others look at it."""
    logger = logging.getLogger()
    before = logger.handlers[:], logger.level
    yield
    assert (logger.handlers, logger.level) == before


def written(*, level: str = "info", style: str = "json", stream: io.StringIO | None = None,
            **fields: Any) -> str:  # fmt: skip
    stream = stream or io.StringIO()
    with logging_to(stream, level=level, style=style, clock=Clock()):
        structlog.get_logger("hes.test").info("modem connected", **fields)
    return stream.getvalue()


def test_a_line_of_json_has_time_level_and_name() -> None:
    assert json.loads(written(modem="861", session=7)) == {
        "event": "modem connected", "modem": "861", "session": 7, "level": "info",
        "logger": "hes.test", "time": "2026-11-24T03:00:00.005+00:00",
    }  # fmt: skip


def test_secrets_are_not_written() -> None:
    line = written(
        encryption_key=b"\x01\x02", password="geheim", headers={"Authorization": "Bearer geheim"},
        api_token="geheim", deep={"a": {"client_secret": "geheim"}}, key="1.8.0",
    )  # fmt: skip
    assert "geheim" not in line
    assert "0102" not in line
    assert json.loads(line)["key"] == "1.8.0"
    assert json.loads(line)["headers"] == {"Authorization": "(hidden)"}


def test_bytes_are_hex_and_not_endless() -> None:
    line = json.loads(written(first=b"\x01\xff", many=bytes(1000)))
    assert line["first"] == "01ff"
    assert line["many"] == "00" * 64 + "..."


def test_a_traceback_shows_no_local_variables() -> None:
    for style in ("json", "console"):
        stream = io.StringIO()
        with logging_to(stream, level="info", style=style, clock=Clock()):
            secret = "geheim" * 2
            try:
                {}[len(secret)]
            except KeyError:
                structlog.get_logger("x").exception("it broke")
        assert "KeyError: 12" in stream.getvalue()
        assert "geheimgeheim" not in stream.getvalue()


def test_levels_are_kept() -> None:
    assert written(level="warning") == ""
    stream = io.StringIO()
    with logging_to(stream, level="warning", style="json", clock=Clock()):
        logging.getLogger("hypercorn").info("hidden")
        logging.getLogger("hypercorn").warning("bound to %s", "x")
    (line,) = stream.getvalue().splitlines()
    assert (json.loads(line)["event"], json.loads(line)["level"]) == ("bound to x", "warning")


def test_people_get_lines_and_files_get_json() -> None:
    assert written(style="auto").startswith("{")
    assert not written(style="auto", stream=Terminal()).startswith("{")
    assert "modem connected" in written(style="console")
    assert "\x1b" not in written(style="console")


class Stuck(io.StringIO):
    """A reader that takes nothing until it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.go = threading.Event()

    def write(self, text: str) -> int:
        assert self.go.wait(10)
        return super().write(text)


def test_a_slow_reader_stops_nobody_and_is_told_what_it_missed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log_module, "QUEUE_MAX", 10)
    stream = Stuck()
    with logging_to(stream, level="info", style="json", clock=Clock()):
        logger = structlog.get_logger("x")
        for number in range(100):
            logger.info("line", number=number)  # returns at once, whatever the reader does
        stream.go.set()
        while "99" not in stream.getvalue() and "lost" not in stream.getvalue():
            logger.info("line", number=99)
    told = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert any("log lines were lost" in line["event"] for line in told)


def test_a_reader_that_never_comes_back_does_not_hold_up_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(log_module, "QUEUE_MAX", 2)
    monkeypatch.setattr(log_module, "STOP_S_MAX", 0.05)
    stream = Stuck()
    with logging_to(stream, level="info", style="json", clock=Clock()):
        for _ in range(10):
            structlog.get_logger("x").info("line")
    stream.go.set()


class Gone(io.StringIO):
    def write(self, _text: str) -> int:
        raise BrokenPipeError


def test_a_reader_that_has_gone_stops_nothing() -> None:
    assert written(stream=Gone()) == ""


@pytest.mark.parametrize(("name", "said"), [("psycopg.pipeline", ""), ("else", "lost\n")])
def test_a_library_that_speaks_when_all_is_over_is_not_heard(name: str, said: str) -> None:
    program = f"""
import io, logging
from hes.clock import SystemClock
from hes.log import logging_to
with logging_to(io.StringIO(), level="info", style="json", clock=SystemClock()):
    pass
logging.getLogger({name!r}).warning("lost")
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert ended.stderr.decode() == said

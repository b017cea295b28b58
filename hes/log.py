"""What the program writes about itself: lines for people on a terminal, JSON lines elsewhere.

A slow terminal or a full pipe must not stop the event loop, so a thread does the writing; when it
cannot follow, lines are dropped and counted. Secrets are replaced by their names, and tracebacks
are plain: no local variables, which may hold keys.
"""

import contextlib
import logging
import queue
import re
import threading
from collections.abc import Iterator, MutableMapping
from typing import Any, Final, TextIO

import structlog
from structlog.typing import Processor

from hes.clock import Clock

QUEUE_MAX: Final = 10_000
"""Lines that may wait for a slow reader; some 5 MB."""
STOP_S_MAX: Final = 2.0
HIDDEN: Final = "(hidden)"
SECRET_NAME: Final = re.compile(r"password|token|authorization|secret|cookie|_key$", re.IGNORECASE)
DEPTH_MAX: Final = 4
HEX_SIZE_MAX: Final = 64
QUIET: Final = ("httpx", "httpcore", "hpack")
"""Libraries that tell every request; only their warnings are of interest."""

LATE: Final = ("psycopg",)
"""Libraries that close what was left open when the program ends: its last words are its own."""

EventDict = MutableMapping[str, Any]
Waiting = queue.Queue[logging.LogRecord | None]
"""Records on their way to the thread; None ends it."""


@contextlib.contextmanager
def logging_to(stream: TextIO, *, level: str, style: str, clock: Clock) -> Iterator[None]:
    """Send everything that is logged meanwhile to ``stream``; what waits is written at the end.

    ``level``: debug, info, warning, error. ``style``: console, json, or auto, by the stream.
    """
    people = style == "console" or (style == "auto" and stream.isatty())
    shared = _shared(clock)
    target = _Writer(stream)
    target.setFormatter(_formatter(shared, people=people, colors=stream.isatty()))
    waiting: Waiting = queue.Queue(QUEUE_MAX)
    thread = _Thread(waiting, target)
    root = logging.getLogger()
    before = root.handlers[:], root.level
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=False,
    )
    root.handlers, root.level = [_Handover(waiting)], getattr(logging, level.upper())
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in LATE:
        logging.getLogger(name).addHandler(logging.NullHandler())
    try:
        yield
    finally:
        root.handlers, root.level = before
        thread.stop()
        structlog.reset_defaults()


def hide_secrets(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Replace what may not be read by others; show bytes as hex."""
    return {name: _shown(name, value, DEPTH_MAX) for name, value in event.items()}


def _shown(name: str, value: Any, depth: int) -> Any:
    if value and SECRET_NAME.search(name):
        return HIDDEN
    if isinstance(value, bytes):
        return value[:HEX_SIZE_MAX].hex() + ("..." if len(value) > HEX_SIZE_MAX else "")
    if isinstance(value, dict) and depth:
        return {key: _shown(str(key), inner, depth - 1) for key, inner in value.items()}
    return value


def _shared(clock: Clock) -> list[Processor]:
    def stamp(_logger: Any, _method: str, event: EventDict) -> EventDict:
        event["time"] = clock.now().isoformat(timespec="milliseconds")
        return event

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        stamp,
        structlog.processors.format_exc_info,
        hide_secrets,
    ]


def _formatter(
    shared: list[Processor], *, people: bool, colors: bool
) -> structlog.stdlib.ProcessorFormatter:
    last: Processor = structlog.processors.JSONRenderer(default=str, ensure_ascii=False)
    if people:
        last = structlog.dev.ConsoleRenderer(
            colors=colors,
            timestamp_key="time",
            exception_formatter=structlog.dev.plain_traceback,
        )
    return structlog.stdlib.ProcessorFormatter(
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        foreign_pre_chain=shared,
    )


class _Handover(logging.Handler):
    """Hands records to the thread that writes them, and never waits for room."""

    def __init__(self, waiting: Waiting) -> None:
        super().__init__()
        self._waiting = waiting
        self._lost = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Hand over one record, or count it as lost; the next one tells how many were."""
        try:
            if self._lost:
                self._waiting.put_nowait(_loss(self._lost))
                self._lost = 0
            self._waiting.put_nowait(record)
        except queue.Full:
            self._lost += 1


def _loss(count: int) -> logging.LogRecord:
    text = f"{count} log lines were lost: whoever reads them is too slow"
    return logging.LogRecord(__name__, logging.WARNING, __file__, 0, text, None, None)


class _Thread:
    """Writes records. A reader who has stopped reading cannot hold up the end."""

    def __init__(self, waiting: Waiting, target: logging.Handler) -> None:
        self._waiting = waiting
        self._target = target
        self._thread = threading.Thread(target=self._write, name="log", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, for at most twice ``STOP_S_MAX``; the thread dies with the program."""
        with contextlib.suppress(queue.Full):
            self._waiting.put(None, timeout=STOP_S_MAX)
        self._thread.join(STOP_S_MAX)

    def _write(self) -> None:
        while (record := self._waiting.get()) is not None:
            self._target.handle(record)


class _Writer(logging.StreamHandler[TextIO]):
    """Writes to a stream that may go away: a log that cannot be written stops nothing."""

    def handleError(self, _record: logging.LogRecord) -> None:  # noqa: N802 -- logging's name
        """Drop the record."""

"""What commands write: tables and lines for people, JSON for programs, notes on standard error.

Texts from meters and modems are not to be trusted with a terminal: control characters are replaced.
"""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from rich.console import Console

NOTHING: Final = "-"
FILE_WIDTH: Final = 2000
"""Columns of a table that goes into a file or pipe: nothing is folded there."""
_CONTROLS: Final = dict.fromkeys((*range(32), *range(127, 160)), "·")


def clean(value: Any) -> str:
    """Return ``value`` as a text that does nothing to a terminal; a dash for None."""
    if value is None:
        return NOTHING
    return str(value).translate(_CONTROLS)


def write_json(data: Any) -> None:
    """Write ``data`` to standard output as one line of JSON, in ASCII: any program can read it."""
    sys.stdout.write(json.dumps(data) + "\n")


def write_text(text: str) -> None:
    """Write lines to standard output, with their ends."""
    for line in text.splitlines():
        write_line(line)


def inline(value: Any) -> str:
    """Return ``value`` as a person reads it within a line: texts as they are, the rest as JSON."""
    return clean(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def write_line(text: str) -> None:
    """Write one line for people to standard output."""
    sys.stdout.write(clean(text) + "\n")


def note(text: str) -> None:
    """Write a remark to standard error, where it does not mix with the result."""
    sys.stderr.write(clean(text) + "\n")


def for_people(*, as_json: bool) -> bool:
    """Whether the result goes to a person: standard output is a terminal and JSON is not wanted."""
    return not as_json and sys.stdout.isatty()


def console() -> "Console":
    """Return a console on standard output; markup in texts means nothing to it."""
    from rich.console import Console  # noqa: PLC0415 -- a third of the start-up time

    width = None if sys.stdout.isatty() else FILE_WIDTH
    return Console(file=sys.stdout, width=width, markup=False, highlight=False, emoji=False)


@contextmanager
def waiting(text: str) -> Iterator[None]:
    """Show that something takes its time, on standard error when that is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console  # noqa: PLC0415 -- as above

    with Console(stderr=True).status(clean(text)):
        yield


@contextmanager
def progress(text: str, total: int) -> Iterator[Callable[[int, str], None]]:
    """Show how far something is, on standard error when that is a terminal.

    What it yields is told how much of ``total`` is done, and a word about it.
    """
    if not sys.stderr.isatty():
        yield lambda _done, _word: None
        return
    from rich.console import Console  # noqa: PLC0415 -- as above
    from rich.progress import Progress  # noqa: PLC0415 -- as above

    with Progress(console=Console(stderr=True, markup=False)) as bars:
        task = bars.add_task(clean(text), total=total)
        yield lambda done, word: bars.update(
            task, completed=done, description=clean(f"{text} {word}")
        )


def write_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a table; numbers are the caller's business."""
    from rich.table import Table  # noqa: PLC0415 -- as above
    from rich.text import Text  # noqa: PLC0415 -- as above

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(clean(cell)) for cell in row))
    console().print(table)


def local_time(text: str | None) -> str:
    """Return a time of the API in the time zone of this machine, to the second."""
    if not text:
        return NOTHING
    try:
        at = datetime.fromisoformat(text).astimezone()
    except (ValueError, OverflowError):
        return clean(text)
    return at.isoformat(sep=" ", timespec="seconds")


def plural(count: int, noun: str) -> str:
    """Return ``1 meter``, ``2 meters``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"

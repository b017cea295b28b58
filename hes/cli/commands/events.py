"""``hes events``: the event log of a running node, one event a line."""

import itertools
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from hes.cli import output
from hes.cli.failures import USAGE, CommandError
from hes.cli.options import DEFAULT_URL, Json, Url

if TYPE_CHECKING:
    from hes.cli.node_client import NodeClient

PAGE: Final = 500
POLL_S: Final = 1.0
Wait = Callable[[], None]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(name="events")(events)


def events(  # noqa: PLR0913, PLR0917 -- each is an option
    stream: Annotated[
        str | None, typer.Option(help="Only this stream: meter:18097634.", metavar="ID")
    ] = None,
    after: Annotated[int, typer.Option(help="Begin behind this position.", min=0)] = 0,
    kind: Annotated[
        str | None, typer.Option("--type", help="Only this type: Reading or Reading/1.")
    ] = None,
    as_of: Annotated[
        str | None, typer.Option(help="Only what was known at this time.", metavar="T")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="At most so many.", min=1)] = None,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on with what happens.")
    ] = False,
    url: Url = DEFAULT_URL,
    json: Json = False,
) -> None:
    """Show what happened, in order: one JSON object a line, or for people on a terminal."""
    until = _until(as_of)
    if until is not None and follow:
        raise CommandError("--as-of looks back and --follow ahead: take one of them", USAGE)
    from hes.cli.node_client import node_at  # noqa: PLC0415 -- keeps `hes --help` quick

    people = output.for_people(as_json=json)
    query = {"stream": stream, "type": kind, "after": after}
    with node_at(url) as node:
        found = _known_at(until, pages(node, query, _wait if follow else None))
        for event in itertools.islice(found, limit):
            _write(event, people=people)


def pages(node: "NodeClient", query: dict[str, Any], wait: Wait | None) -> Iterator[dict[str, Any]]:
    """Yield events page by page: up to the head of the log as it was first, or on and on.

    With ``wait`` it never ends: at the end of the log ``wait`` is called and the log asked again.
    """
    after: int = query["after"]
    last: int | None = None
    while True:
        page = node.get("/api/v1/events", {**query, "after": after, "limit": PAGE})
        last = page["head"] if last is None and wait is None else last
        for event in page["events"]:
            if last is not None and event["position"] > last:
                return
            yield event
        after, at_end = _next(page, after)
        if at_end:
            sys.stdout.flush()
            if wait is None:
                return
            wait()


def _next(page: dict[str, Any], after: int) -> tuple[int, bool]:
    """Return the position to go on from, and whether the log ends there for now."""
    if page["next"] is not None:
        return page["next"], False
    seen = page["events"][-1]["position"] if page["events"] else after
    return max(seen, page["head"], after), True


def _wait() -> None:
    import trio  # noqa: PLC0415 -- keeps `hes --help` quick

    trio.run(trio.sleep, POLL_S)


def _until(as_of: str | None) -> datetime | None:
    if as_of is None:
        return None
    from hes.cli.times import parse_time  # noqa: PLC0415 -- keeps `hes --help` quick
    from hes.clock import SystemClock  # noqa: PLC0415 -- imports trio

    return parse_time(as_of, "--as-of", SystemClock())


def _known_at(until: datetime | None, found: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the events that had been received by then.

    All are looked at: the log is in the order of storing, which differs by moments from that of
    receiving. One that this program cannot read tells no time, and is left out, but not in silence.
    """
    unreadable = 0
    for event in found:
        received_at = event.get("received_at")
        if until is None or (received_at and datetime.fromisoformat(received_at) <= until):
            yield event
        unreadable += not received_at
    if until is not None and unreadable:
        events = output.plural(unreadable, "event")
        output.note(f"{events} cannot be read by this program: when it was received is not known")


def _write(event: dict[str, Any], *, people: bool) -> None:
    if not people:
        output.write_json(event)
        return
    data = event.get("data") or {"problem": event.get("problem")}
    told = "  ".join(f"{key}={output.inline(value)}" for key, value in data.items() if value)
    at = output.local_time(event.get("received_at"))
    output.write_line(f"{event['position']:>8}  {at}  {event['stream']}  {event['type']}  {told}")

"""Pages of the event log in the form that people read.

Cursors are positions in the whole log, for one stream as well. Synchronous: for worker threads.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

from hes.store.errors import StoreError
from hes.store.json_form import to_plain
from hes.store.port import StoredRow
from web.ports import Decoder, EventReader

SCAN_MAX: Final = 10_000
"""Rows that one request looks at when a type is asked for: some 50 ms. ``next`` leads on."""
CHUNK: Final = 500

Fetch = Callable[[int, int], list[StoredRow]]
"""A cursor and a limit to the rows beyond it."""


class History:
    """Reads the log for people."""

    def __init__(self, log: EventReader, decoder: Decoder) -> None:
        self._log = log
        self._decoder = decoder

    def check(self) -> int:
        """Return the position of the last event, if this node may still write.

        Raises:
            StoreError: the log is away, or another node took it over.

        """
        return self._log.check()

    def head(self) -> int:
        """Return the position of the last event."""
        return self._log.head()

    def page(
        self, *, stream: str, kind: str, after: int, before: int | None, limit: int, newest: bool
    ) -> dict[str, Any]:
        """Return a page of events, ``next`` for the one behind it, and the log's head.

        ``kind`` is a topic with or without its version; empty: any. The head is read first, so
        that a reader who goes on from it misses nothing.
        """
        head = self._log.head()
        chunk = CHUNK if kind else min(limit + 1, CHUNK)
        if newest:
            rows = self._backwards(stream, head + 1 if before is None else before, chunk)
        else:
            rows = self._forwards(stream, after, chunk)
        events: list[dict[str, Any]] = []
        cursor: int | None = None
        for looked_at, row in enumerate(rows, start=1):
            if len(events) == limit or looked_at > SCAN_MAX:
                return {"events": events, "next": cursor, "head": head}
            cursor = row.position
            if not kind or kind in {row.topic, row.topic.partition("/")[0]}:
                events.append(self._form(row))
        return {"events": events, "next": None, "head": head}

    def _forwards(self, stream: str, after: int, chunk: int) -> Iterator[StoredRow]:
        log = self._log
        if not stream:
            return _all(log.read, after, chunk, lambda row: row.position)
        # A stream is read by version: that of its last event at or below the position.
        below = log.read_stream_back(stream, after + 1, 1)
        version = below[0].version if below else 0
        return _all(partial(log.read_stream, stream), version, chunk, lambda row: row.version)

    def _backwards(self, stream: str, before: int, chunk: int) -> Iterator[StoredRow]:
        log = self._log
        fetch: Fetch = partial(log.read_stream_back, stream) if stream else log.read_back
        return _all(fetch, before, chunk, lambda row: row.position)

    def _form(self, row: StoredRow) -> dict[str, Any]:
        try:
            return to_plain(self._decoder.recorded(row))
        except StoreError as problem:
            # One damaged event must not hide its neighbours.
            return {
                "position": row.position,
                "stream": row.stream,
                "version": row.version,
                "type": row.topic,
                "received_at": None,
                "device_time": None,
                "data": None,
                "problem": str(problem),
            }


def _all(
    fetch: Fetch, cursor: int, chunk: int, of: Callable[[StoredRow], int]
) -> Iterator[StoredRow]:
    while True:
        rows = fetch(cursor, chunk)
        yield from rows
        if len(rows) < chunk:
            return
        cursor = of(rows[-1])

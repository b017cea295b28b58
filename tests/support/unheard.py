"""A log whose transactions end as told, as behind a network that fails."""

import contextlib
from collections.abc import Iterator
from typing import Any

from hes.store.errors import CommitUnknown, StoreUnavailable
from hes.store.port import EventLog
from hes.store.sql_log import SqlEventLog


class Network:
    """Lets the next transactions of a log end as told: heard, unheard, lost or away."""

    def __init__(self, log: EventLog, *ends: str) -> None:
        assert isinstance(log, SqlEventLog)
        self._database: Any = log._database
        self._writing = self._database.writing
        self._ends = list(ends)
        self._database.writing = self.writing

    @contextlib.contextmanager
    def writing(self) -> Iterator[Any]:
        end = self._ends.pop(0) if self._ends else "heard"
        if end == "away":
            raise StoreUnavailable("the network is away")
        with contextlib.suppress(InterruptedError), self._writing() as tx:
            yield tx
            if end == "lost":
                raise InterruptedError
        if end != "heard":
            raise CommitUnknown("lost during a commit")

"""What can go wrong with read models, in sentences for the person who must mend it."""

from collections.abc import Iterable

from hes.store.errors import StoreError, StoreUnavailable


class ReadModelError(Exception):
    """The read models cannot be used; the message says what to do."""


class ReadModelUnavailable(ReadModelError):
    """The database is away for now; nothing is lost, since the log has everything."""


class BatchTooLate(ReadModelError):
    """What is stored is older than was thought: a server that crashed has lost its last commits."""


class RowRefused(Exception):
    """The database refuses a row: the event behind it makes no sense there."""


class DaysMissing(Exception):
    """Rows are of days that have no table yet; make them outside the transaction, and repeat it."""

    def __init__(self, base: str, days: Iterable[int]) -> None:
        super().__init__(f"{base} has no table for {sorted(days)}")
        self.base = base
        self.days = sorted(days)
        """Days since 1970, UTC."""


def ours(problem: StoreError) -> ReadModelError:
    """Return our error for one of the event log: both are told the same by the same server."""
    sentence = str(problem).replace("[store]", "[read_model]").replace("store.p", "read_model.p")
    kind = ReadModelUnavailable if isinstance(problem, StoreUnavailable) else ReadModelError
    return kind(f"read models: {sentence}")

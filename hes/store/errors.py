"""What can go wrong with the event log, in sentences for the person who must mend it."""


class StoreError(Exception):
    """The event log cannot be used as asked."""


class StoreUnavailable(StoreError):
    """The database is away or full for now: wait and try again; nothing was stored."""


class CommitUnknown(StoreUnavailable):
    """The connection was lost during a commit: nobody knows whether it happened."""


class StoreFenced(StoreError):
    """Another node writes this log now: stop at once."""


class StoreDuplicate(StoreError):
    """Something of this name and version is stored already; nothing was stored."""

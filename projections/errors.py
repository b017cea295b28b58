"""What can go wrong with read models, in sentences for the person who must mend it."""


class ReadModelError(Exception):
    """The read models cannot be used; the message says what to do."""


class ReadModelUnavailable(ReadModelError):
    """The database is away for now; nothing is lost, since the log has everything."""

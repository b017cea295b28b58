"""The event log in SQLite: the embedded default. See ``hes.store.sqlite_file``."""

from hes.store.sql_log import SqlEventLog
from hes.store.sqlite_file import SqliteFile


class SqliteEventLog(SqlEventLog):
    """See ``hes.store.port.EventLog``."""

    def __init__(self, file: SqliteFile) -> None:
        super().__init__(file)

"""The tables of the event log, the same on every database; types at the level of Oracle 11g.

``head`` has one row: the last position and the epoch of the writer. Updating it inside each append
serialises writers, makes the order of commits the order of positions, and leaves no gaps.
Streams and topics are numbered, so that a row of ``ev`` is its state and some ten bytes.
"""

from typing import Final

SQLITE: Final = (
    "CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), nid INTEGER NOT NULL,"
    " epoch INTEGER NOT NULL)",
    "CREATE TABLE stream (oid INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    "CREATE TABLE topic (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    "CREATE TABLE layout (id INTEGER PRIMARY KEY, state BLOB NOT NULL)",
    "CREATE TABLE ev (nid INTEGER PRIMARY KEY, oid INTEGER NOT NULL, ver INTEGER NOT NULL,"
    " topic INTEGER NOT NULL, state BLOB NOT NULL, UNIQUE (oid, ver))",
    "CREATE TABLE snapshot (oid INTEGER PRIMARY KEY, ver INTEGER NOT NULL, state BLOB NOT NULL)",
    "CREATE TABLE secret (name TEXT PRIMARY KEY, value BLOB NOT NULL)",
    "INSERT INTO head (one, nid, epoch) VALUES (1, 0, 0)",
)

SQLITE_ASIDE: Final = (
    "CREATE TABLE IF NOT EXISTS aside (oid INTEGER NOT NULL, ver INTEGER NOT NULL,"
    " topic INTEGER NOT NULL, state BLOB NOT NULL, PRIMARY KEY (oid, ver))",
    "CREATE TABLE IF NOT EXISTS tracking (name TEXT PRIMARY KEY, nid INTEGER NOT NULL)",
)
"""What applications of the ``eventsourcing`` library want beside the log; made when one comes."""

APPLICATION_ID: Final = 0x48455331
"""``HES1`` in the header of the SQLite file: what else lies there is not ours to write into."""
SCHEMA_VERSION: Final = 1

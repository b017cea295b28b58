"""The tables of the event log, the same on every database; types at the level of Oracle 11g.

``head`` has one row: the last position and the epoch of the writer. Updating it inside each append
serialises writers, makes the order of commits the order of positions, and leaves no gaps.
Streams and topics are numbered, so that a row of ``ev`` is its state and some ten bytes, and
``chain``: 32 bytes that show what was changed (``hes.store.chain``).

Data, so that ``hes db ddl`` can print it for whoever makes the tables by hand.
"""

from typing import Final, NamedTuple


class Schema(NamedTuple):
    """Statements that make the tables."""

    log: tuple[str, ...]
    aside: tuple[str, ...]
    """What applications of the ``eventsourcing`` library want beside the log; made when one
    comes, if they are not there."""


# What left ``ev`` (``hes.store.sealing``). All blocks of the same positions have the same
# ``nid_from`` and ``nid_to``; ``until_ms`` is when their last event came, in milliseconds since
# 1970. A row of ``sealed_end`` is a stream's part of a block: its last version, position and chain
# value, and the version of the part before it (-1: there is none). ``block`` 0: it was purged.
SQLITE_SEALED: Final = (
    "CREATE TABLE sealed (id INTEGER PRIMARY KEY, nid_from INTEGER NOT NULL,"
    " nid_to INTEGER NOT NULL, until_ms INTEGER NOT NULL, codec INTEGER NOT NULL,"
    " events INTEGER NOT NULL, state BLOB)",
    "CREATE INDEX sealed_nid ON sealed (nid_to)",
    "CREATE TABLE sealed_end (oid INTEGER NOT NULL, ver INTEGER NOT NULL,"
    " ver_prev INTEGER NOT NULL, nid INTEGER NOT NULL, block INTEGER NOT NULL,"
    " chain BLOB NOT NULL, PRIMARY KEY (oid, ver)) WITHOUT ROWID",
    "CREATE INDEX sealed_end_block ON sealed_end (block)",
)
POSTGRES_SEALED: Final = (
    "CREATE TABLE sealed (id BIGINT PRIMARY KEY, nid_from BIGINT NOT NULL,"
    " nid_to BIGINT NOT NULL, until_ms BIGINT NOT NULL, codec SMALLINT NOT NULL,"
    " events BIGINT NOT NULL, state BYTEA)",
    # It is compressed already.
    "ALTER TABLE sealed ALTER COLUMN state SET STORAGE EXTERNAL",
    "CREATE INDEX sealed_nid ON sealed (nid_to)",
    "CREATE TABLE sealed_end (oid BIGINT NOT NULL, ver BIGINT NOT NULL, ver_prev BIGINT NOT NULL,"
    " nid BIGINT NOT NULL, block BIGINT NOT NULL, chain BYTEA NOT NULL, PRIMARY KEY (oid, ver))",
    "CREATE INDEX sealed_end_block ON sealed_end (block)",
)
ORACLE_SEALED: Final = (
    "CREATE TABLE sealed (id NUMBER(18) NOT NULL, nid_from NUMBER(18) NOT NULL,"
    " nid_to NUMBER(18) NOT NULL, until_ms NUMBER(18) NOT NULL, codec NUMBER(4) NOT NULL,"
    " events NUMBER(18) NOT NULL, state RAW(2000), CONSTRAINT sealed_pk PRIMARY KEY (id))",
    "CREATE INDEX sealed_nid ON sealed (nid_to)",
    "CREATE TABLE sealed_end (oid NUMBER(18) NOT NULL, ver NUMBER(18) NOT NULL,"
    " ver_prev NUMBER(18) NOT NULL, nid NUMBER(18) NOT NULL, block NUMBER(18) NOT NULL,"
    " chain RAW(32) NOT NULL, CONSTRAINT sealed_end_pk PRIMARY KEY (oid, ver))",
    "CREATE INDEX sealed_end_block ON sealed_end (block)",
)

SQLITE: Final = Schema(
    log=(
        "CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), nid INTEGER NOT NULL,"
        " epoch INTEGER NOT NULL)",
        "CREATE TABLE stream (oid INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
        "CREATE TABLE topic (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
        "CREATE TABLE layout (id INTEGER PRIMARY KEY, state BLOB NOT NULL)",
        "CREATE TABLE ev (nid INTEGER PRIMARY KEY, oid INTEGER NOT NULL, ver INTEGER NOT NULL,"
        " topic INTEGER NOT NULL, state BLOB NOT NULL, chain BLOB NOT NULL, UNIQUE (oid, ver))",
        "CREATE TABLE snapshot (oid INTEGER PRIMARY KEY, ver INTEGER NOT NULL,"
        " state BLOB NOT NULL)",
        "CREATE TABLE secret (name TEXT PRIMARY KEY, value BLOB NOT NULL)",
        *SQLITE_SEALED,
        "INSERT INTO head (one, nid, epoch) VALUES (1, 0, 0)",
    ),
    aside=(
        "CREATE TABLE IF NOT EXISTS aside (oid INTEGER NOT NULL, ver INTEGER NOT NULL,"
        " topic INTEGER NOT NULL, state BLOB NOT NULL, PRIMARY KEY (oid, ver))",
        "CREATE TABLE IF NOT EXISTS tracking (name TEXT PRIMARY KEY, nid INTEGER NOT NULL)",
    ),
)

# Names are compared octet by octet, as the other databases do: pages of streams depend on it.
POSTGRES: Final = Schema(
    log=(
        "CREATE TABLE head (one SMALLINT PRIMARY KEY CHECK (one = 1), nid BIGINT NOT NULL,"
        " epoch BIGINT NOT NULL, ddl SMALLINT NOT NULL) WITH (fillfactor = 10)",
        'CREATE TABLE stream (oid BIGINT PRIMARY KEY, name TEXT COLLATE "C" NOT NULL UNIQUE)',
        'CREATE TABLE topic (id SMALLINT PRIMARY KEY, name TEXT COLLATE "C" NOT NULL UNIQUE)',
        "CREATE TABLE layout (id BIGINT PRIMARY KEY, state BYTEA NOT NULL)",
        "CREATE TABLE ev (nid BIGINT PRIMARY KEY, oid BIGINT NOT NULL, ver BIGINT NOT NULL,"
        " topic SMALLINT NOT NULL, state BYTEA NOT NULL, chain BYTEA NOT NULL,"
        " UNIQUE (oid, ver))",
        "CREATE TABLE snapshot (oid BIGINT PRIMARY KEY, ver BIGINT NOT NULL, state BYTEA NOT NULL)",
        "CREATE TABLE secret (name TEXT PRIMARY KEY, value BYTEA NOT NULL)",
        *POSTGRES_SEALED,
        "INSERT INTO head (one, nid, epoch, ddl) VALUES (1, 0, 0, 3)",
    ),
    aside=(
        "CREATE TABLE IF NOT EXISTS aside (oid BIGINT NOT NULL, ver BIGINT NOT NULL,"
        " topic SMALLINT NOT NULL, state BYTEA NOT NULL, PRIMARY KEY (oid, ver))",
        "CREATE TABLE IF NOT EXISTS tracking (name TEXT PRIMARY KEY, nid BIGINT NOT NULL)",
    ),
)

# An empty RAW is NULL to Oracle, hence no NOT NULL at states. What does not fit into the 2000
# octets of a RAW goes on in ``more``.
ORACLE: Final = Schema(
    log=(
        "CREATE TABLE head (one NUMBER(1) NOT NULL, nid NUMBER(18) NOT NULL,"
        " epoch NUMBER(18) NOT NULL, ddl NUMBER(4) NOT NULL,"
        " CONSTRAINT head_pk PRIMARY KEY (one), CONSTRAINT head_one CHECK (one = 1))",
        "CREATE TABLE stream (oid NUMBER(18) NOT NULL, name VARCHAR2(400) NOT NULL,"
        " CONSTRAINT stream_pk PRIMARY KEY (oid), CONSTRAINT stream_name UNIQUE (name))",
        "CREATE TABLE topic (id NUMBER(4) NOT NULL, name VARCHAR2(200) NOT NULL,"
        " CONSTRAINT topic_pk PRIMARY KEY (id), CONSTRAINT topic_name UNIQUE (name))",
        "CREATE TABLE layout (id NUMBER(18) NOT NULL, state RAW(2000),"
        " CONSTRAINT layout_pk PRIMARY KEY (id))",
        "CREATE TABLE ev (nid NUMBER(18) NOT NULL, oid NUMBER(18) NOT NULL,"
        " ver NUMBER(18) NOT NULL, topic NUMBER(4) NOT NULL, state RAW(2000),"
        " chain RAW(32) NOT NULL,"
        " CONSTRAINT ev_pk PRIMARY KEY (nid), CONSTRAINT ev_stream UNIQUE (oid, ver))",
        "CREATE TABLE snapshot (oid NUMBER(18) NOT NULL, ver NUMBER(18) NOT NULL,"
        " state RAW(2000), CONSTRAINT snapshot_pk PRIMARY KEY (oid))",
        "CREATE TABLE secret (name VARCHAR2(400) NOT NULL, content RAW(2000),"
        " CONSTRAINT secret_pk PRIMARY KEY (name))",
        "CREATE TABLE more (owner VARCHAR2(10) NOT NULL, id NUMBER(18) NOT NULL,"
        " ver NUMBER(18) NOT NULL, part NUMBER(6) NOT NULL, piece RAW(2000) NOT NULL,"
        " CONSTRAINT more_pk PRIMARY KEY (owner, id, ver, part))",
        *ORACLE_SEALED,
        "INSERT INTO head (one, nid, epoch, ddl) VALUES (1, 0, 0, 3)",
    ),
    aside=(
        "CREATE TABLE aside (oid NUMBER(18) NOT NULL, ver NUMBER(18) NOT NULL,"
        " topic NUMBER(4) NOT NULL, state RAW(2000), CONSTRAINT aside_pk PRIMARY KEY (oid, ver))",
        "CREATE TABLE tracking (name VARCHAR2(400) NOT NULL, nid NUMBER(18) NOT NULL,"
        " CONSTRAINT tracking_pk PRIMARY KEY (name))",
    ),
)

SCHEMAS: Final = {"sqlite": SQLITE, "postgresql": POSTGRES, "oracle": ORACLE}
"""By the scheme of the URL."""

APPLICATION_ID: Final = 0x48455331
"""``HES1`` in the header of the SQLite file: what else lies there is not ours to write into."""
UNSEALED: Final = 2
"""The version without sealed blocks."""
SET_VERSION: Final = "UPDATE head SET ddl = 3"
SCHEMA_VERSION: Final = 3
"""2: the hash chains. 3: sealed blocks. Older logs are brought up when they are opened."""

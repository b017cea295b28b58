"""What the event log needs of a database beneath its tables; each adapter fills it.

Values of statements are marked ``?``, in order; the adapters write them as their driver wants.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, NamedTuple, Protocol

from hes.store.placing import EvRow, StreamEnd


class Places(NamedTuple):
    """Where in a row its state stands, and what tells whose it is."""

    state: int
    number: int
    version: int | None = None


EVENT: Final = Places(state=4, number=0)


class Transaction(Protocol):
    """One transaction, on one connection, in one thread."""

    committing: bool
    """Whether a connection that is lost now leaves open if the transaction was committed."""

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return the rows of a query."""
        ...

    def execute(self, sql: str, values: Sequence[Any] = ()) -> int:
        """Change rows; return how many."""
        ...

    def many(self, sql: str, rows: Sequence[Sequence[Any]]) -> None:
        """Change rows with many sets of values."""
        ...

    def insert(self, rows: Sequence[EvRow]) -> None:
        """Insert rows of ``ev``, as fast as the database can."""
        ...

    def advance(self, rows: Sequence[EvRow], end: int, epoch: int) -> bool:
        """Insert rows of ``ev`` right behind the head, and move it to the last of them.

        Nothing else may be done in the transaction, which may be over when this returns. False,
        and nothing is changed, when the head is not at ``end`` or has another epoch.
        """
        ...

    def find_streams(self, names: Sequence[str]) -> list[StreamEnd]:
        """Return the ends of those streams that are there."""
        ...

    def first(self, state: bytes) -> bytes:
        """Return as much of a state as fits into a row; all of it, but for Oracle."""
        ...

    def save_rest(self, owner: str, number: int, version: int, state: bytes) -> None:
        """Store what does not, instead of what was stored for that row."""
        ...

    def drop_rest(self, owner: str, first: int, last: int) -> None:
        """Delete what ``save_rest`` stored for the rows of these numbers."""
        ...


class Database(Protocol):
    """Connections to one database. Threads: any may call."""

    shown: str
    """What it is called in a sentence; without a password."""
    dialect: "Dialect"

    def writing(self) -> AbstractContextManager[Transaction]:
        """Give the transaction of the writer; durable at the end, rolled back by an exception.

        Raises:
            CommitUnknown: the connection was lost during the commit.
            StoreUnavailable: nothing was stored; try again.
            StoreDuplicate: a row of this key is there; nothing was stored.
            StoreError: the database needs a person.

        """
        ...

    def beside(self) -> AbstractContextManager[Transaction]:
        """Give a transaction for what stands beside the log; it does not wait for the writer."""
        ...

    def rows(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Return the rows of a query.

        Raises:
            StoreUnavailable: try again later.
            StoreError: the database needs a person.

        """
        ...

    def create(self, statements: Sequence[str]) -> None:
        """Carry out statements that make tables; those that are there stay."""
        ...

    def whole(self, owner: str, rows: list[Any], places: Places) -> list[Any]:
        """Return rows with the rest of their states, which ``Transaction.save_rest`` stored."""
        ...

    def close(self) -> None:
        """Close all connections; those under way end first or by themselves."""
        ...


class Dialect(NamedTuple):
    """How one database says what the others say differently."""

    join: str
    """Joins ``{table}`` on ``{on}``, in the given order where the database can be told so."""
    limited: str
    """A query around ``{}`` that ends after ``?`` rows."""
    lock_head: str
    """Returns nid and epoch, and keeps other writers out until the end of the transaction."""
    hidden: str = "value"
    """The column of ``secret`` that holds it."""


_COLUMNS: Final = "SELECT ev.nid, stream.name AS stream_name, ev.ver, topic.name AS topic_name, "


class Statements:
    """All other statements, put together for one dialect."""

    def __init__(self, dialect: Dialect) -> None:
        self._join = dialect.join
        self._limited = dialect.limited
        from_log = " FROM ev" + self._joined("stream", "stream.oid = ev.oid")
        from_log += self._joined("topic", "topic.id = ev.topic")
        self.log = _COLUMNS + "ev.state" + from_log
        from_stream = " FROM stream" + self._joined("ev", "ev.oid = stream.oid")
        from_stream += self._joined("topic", "topic.id = ev.topic")
        stream = _COLUMNS + "ev.state" + from_stream
        # Pages of the log name streams and topics by number (``hes.store.names``).
        hot = "SELECT nid, oid, ver, topic, state"
        self.page = self.limited(f"{hot} FROM ev WHERE nid > ? ORDER BY nid")
        self.page_back = self.limited(f"{hot} FROM ev WHERE nid < ? ORDER BY nid DESC")
        self.stream_page = self.limited(
            f"{stream} WHERE stream.name = ? AND ev.ver > ? ORDER BY ev.ver"
        )
        self.stream_page_back = self.limited(
            f"{stream} WHERE stream.name = ? AND ev.nid < ? ORDER BY ev.ver DESC"
        )
        self.chained = self.limited(f"{hot}, chain FROM ev WHERE nid > ? ORDER BY nid")
        self.chains = self.limited(
            "SELECT ev.nid, ev.chain FROM ev WHERE ev.nid > ? ORDER BY ev.nid"
        )
        self.to_seal = self.limited(
            f"{_COLUMNS}ev.state, ev.chain, ev.oid{from_log} WHERE ev.nid > ? ORDER BY ev.nid"
        )
        self.streams = self.limited(
            "SELECT name FROM stream WHERE name >= ? AND name < ? AND name > ? ORDER BY name"
        )
        kept = self._joined("snapshot", "snapshot.oid = stream.oid")
        self.snapshot = (
            f"SELECT snapshot.ver, snapshot.state, snapshot.oid FROM stream{kept}"  # noqa: S608 -- names of ours
            " WHERE stream.name = ?"
        )
        self.to_seal_of = (
            f"{_COLUMNS}ev.state, ev.chain, ev.oid{from_stream}"
            " WHERE stream.oid IN ({}) AND ev.nid >= ? AND ev.nid <= ? ORDER BY ev.oid, ev.ver"
        )
        self._add_sealed()
        hidden = dialect.hidden
        self.add_secret = f"INSERT INTO secret (name, {hidden}) VALUES (?, ?)"  # noqa: S608
        self.secrets = f"SELECT name, {hidden} FROM secret"  # noqa: S608

    def _add_sealed(self) -> None:
        parts = "SELECT sealed_end.ver, sealed.id, sealed.events FROM stream"
        parts += self._joined("sealed_end", "sealed_end.oid = stream.oid")
        parts += self._joined("sealed", "sealed.id = sealed_end.block")
        parts += " WHERE stream.name = ? AND sealed.nid_to > 0 AND"
        self.parts_above = self.limited(f"{parts} sealed_end.ver > ? ORDER BY sealed_end.ver")
        self.parts_below = self.limited(
            f"{parts} sealed_end.ver < ? AND sealed.nid_from < ? ORDER BY sealed_end.ver DESC"
        )
        self.ends_of_block = (
            "SELECT stream.name, sealed_end.oid, sealed_end.ver, sealed_end.chain,"  # noqa: S608
            " p.chain AS chain_before, sealed_end.ver_prev FROM sealed_end"
            + self._joined("stream", "stream.oid = sealed_end.oid")
            + " LEFT JOIN sealed_end p ON p.oid = sealed_end.oid AND p.ver = sealed_end.ver_prev"
            " WHERE sealed_end.block = ?"
        )
        self.part_end = self.limited(
            "SELECT sealed_end.ver, sealed_end.chain, sealed_end.block FROM stream"  # noqa: S608
            + self._joined("sealed_end", "sealed_end.oid = stream.oid")
            + " WHERE stream.name = ? AND sealed_end.ver < ? ORDER BY sealed_end.ver DESC"
        )

    def limited(self, sql: str) -> str:
        """Return a query that ends after a number of rows, its last value."""
        return self._limited.format(sql)

    def part_of_stream(self, table: str) -> str:
        """Return the begin of a query for events of a stream, from ``ev`` or ``aside``."""
        place = "nid" if table == "ev" else "oid"
        events = self._joined(f"{table} e", "e.oid = stream.oid")
        topics = self._joined("topic", "topic.id = e.topic")
        return (
            "SELECT stream.name AS stream_name, e.ver, topic.name AS topic_name, e.state,"  # noqa: S608
            f" e.{place} AS place FROM stream{events}{topics} WHERE stream.name = ?"
        )

    def _joined(self, table: str, condition: str) -> str:
        return self._join.format(table=table, on=condition)


IN_SIZES: Final = (1, 10, 100, 1000)
"""Items of an IN: 1000 is Oracle's limit. Few sizes, so that few statements are parsed."""


def in_list(sql: str, values: Sequence[Any]) -> Iterator[tuple[str, list[Any]]]:
    """Yield statements with an IN list for ``{}``, and values filled up to its size."""
    for start in range(0, len(values), IN_SIZES[-1]):
        some = list(values[start : start + IN_SIZES[-1]])
        size = next(size for size in IN_SIZES if size >= len(some))
        some += some[-1:] * (size - len(some))
        yield sql.format(", ".join("?" * size)), some


HEAD: Final = "SELECT nid FROM head"
HEAD_EPOCH: Final = "SELECT nid, epoch FROM head"
SET_HEAD: Final = "UPDATE head SET nid = ?"
MOVE_HEAD: Final = "UPDATE head SET nid = ? WHERE nid = ? AND epoch = ?"
SET_EPOCH: Final = "UPDATE head SET epoch = ?"
CHAIN_AT: Final = "SELECT chain FROM ev WHERE nid = ?"
OID_MAX: Final = "SELECT COALESCE(MAX(oid), 0) FROM stream"
TOPICS: Final = "SELECT id, name FROM topic"
STREAM_NAMES: Final = "SELECT oid, name FROM stream WHERE oid IN ({})"
ADD_STREAM: Final = "INSERT INTO stream (oid, name) VALUES (?, ?)"
ADD_TOPIC: Final = "INSERT INTO topic (id, name) VALUES (?, ?)"
ADD_ASIDE: Final = "INSERT INTO aside (oid, ver, topic, state) VALUES (?, ?, ?, ?)"
STREAM_END: Final = (
    "SELECT (SELECT MAX(ev.ver) FROM ev WHERE ev.oid = stream.oid) AS ver,"
    " (SELECT MAX(sealed_end.ver) FROM sealed_end WHERE sealed_end.oid = stream.oid) AS sealed_ver"
    " FROM stream WHERE stream.name = ?"
)
# Blocks whose ``nid_to`` is negative are not published yet (``hes.store.sealed_writing``).
SEALED_TO: Final = "SELECT COALESCE(MAX(nid_to), 0) FROM sealed WHERE nid_to > 0"
SEALED_NEXT: Final = "SELECT MIN(nid_to) FROM sealed WHERE nid_to > 0 AND nid_to > ?"
SEALED_BACK: Final = "SELECT MAX(nid_to) FROM sealed WHERE nid_to > 0 AND nid_from < ?"
SEALED_FROM: Final = "SELECT MIN(nid_from) FROM sealed WHERE nid_to = ?"
PURGED: Final = (
    "SELECT nid_from, nid_to FROM sealed WHERE nid_to > 0 GROUP BY nid_from, nid_to"
    " HAVING SUM(events) < nid_to - nid_from + 1 ORDER BY nid_from"
)
SEALED_IDS: Final = "SELECT id, events FROM sealed WHERE nid_to = ? ORDER BY id"
SEALED_BLOCKS: Final = "SELECT id, codec, events, state FROM sealed WHERE nid_to = ? ORDER BY id"
SEALED_BLOCK: Final = "SELECT id, codec, events, state FROM sealed WHERE id = ?"
SEALED_ID_MAX: Final = "SELECT COALESCE(MAX(id), 0) FROM sealed"
SEALED_AT: Final = "SELECT chain FROM sealed_end WHERE nid = ?"
SEALED_ENDS: Final = (
    "SELECT e.oid, e.ver, e.chain FROM sealed_end e WHERE e.oid IN ({})"
    " AND e.ver = (SELECT MAX(m.ver) FROM sealed_end m WHERE m.oid = e.oid"
    " AND m.block NOT IN (SELECT p.id FROM sealed p WHERE p.nid_to < 0))"
)
UNPUBLISHED: Final = "SELECT id FROM sealed WHERE nid_to < 0 ORDER BY id"
UNPUBLISHED_EVENTS: Final = (
    "SELECT COALESCE(SUM(events), 0) FROM sealed WHERE nid_from = ? AND nid_to = ?"
)
PUBLISH: Final = "UPDATE sealed SET nid_to = ? WHERE nid_from = ? AND nid_to = ?"
DROP_SEALED: Final = "DELETE FROM sealed WHERE id = ?"
DROP_SEALED_ENDS: Final = "DELETE FROM sealed_end WHERE block = ?"
FIRST_HOT: Final = "SELECT MIN(nid) FROM ev"
ADD_SEALED: Final = (
    "INSERT INTO sealed (id, nid_from, nid_to, until_ms, codec, events, state)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
ADD_SEALED_END: Final = (
    "INSERT INTO sealed_end (oid, ver, ver_prev, nid, block, chain) VALUES (?, ?, ?, ?, ?, ?)"
)
SEALED_BEFORE: Final = (
    "SELECT nid_from, nid_to FROM sealed WHERE nid_to > 0 GROUP BY nid_from, nid_to"
    " HAVING MAX(until_ms) < ? AND SUM(events) > 0 ORDER BY nid_to"
)
SET_SEALED: Final = "UPDATE sealed SET codec = ?, events = ?, state = ? WHERE id = ?"
SET_PURGED: Final = "UPDATE sealed_end SET block = 0 WHERE oid = ? AND ver = ?"
DROP_PURGED: Final = "DELETE FROM sealed_end WHERE oid = ? AND ver = ? AND block = 0"
DROP_EVENTS: Final = "DELETE FROM ev WHERE nid >= ? AND nid <= ?"
LAYOUTS: Final = "SELECT id, state FROM layout ORDER BY id"
LAYOUT: Final = "SELECT id, state FROM layout WHERE id = ?"
ADD_LAYOUT: Final = "INSERT INTO layout (id, state) VALUES (?, ?)"
STREAM_OID: Final = "SELECT oid FROM stream WHERE name = ?"
SNAPSHOT_VER: Final = "SELECT ver FROM snapshot WHERE oid = ?"
ADD_SNAPSHOT: Final = "INSERT INTO snapshot (ver, state, oid) VALUES (?, ?, ?)"
SET_SNAPSHOT: Final = "UPDATE snapshot SET ver = ?, state = ? WHERE oid = ?"
DROP_SECRET: Final = "DELETE FROM secret WHERE name = ?"  # noqa: S105 -- a statement
TRACKED: Final = "SELECT nid FROM tracking WHERE name = ?"
ADD_TRACKED: Final = "INSERT INTO tracking (nid, name) VALUES (?, ?)"
SET_TRACKED: Final = "UPDATE tracking SET nid = ? WHERE name = ? AND nid < ?"

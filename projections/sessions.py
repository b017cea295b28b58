"""The sessions of modems: when, from where, how long, why they ended."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from hes.events.base import DomainEvent, Recorded
from hes.events.modem import ModemConnected, ModemDisconnected, ModemQuarantined
from hes.events.node import NodeStarted
from hes.ids import modem_of
from projections.base import Change, Database, utc_ms
from projections.sql.schema import NAME, TEXT, Table, real, text, whole

SESSION = Table(
    "modem_session",
    (
        text("modem_id", NAME), whole("position"), whole("session_no"), text("peer", NAME),
        text("link"), text("claim", NAME), whole("connected_at"), whole("ended_at", optional=True),
        text("reason", TEXT, optional=True), real("lasted_s", optional=True),
        whole("bytes_in", optional=True), whole("bytes_out", optional=True),
        text("quarantined", TEXT, optional=True),
    ),
    key=("modem_id", "position"),
    indexes=(("ended_at",),),
)  # fmt: skip
CLOSE = (
    "UPDATE {modem_session} SET ended_at = ?, reason = ?, lasted_s = ?, bytes_in = ?, bytes_out = ?"
    " WHERE modem_id = ? AND session_no = ? AND ended_at IS NULL"
)
QUARANTINE = "UPDATE {modem_session} SET quarantined = ? WHERE modem_id = ? AND ended_at IS NULL"
END = ("ended_at", "reason", "lasted_s", "bytes_in", "bytes_out")
LOST = "UPDATE {modem_session} SET ended_at = ?, reason = ? WHERE ended_at IS NULL"
Session = dict[str, Any]
"""A row of the table, while it is made."""


class Sessions:
    """One row a connection of a modem."""

    name = "sessions"
    version = 3
    tables = (SESSION,)
    events = (ModemConnected, ModemDisconnected, ModemQuarantined, NodeStarted)

    def apply(self, batch: Sequence[Recorded], db: Database) -> Iterable[Change]:
        """See ``Projection``: sessions that begin in the batch are folded in memory."""
        begun: defaultdict[str, list[Session]] = defaultdict(list)
        closed: list[tuple[Any, ...]] = []
        for recorded in batch:
            modem, event = modem_of(recorded.stream) or "", recorded.event
            if isinstance(event, ModemConnected):
                begun[modem].append(_begun(recorded, modem, event))
            elif isinstance(event, ModemDisconnected):
                closed.append(_close(event, modem, begun.get(modem, ())))
            else:
                db.many(CLOSE, closed)
                closed.clear()
                _change(event, modem, begun, db)
        db.many(CLOSE, closed)
        rows = [row for rows in begun.values() for row in rows]
        db.insert(SESSION, [[row[name] for name in SESSION.names] for row in rows])
        return {("modems", modem_of(recorded.stream) or "") for recorded in batch}


def _begun(recorded: Recorded, modem: str, event: ModemConnected) -> Session:
    row: Session = dict.fromkeys(SESSION.names)
    row |= {
        "modem_id": modem, "position": recorded.position, "session_no": event.session,
        "peer": event.peer, "link": event.link, "claim": event.claim,
        "connected_at": utc_ms(event.received_at),
    }  # fmt: skip
    return row


def _close(event: ModemDisconnected, modem: str, begun: Sequence[Session]) -> tuple[Any, ...]:
    """Close the sessions of this batch; return the values of ``CLOSE``, for those in the table."""
    ended = (
        utc_ms(event.received_at), event.reason, event.lasted_s, event.bytes_in, event.bytes_out,
    )  # fmt: skip
    for row in _open(begun):
        if row["session_no"] == event.session:
            row.update(zip(END, ended, strict=True))
    return (*ended, modem, event.session)


def _change(
    event: DomainEvent, modem: str, begun: Mapping[str, list[Session]], db: Database
) -> None:
    """Change the sessions that an event is about: those in the table, and those of this batch."""
    at = utc_ms(event.received_at)
    match event:
        case ModemQuarantined():
            db.execute(QUARANTINE, (event.reason, modem))
            for row in _open(begun.get(modem, ())):
                row["quarantined"] = event.reason
        case NodeStarted():
            # What was open when the node before died ended without a word.
            lost = (at, "the head-end stopped")
            db.execute(LOST, lost)
            for row in _open(chain.from_iterable(begun.values())):
                row["ended_at"], row["reason"] = lost
        case _:
            pass


def _open(rows: Iterable[Session]) -> list[Session]:
    return [row for row in rows if row["ended_at"] is None]


PROJECTION = Sessions()

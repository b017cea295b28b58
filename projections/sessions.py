"""The sessions of modems: when, from where, how long, why they ended."""

from collections.abc import Iterable, Sequence

from hes.events.base import Recorded
from hes.events.modem import ModemConnected, ModemDisconnected, ModemQuarantined
from hes.events.node import NodeStarted
from hes.ids import modem_of
from projections.base import Change, Database, utc_ms

OPEN = (
    "INSERT INTO modem_session (modem_id, position, session, peer, link, claim, connected_at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?)"
)
CLOSE = (
    "UPDATE modem_session SET ended_at = ?, reason = ?, lasted_s = ?, bytes_in = ?, bytes_out = ?"
    " WHERE modem_id = ? AND session = ? AND ended_at IS NULL"
)
LOST = "UPDATE modem_session SET ended_at = ?, reason = ? WHERE ended_at IS NULL"


class Sessions:
    """One row a connection of a modem."""

    name = "sessions"
    version = 2
    tables = ("modem_session",)
    ddl = (
        "CREATE TABLE modem_session (modem_id TEXT NOT NULL, position INTEGER NOT NULL,"
        " session INTEGER NOT NULL, peer TEXT NOT NULL, link TEXT NOT NULL, claim TEXT NOT NULL,"
        " connected_at INTEGER NOT NULL, ended_at INTEGER, reason TEXT, lasted_s REAL,"
        " bytes_in INTEGER, bytes_out INTEGER, quarantined TEXT,"
        " PRIMARY KEY (modem_id, position)) WITHOUT ROWID",
        "CREATE INDEX modem_session_open ON modem_session (ended_at)",
    )
    events = (ModemConnected, ModemDisconnected, ModemQuarantined, NodeStarted)

    def apply(self, batch: Sequence[Recorded], db: Database) -> Iterable[Change]:
        """See ``Projection``."""
        changes: set[Change] = set()
        for recorded in batch:
            modem = modem_of(recorded.stream) or ""
            self._one(recorded, modem, db)
            changes.add(Change("modems", modem))
        return changes

    @staticmethod
    def _one(recorded: Recorded, modem: str, db: Database) -> None:
        event = recorded.event
        at = utc_ms(event.received_at)
        match event:
            case ModemConnected():
                db.execute(
                    OPEN,
                    (
                        modem,
                        recorded.position,
                        event.session,
                        event.peer,
                        event.link,
                        event.claim,
                        at,
                    ),
                )
            case ModemDisconnected():
                db.execute(
                    CLOSE,
                    (at, event.reason, event.lasted_s, event.bytes_in, event.bytes_out, modem,
                     event.session),
                )  # fmt: skip
            case ModemQuarantined():
                db.execute(
                    "UPDATE modem_session SET quarantined = ? WHERE modem_id = ?"
                    " AND ended_at IS NULL",
                    (event.reason, modem),
                )
            case NodeStarted():
                # What was open when the node before died ended without a word.
                db.execute(LOST, (at, "the head-end stopped"))
            case _:
                pass


PROJECTION = Sessions()

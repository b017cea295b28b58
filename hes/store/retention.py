"""Deletes old events for good, as far as the law and the log itself allow it.

Only sealed days that an anchor covers are touched. What stays: streams on hold, the streams of the
audit, and a stream's part of a day with anything of lasting meaning in it (a device, keys, a
configuration, a command), as a whole: so what stays can still be verified. Of a part that goes, the
last version and chain value stay, as long as something follows on them. Each deletion is an event,
stored in the same transaction.
"""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from hes.events.log_life import LogPurged
from hes.store import database as sql
from hes.store.anchor import last_anchor
from hes.store.block_form import CODEC, StreamPart
from hes.store.block_writer import encode_block
from hes.store.codec import EventCodec
from hes.store.database import Database, Statements, Transaction
from hes.store.errors import StoreError, StoreUnavailable
from hes.store.holds import holds
from hes.store.life import note
from hes.store.port import EventLog
from hes.store.sealed import EMPTY, Sealed
from hes.store.sql_log import head_of

DAYS_MIN: Final = 1
AUDIT_PREFIX: Final = "audit:"
PURGEABLE: Final = frozenset(
    {
        "Reading", "LoadProfileRead", "ReadFailed", "PushKept", "MeterEvent", "ClockDrift",
        "ClockDriftCleared", "PowerFailure", "PowerRestored", "PowerSign", "OverVoltage",
        "OverVoltageCleared", "ModemConnected", "ModemSuperseded", "ModemDisconnected",
        "UnknownCaller",
    }
)  # fmt: skip
"""Measurements and sessions. Events of all other kinds stay."""

Progress = Callable[[int, int], None]


class Purged(NamedTuple):
    """What a run has done."""

    events: int
    kept: int
    """In the same days."""
    unanchored: int
    """Days that are old enough, but which no anchor covers yet."""


class _Block(NamedTuple):
    """What shall become of one block."""

    number: int
    events: int
    """As it was when it was looked at."""
    parts: list[StreamPart]
    """What stays."""
    gone: frozenset[str]

    @property
    def stays(self) -> int:
        return sum(len(part.rows) for part in self.parts)


class Retention:
    """Purges one log. One thread; beside a node, in any process."""

    def __init__(self, database: Database, log: EventLog, codec: EventCodec) -> None:
        self._database = database
        self._sql = Statements(database.dialect)
        self._sealed = Sealed(database)
        self._log = log
        self._codec = codec

    def purge(
        self,
        days: int,
        now: datetime,
        actor: str,
        reason: str,
        progress: Progress = lambda _done, _all: None,
    ) -> Purged:
        """Delete what is older than ``days`` before ``now``; killed, the next run goes on.

        Raises:
            StoreUnavailable: try again later.
            StoreError: a block cannot be read.

        """
        if days < DAYS_MIN:
            raise StoreError(f"at least {DAYS_MIN} day must stay")
        limit_ms = round((now - timedelta(days=days)).timestamp() * 1000)
        anchor = last_anchor(self._log, self._codec)
        anchored = 0 if anchor is None else anchor.last
        old = self._database.rows(sql.SEALED_BEFORE, (limit_ms,))
        covered = [(first, last) for first, last in old if last <= anchored]
        events = kept = 0
        for done, (first, last) in enumerate(covered, 1):
            told = LogPurged(
                received_at=now, first=first, last=last, events=0, kept=0, days=days, actor=actor,
                reason=reason,
            )  # fmt: skip
            gone, stays = self._purge(last, told)
            events, kept = events + gone, kept + stays
            progress(done, len(covered))
        return Purged(events, kept, len(old) - len(covered))

    def _purge(self, last: int, told: LogPurged) -> tuple[int, int]:
        """Purge one segment; return how many events went, and how many stayed."""
        held = frozenset(holds(self._log, self._codec))
        blocks = [
            self._planned(number, events, held)
            for number, events in self._database.rows(sql.SEALED_IDS, (last,))
            if events
        ]
        stays = sum(block.stays for block in blocks)
        gone = sum(block.events for block in blocks) - stays
        if gone:
            event = _with(told, gone, stays)
            with self._database.writing() as tx:
                nid, _ = head_of(tx, self._database)
                self._check(tx, last, blocks, held)
                for block in blocks:
                    if block.gone:
                        self._carry_out(tx, block)
                note(tx, nid, self._codec.encode(event))
        return gone, stays

    def _planned(self, number: int, events: int, held: Collection[str]) -> _Block:
        parts = self._sealed.parts_of(number)
        stay = [part for part in parts if _stays(part, held)]
        names = {part.stream for part in parts} - {part.stream for part in stay}
        return _Block(number, events, stay, frozenset(names))

    def _check(
        self, tx: Transaction, last: int, blocks: list[_Block], held: frozenset[str]
    ) -> None:
        """Make sure that nothing has changed since; holds need the head, which we have now."""
        there = {(number, events) for number, events in tx.rows(sql.SEALED_IDS, (last,)) if events}
        if there != {(block.number, block.events) for block in blocks}:
            raise StoreUnavailable("another program purges this log; run it again later")
        if frozenset(holds(self._log, self._codec)) != held:
            raise StoreUnavailable("holds were changed meanwhile; run it again")

    def _carry_out(self, tx: Transaction, block: _Block) -> None:
        rows = tx.rows(self._sql.ends_of_block, (block.number,))
        gone = [(oid, ver, prev) for name, oid, ver, _, _, prev in rows if name in block.gone]
        codec, state = (CODEC, encode_block(block.parts)) if block.parts else (EMPTY, b"")
        tx.execute(sql.SET_SEALED, (codec, block.stays, tx.first(state), block.number))
        tx.save_rest("sealed", block.number, 0, state)
        # Nothing follows any more on the end before a part that goes.
        tx.many(sql.DROP_PURGED, [(oid, prev) for oid, _, prev in gone])
        tx.many(sql.SET_PURGED, [(oid, ver) for oid, ver, _ in gone])


def _stays(part: StreamPart, held: Collection[str]) -> bool:
    if part.stream in held or part.stream.startswith(AUDIT_PREFIX):
        return True
    return any(row.topic.partition("/")[0] not in PURGEABLE for row in part.rows)


def _with(told: LogPurged, events: int, kept: int) -> LogPurged:
    return msgspec.structs.replace(told, events=events, kept=kept)

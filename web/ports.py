"""What the web needs of the node, as ports: the composition root fills them.

The web imports no actor. A node in one process, or later a gateway to several, looks the same here.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Protocol

import msgspec

from hes.clock import Clock
from hes.commands import Commander
from hes.events.base import Recorded
from hes.store.port import StoredRow
from hes.system import SystemFacts
from hes.tree import ActorStatus

Row = msgspec.Struct
"""A row of a read model; its JSON has the shape that ``web.shapes`` shows."""


class ReadModel(Protocol):
    """Rows for screens. Called in worker threads, several at a time.

    Any method may raise one of ``WebOptions.unavailable`` while the database is away.
    """

    def meters(self, *, q: str, area: str, modem: str, after: str, limit: int) -> Row:
        """Return a page of the meter list (``MeterPage``); empty strings filter nothing."""
        ...

    def meter(self, meter_id: str) -> Row | None:
        """Return everything the page of one meter shows (``MeterPageOfOne``)."""
        ...

    def meter_rows(self, meter_ids: Sequence[str]) -> Sequence[Row]:
        """Return the rows (``MeterRow``) of those of the meters that exist."""
        ...

    def readings(
        self,
        meter_id: str,
        *,
        obis: Sequence[str],
        start: datetime | None,
        end: datetime | None,
        limit: int,
    ) -> Sequence[Row]:
        """Return register values (``ReadingRow``) by time; the newest ``limit`` of them.

        ``obis`` in full form; empty means all. Both ends are included.
        """
        ...

    def profile(
        self,
        meter_id: str,
        *,
        start: datetime | None,
        end: datetime | None,
        profile: str | None,
        limit: int,
    ) -> Sequence[Row]:
        """Return intervals (``ProfileRow``) by time; the newest ``limit`` of them."""
        ...

    def energy_days(
        self,
        meter_id: str,
        *,
        obis: Sequence[str],
        first: date | None,
        last: date | None,
        limit: int,
    ) -> Sequence[Row]:
        """Return the energy of local days (``EnergyDayRow``); the newest ``limit`` of them."""
        ...

    def audit(
        self,
        *,
        stream: str,
        actor: str,
        kind: str,
        between: tuple[datetime | None, datetime | None],
        before: int,
        limit: int,
    ) -> Sequence[Any]:
        """Return entries of the audit log (``AuditRow``), the newest first.

        Both ends of ``between`` are included; empty texts, None and 0 filter nothing.
        """
        ...

    def poison(self, projection: str, *, limit: int) -> Sequence[Row]:
        """Return events that a read model put aside (``PoisonRow``), the newest first."""
        ...

    def alarms(self, *, open_only: bool, limit: int) -> Sequence[Row]:
        """Return alarms (``AlarmRow``), the newest first."""
        ...

    def alarm(self, alarm_id: int) -> Row | None:
        """Return one alarm (``AlarmRow``)."""
        ...

    def alarm_rows(self, streams: Sequence[str]) -> Sequence[Row]:
        """Return the latest alarms (``AlarmRow``) of these streams, open or just cleared."""
        ...

    def sessions(self, modem_id: str, *, limit: int) -> Sequence[Row]:
        """Return the sessions of a modem (``SessionRow``), the newest first."""
        ...

    def kept(self, *, after: int, before: int, newest: bool, limit: int) -> Sequence[Any]:
        """Return kept messages (``KeptRow``) between two positions, neither included.

        ``before``: 0 for no end; ``newest``: the newest first.
        """
        ...

    def unknown(self, *, limit: int) -> Sequence[Row]:
        """Return unknown callers (``CallerRow``), the newest first."""
        ...

    def overview(self, now: datetime) -> Row:
        """Return the summary numbers: fields of ``Overview`` that the read model knows."""
        ...


class EventReader(Protocol):
    """The reading side of ``hes.store.port.EventLog``; called in worker threads."""

    def check(self) -> int:
        """Return the position of the last event, if this node may still write.

        Raises:
            StoreError: the log is away, or another node took it over.

        """
        ...

    def head(self) -> int:
        """Return the position of the last event; 0 for an empty log."""
        ...

    def read(self, after: int, limit: int) -> list[StoredRow]:
        """Return at most ``limit`` events with a position above ``after``, in order."""
        ...

    def read_back(self, before: int, limit: int) -> list[StoredRow]:
        """Return at most ``limit`` events with a position below ``before``, the newest first."""
        ...

    def read_stream(self, stream: str, after: int, limit: int) -> list[StoredRow]:
        """Return at most ``limit`` events of a stream with a version above ``after``."""
        ...

    def read_stream_back(self, stream: str, before: int, limit: int) -> list[StoredRow]:
        """Return at most ``limit`` events of a stream below position ``before``, newest first."""
        ...


class Decoder(Protocol):
    """The reading side of ``hes.store.codec.EventCodec``; threads share one."""

    def recorded(self, row: StoredRow) -> Recorded:
        """Return a stored row with its event decoded.

        Raises:
            StoreError: the event is of an unknown kind or damaged.

        """
        ...


class Imported(Protocol):
    """What an import of devices did."""

    @property
    def imported(self) -> int:
        """Meters that are new or changed."""
        ...

    @property
    def unchanged(self) -> int:
        """Meters that were known with the same words."""
        ...


class Node(Protocol):
    """One running head-end, as far as the web may know it."""

    @property
    def version(self) -> str:
        """Version of the program."""
        ...

    @property
    def started_at(self) -> datetime:
        """When the node came up, UTC."""
        ...

    @property
    def clock(self) -> Clock:
        """What time it is."""
        ...

    @property
    def commander(self) -> Commander:
        """Carries commands to meters."""
        ...

    @property
    def read_model(self) -> ReadModel:
        """Rows for screens."""
        ...

    @property
    def event_log(self) -> EventReader:
        """What happened."""
        ...

    @property
    def decoder(self) -> Decoder:
        """Turns stored rows into events."""
        ...

    def tree(self, path: str, depth: int, offset: int, limit: int) -> ActorStatus:
        """Return the actor at ``path`` (empty: the root) and ``depth`` levels below it.

        ``offset`` and ``limit`` page the children of the actor itself. Called in the trio thread.

        Raises:
            LookupError: there is no such actor.

        """
        ...

    def restart(self, path: str, actor: str) -> ActorStatus:
        """Let an actor's incarnation die and start anew; a parked one is tried again.

        Raises:
            LookupError: there is no such actor, or it is the root, which only a person ends.

        """
        ...

    async def import_devices(self, text: str, actor: str, reason: str) -> Imported:
        """Take a device list, all of it or nothing; durable when this returns.

        Raises:
            DeviceListError: some cells are wrong.
            StoreAway: nothing of it was taken.
            DoneLater: it is taken when the store is back.

        """
        ...

    async def import_modems(self, text: str, actor: str, reason: str) -> Imported:
        """Take a modem list, all of it or nothing; durable when this returns.

        Raises:
            DeviceListError: some cells are wrong.
            StoreAway: nothing of it was taken.
            DoneLater: it is taken when the store is back.

        """
        ...

    def devices_csv(self) -> str:
        """Return the device list without secrets. Called in a worker thread."""
        ...

    async def acknowledge(self, alarm_id: int, *, actor: str, note: str) -> datetime:
        """Record that ``actor`` has seen the alarm; return when, once that is durable.

        Raises:
            StoreAway: it is not recorded.
            DoneLater: it is recorded when the store is back.

        """
        ...

    def projection_status(self) -> Sequence[Row]:
        """Return name, position, lag and age of each projection (``ProjectionRow``)."""
        ...

    def system(self) -> SystemFacts:
        """Return how the node is. Called in the trio thread."""
        ...

    async def rebuild(self, name: str, *, verify: bool, actor: str) -> Row:
        """Rebuild a projection from the first event, or only compare; return what came of it.

        Who wanted it is in the log.

        Raises:
            StoreAway: a store did not answer meanwhile, and the rebuild was ended.
            DoneLater: it is done; that it is stands in the log when the store is back.

        """
        ...

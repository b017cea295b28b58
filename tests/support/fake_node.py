"""A node made of plain data, for tests of the web."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import trio

from hes.commands import (
    Answer,
    CheckClock,
    ClockAnswer,
    Command,
    ModemView,
    ProfileAnswer,
    ReadProfile,
    RegisterAnswer,
    UnknownMeter,
)
from hes.devices import parse_csv
from hes.events.layout import Channel, Layout
from hes.events.meter_clock import ClockSet
from hes.events.reading import LoadProfileRead, ProfileRow, Reading, Source
from hes.ids import MeterId, ModemId
from hes.meter_types import read_types
from hes.store.codec import EventCodec, LayoutBook
from hes.store.open import open_log
from hes.store.port import Append
from hes.system import (
    ConnectionFacts,
    ListenerFacts,
    ProcessFacts,
    QueueFacts,
    SealingFacts,
    StoreFacts,
    SystemFacts,
)
from hes.tree import ActorStatus
from web import shapes
from web.api.poison import PoisonRow

NOW = datetime(2026, 11, 24, 5, 0, tzinfo=UTC)
LAYOUT = Layout(
    (
        Channel("1.0.1.8.0.255", scaler=0, unit=30),
        Channel("1.0.32.7.0.255", scaler=-1, unit=35),
        Channel("0.0.96.1.0.255"),
    )
)
READING = Reading(
    received_at=NOW,
    device_time=NOW - timedelta(seconds=7),
    source=Source.DEMAND,
    layout=LAYOUT,
    values=(123456, 2307, b"A17"),
)


class StoreAway(Exception):
    """The read model's database is away."""


class FakeClock:
    """Stands still until a test moves it."""

    def __init__(self) -> None:
        self.at = NOW

    def now(self) -> datetime:
        return self.at


class FakeCommander:
    """Answers commands at once; what it does is set by tests."""

    def __init__(self) -> None:
        self.asked: list[tuple[Command, float]] = []
        self.failure: Exception | None = None
        self.views = [_modem("861"), _modem("860")]

    async def execute(self, command: Command, *, timeout_s: float) -> Answer:
        self.asked.append((command, timeout_s))
        await trio.lowlevel.checkpoint()
        if self.failure is not None:
            raise self.failure
        if command.meter == "nobody":
            raise UnknownMeter(command.meter)
        if isinstance(command, CheckClock):
            changed = ClockSet(
                received_at=NOW,
                before=NOW,
                after=NOW,
                drift_before_s=9.5,
                drift_after_s=0.1,
                method="set",
            )
            return ClockAnswer(
                meter_time=NOW,
                drift_s=9.5,
                uncertainty_s=0.4,
                changed=changed if command.set else None,
            )
        if isinstance(command, ReadProfile):
            return ProfileAnswer(blocks=(load_profile(), load_profile()))
        return RegisterAnswer(reading=READING, refused={"1.0.2.8.0.255": "object-undefined"})

    def modems(self) -> list[ModemView]:
        return self.views


def load_profile() -> LoadProfileRead:
    layout = Layout((Channel("1.0.1.29.0.255", scaler=-3, unit=30),))
    rows = tuple(
        ProfileRow(ends_at=NOW + timedelta(minutes=30 * n), status=8 * n, values=(1500 + n,))
        for n in (2, 1)
    )
    return LoadProfileRead(
        received_at=NOW,
        source=Source.DEMAND,
        profile="1.0.99.1.0.255",
        period_s=1800,
        layout=layout,
        rows=rows,
    )


def _modem(modem_id: str) -> ModemView:
    return ModemView(
        modem_id=ModemId(modem_id),
        state="READY",
        reason="registered",
        peer="10.0.0.7:5000",
        link="raw",
        session=4,
        connected_at=NOW,
        last_heard_at=NOW,
        bytes_in=100,
        bytes_out=50,
        queue=0,
        meters=(MeterId("1"),),
    )


def meter_row(meter_id: str) -> shapes.MeterRow:
    return shapes.MeterRow(
        meter_id=meter_id,
        modem_id="861",
        area="north",
        protocol="dlms",
        framing="hdlc",
        meter_type="",
        address="17",
        link="raw",
        online=True,
        state="online",
        last_reading_at=NOW,
        energy_import=shapes.Energy(obis="1.0.1.8.0.255", value="123456", unit="Wh"),
        drift_s=0.5,
        open_alarms=1,
        has_keys=True,
    )


def alarm_row(number: int, *, cleared: bool = False) -> shapes.AlarmRow:
    return shapes.AlarmRow(
        id=number,
        meter_id="1",
        modem_id=None,
        kind="over-voltage",
        place="L1",
        severity="warning",
        raised_at=NOW,
        device_time=None,
        text="Over-voltage L1: 260 V",
        detail="limit 253 V",
        cleared_at=NOW if cleared else None,
        acknowledged_at=None,
        acknowledged_by=None,
    )


class FakeReadModel:
    """Rows of ten meters; counts what it is asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.away = False
        self.detail = "silent"
        """A text in the page of each meter: tests make it long."""
        self.readings_last_hour = 42

    def _ask(self, method: str, **arguments: Any) -> None:
        self.asked.append((method, arguments))
        if self.away:
            raise StoreAway("disk is full")

    def meters(self, **arguments: Any) -> shapes.MeterPage:
        self._ask("meters", **arguments)
        rows = [meter_row(str(n)) for n in range(1, 11)][: arguments["limit"]]
        return shapes.MeterPage(meters=rows, next=rows[-1].meter_id, total=10)

    def meter(self, meter_id: str) -> shapes.MeterPageOfOne | None:
        self._ask("meter", meter_id=meter_id)
        if meter_id == "nobody":
            return None
        failure = shapes.FailureRow(at=NOW, what="registers", reason="no-answer", detail="silent")
        return shapes.MeterPageOfOne(
            **msgspec.structs.asdict(meter_row(meter_id)),
            latest=[self._reading()],
            alarms=[alarm_row(7)],
            events=[],
            kept=[self._kept()],
            failures=[msgspec.structs.replace(failure, detail=self.detail)],
        )

    def meter_rows(self, meter_ids: Sequence[str]) -> list[shapes.MeterRow]:
        self._ask("meter_rows", meter_ids=list(meter_ids))
        return [meter_row(meter_id) for meter_id in meter_ids]

    @staticmethod
    def _reading() -> shapes.ReadingRow:
        return shapes.ReadingRow(
            obis="1.0.1.8.0.255",
            value="123456",
            unit="Wh",
            time=NOW,
            received_at=NOW,
            source="push",
            quality="good",
        )

    def readings(self, meter_id: str, **arguments: Any) -> list[shapes.ReadingRow]:
        self._ask("readings", meter_id=meter_id, **arguments)
        return [] if meter_id in {"nobody", "silent"} else [self._reading()]

    def energy_days(self, meter_id: str, **arguments: Any) -> list[shapes.EnergyDayRow]:
        self._ask("energy_days", meter_id=meter_id, **arguments)
        if meter_id == "nobody":
            return []
        return [
            shapes.EnergyDayRow(
                day=NOW.date(), obis="1.0.1.29.0.255", profile="1.0.99.1.0.255", energy="12.5",
                unit="kWh", intervals=48, first_at=NOW, last_at=NOW, quality="whole",
            )
        ]  # fmt: skip

    def audit(self, **arguments: Any) -> list[shapes.AuditRow]:
        self._ask("audit", **arguments)
        return [
            shapes.AuditRow(
                position=n, stream="meter:1", received_at=NOW, kind="CommandRequested", actor="an",
                what="read", argument="1.8.0", why="", result=None, detail="",
            )
            for n in (9, 7)
        ]  # fmt: skip

    def poison(self, projection: str, **arguments: Any) -> list[PoisonRow]:
        self._ask("poison", projection=projection, **arguments)
        return [PoisonRow(projection=projection, position=5, topic="Reading/1", reason="no unit")]

    def profile(self, meter_id: str, **arguments: Any) -> list[shapes.ProfileRow]:
        self._ask("profile", meter_id=meter_id, **arguments)
        if meter_id == "nobody":
            return []
        cell = shapes.ProfileCell(value="1.5", unit="Wh")
        return [
            shapes.ProfileRow(time=NOW, values={"1.0.1.29.0.255": cell}, status=0, quality="good")
        ]

    def alarms(self, **arguments: Any) -> list[shapes.AlarmRow]:
        self._ask("alarms", **arguments)
        return [alarm_row(7), *([] if arguments["open_only"] else [alarm_row(6, cleared=True)])]

    def alarm(self, alarm_id: int) -> shapes.AlarmRow | None:
        self._ask("alarm", alarm_id=alarm_id)
        return alarm_row(alarm_id) if alarm_id == 7 else None

    def alarm_rows(self, streams: Sequence[str]) -> list[shapes.AlarmRow]:
        self._ask("alarm_rows", streams=list(streams))
        return [alarm_row(8)]

    def sessions(self, modem_id: str, **arguments: Any) -> list[shapes.SessionRow]:
        self._ask("sessions", modem_id=modem_id, **arguments)
        return [
            shapes.SessionRow(
                session=4,
                peer="10.0.0.7:5000",
                link="raw",
                claim="registration",
                connected_at=NOW,
                ended_at=None,
                reason=None,
                lasted_s=None,
                bytes_in=None,
                bytes_out=None,
            )
        ]

    @staticmethod
    def _kept() -> shapes.KeptRow:
        return shapes.KeptRow(
            position=3,
            stream="meter:1",
            received_at=NOW,
            reason="no-key",
            detail="no key",
            hex="0fc0",
            system_title=None,
        )

    def kept(self, **arguments: Any) -> list[shapes.KeptRow]:
        self._ask("kept", **arguments)
        return [self._kept()]

    def unknown(self, **arguments: Any) -> list[shapes.CallerRow]:
        self._ask("unknown", **arguments)
        return [
            shapes.CallerRow(
                at=NOW, peer="1.2.3.4:5", listener="pipe", reason="silent", first_bytes_hex="00"
            )
        ]

    def overview(self, now: datetime) -> "Counted":
        self._ask("overview", now=now)
        return Counted(readings_last_hour=self.readings_last_hour)


class Counted(msgspec.Struct):
    """What the read model counts for the overview."""

    readings_last_hour: int
    meters: int = 10
    meters_online: int = 8
    modems_online: int = 2
    modems_total: int = 2
    success_24h: float | None = None
    open_alarms: int = 1


class Done(msgspec.Struct):
    """What came of an import."""

    imported: int
    unchanged: int


class Rebuilt(msgspec.Struct):
    """What came of a rebuild."""

    name: str
    action: str
    ok: bool = True


class FakeNode:
    """A node; its event log is a real one in memory of the file system."""

    def __init__(self, log_url: str) -> None:
        self.version = "1.2.3"
        self.started_at = NOW - timedelta(hours=1)
        self.clock = FakeClock()
        self.commander = FakeCommander()
        self.read_model = FakeReadModel()
        self.event_log = open_log(log_url)
        self.event_log.fence()
        self.decoder = EventCodec(LayoutBook())
        self.acknowledged: list[tuple[int, str, str]] = []
        self.imported: list[tuple[str, str]] = []
        self.actors = {
            status.path: status
            for status in (
                ActorStatus(path="/main", kind="Node", state="running", children_total=1),
                ActorStatus(path="/main/hub", kind="Hub", state="running"),
            )
        }

    def append(self, stream: str, *events: Any) -> None:
        rows = [self.decoder.encode(event) for event in events]
        layouts = self.decoder.layouts.take_unsaved()
        self.event_log.append([Append(stream, None, rows)], layouts)

    def tree(self, path: str, depth: int, offset: int, limit: int) -> ActorStatus:
        status = self.actors[path or "/main"]
        children = [
            child for name, child in self.actors.items() if name.startswith(status.path + "/")
        ]
        shown = children[offset : offset + limit] if depth else []
        return msgspec.structs.replace(status, children=shown)

    async def import_devices(self, text: str, actor: str, reason: str) -> Done:
        self.imported.append((actor, reason))
        await trio.lowlevel.checkpoint()
        types = read_types(None).protocols
        return Done(imported=len(parse_csv(text, types)), unchanged=0)

    def devices_csv(self) -> str:
        return "meter_id,modem_id,password\n1,861,\n"

    async def acknowledge(self, alarm_id: int, *, actor: str, note: str) -> datetime:
        await trio.lowlevel.checkpoint()
        self.acknowledged.append((alarm_id, actor, note))
        return NOW

    def system(self) -> SystemFacts:
        return SystemFacts(
            node="main", version=self.version, started_at=self.started_at,
            store=StoreFacts(kind="sqlite", problem=None),
            read_model=StoreFacts(kind="oracle", problem="standby is away"), reports=None,
            queue=QueueFacts(waiting=3, waiting_max=20_000, committing=1),
            listeners=(ListenerFacts(name="pipe", link="raw", bind="[::1]:4059", unnamed=2),),
            connections=ConnectionFacts(open=7, accepted=9, refused=0, faults=1),
            process=ProcessFacts(resident_bytes=1024, files_open=20, files_max=None, cpu_s=1.5),
            meter_types=12,
            sealing=SealingFacts(
                after_days=7, position=5, looked_at=self.started_at, sealed_at=self.started_at,
                events=4, octets=90, lasted_s=1.5, events_total=5, octets_total=99,
            ),
        )  # fmt: skip

    def projection_status(self) -> list[shapes.ProjectionRow]:
        return [shapes.ProjectionRow(name="latest", position=9, lag=0, age_s=0.0)]

    async def rebuild(self, name: str, *, verify: bool, actor: str) -> Rebuilt:
        await trio.lowlevel.checkpoint()
        return Rebuilt(name=name, action="compared" if verify else "replaced")

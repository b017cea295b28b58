"""A node made of plain data, served on a loopback port, with clients for it."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest
import trio
from trio_websocket import WebSocketConnection, open_websocket_url

from hes.commands import (
    Answer,
    CheckClock,
    ClockAnswer,
    Command,
    CommandFailed,
    ModemView,
    ProfileAnswer,
    ReadProfile,
    RegisterAnswer,
    UnknownMeter,
)
from hes.devices import parse_csv
from hes.events.layout import Channel, Layout
from hes.events.meter_clock import ClockSet
from hes.events.reading import FailureReason, LoadProfileRead, ProfileRow, Reading, Source
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
    StoreFacts,
    SystemFacts,
)
from hes.tree import ActorStatus
from web import shapes
from web.api.poison import PoisonRow
from web.auth import Tokens
from web.options import WebOptions
from web.server import WebServer, bind
from web.static import Pages

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

    async def import_devices(self, text: str, actor: str) -> Done:
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
        )  # fmt: skip

    def projection_status(self) -> list[shapes.ProjectionRow]:
        return [shapes.ProjectionRow(name="latest", position=9, lag=0, age_s=0.0)]

    async def rebuild(self, name: str, *, verify: bool, actor: str) -> Rebuilt:
        await trio.lowlevel.checkpoint()
        return Rebuilt(name=name, action="compared" if verify else "replaced")


class Site:
    """A served node: its address, and ways to talk to it."""

    def __init__(self, server: WebServer, node: FakeNode, port: int) -> None:
        self.server = server
        self.node = node
        self.port = port
        self.host = f"127.0.0.1:{port}"
        self.stopped = trio.Event()
        self.scope = trio.CancelScope()

    def http(self, **more: Any) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=f"http://{self.host}", timeout=20, **more)

    @asynccontextmanager
    async def live(self, *topics: str, **more: Any) -> AsyncIterator["Listener"]:
        async with open_websocket_url(f"ws://{self.host}/live", **more) as socket:
            listener = Listener(socket)
            try:
                if topics:
                    await listener.say({"subscribe": list(topics)})
                yield listener
            finally:
                # When the server hung up, the library leaves its socket open.
                if socket.closed:
                    await trio.aclose_forcefully(socket._stream)

    async def handshake(self, *headers: str) -> int:
        """Return the status that a websocket handshake with these headers gets."""
        lines = [
            "GET /live HTTP/1.1",
            *(
                headers
                if any(each.startswith("Host:") for each in headers)
                else [f"Host: {self.host}", *headers]
            ),
            "Connection: Upgrade",
            "Upgrade: websocket",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        ]
        async with await self.raw() as stream:
            await stream.send_all("\r\n".join([*lines, "", ""]).encode())
            with trio.fail_after(5):
                answer = bytes(await stream.receive_some())
        return int(answer.split(b" ")[1])

    async def raw(self) -> trio.SocketStream:
        return await trio.open_tcp_stream("127.0.0.1", self.port)


class Listener:
    """A live client that speaks JSON."""

    def __init__(self, socket: WebSocketConnection) -> None:
        self.socket = socket

    async def say(self, message: Any) -> None:
        await self.socket.send_message(
            message if isinstance(message, str) else msgspec.json.encode(message).decode()
        )

    async def hear(self, within_s: float = 5.0) -> dict[str, Any]:
        with trio.fail_after(within_s):
            told: dict[str, Any] = msgspec.json.decode(await self.socket.get_message())
        return told

    async def hear_delta(self, topic: str) -> dict[str, Any]:
        while True:
            told = await self.hear()
            if told.get("topic") == topic and "delta" in told:
                return told


Serve = Callable[..., Any]


@pytest.fixture
def node(tmp_path: Any) -> Any:
    made = FakeNode(f"sqlite:///{tmp_path}/log.db")
    yield made
    made.event_log.close()


@pytest.fixture
def serve(node: FakeNode, tmp_path: Any) -> Serve:
    """Return a context manager that serves the node."""

    @asynccontextmanager
    async def served(
        options: WebOptions | None = None,
        tokens: Tokens | None = None,
        pages: Pages | None = None,
    ) -> AsyncIterator[Site]:
        options = options or WebOptions(tick_s=0.02, unavailable=(StoreAway,))
        server = WebServer(node, options, tokens, pages or Pages(tmp_path / "no-bundle"))
        listeners = await bind("127.0.0.1", 0)
        site = Site(server, node, listeners[0].socket.getsockname()[1])

        async def run(task_status: Any) -> None:
            with site.scope:
                await server.serve(listeners, task_status=task_status)
            site.stopped.set()

        async with trio.open_nursery() as nursery:
            await nursery.start(run)
            yield site
            site.scope.cancel()

    return served


@pytest.fixture
async def site(serve: Serve) -> AsyncIterator[Site]:
    async with serve() as served:
        yield served


@pytest.fixture
async def http(site: Site) -> AsyncIterator[httpx.AsyncClient]:
    async with site.http() as client:
        yield client


@pytest.fixture
def until() -> Callable[..., Any]:
    """Return a function that waits until a condition holds."""

    async def wait(condition: Callable[[], Any], within_s: float = 5.0) -> None:
        with trio.fail_after(within_s):
            while not condition():  # noqa: ASYNC110 -- what it waits for has no events
                await trio.sleep(0.005)

    return wait


@pytest.fixture
def failed() -> Callable[[str], CommandFailed]:
    return lambda reason: CommandFailed(FailureReason(reason), f"because of {reason}")


@pytest.fixture
def reading() -> Reading:
    return READING


@pytest.fixture
def profile() -> LoadProfileRead:
    return load_profile()

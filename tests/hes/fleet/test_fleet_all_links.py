"""Modems of every kind, as a head-end that finds out their link sees them."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair

from hes.clock import TrioClock
from hes.devices import parse_csv
from hes.fleet.links.registry import SIDES, chosen
from hes.fleet.modem import FleetWorld
from hes.fleet.options import FleetError, FleetOptions
from hes.fleet.plan import devices_csv, modems_csv, plan_fleet
from hes.fleet.planned import ModemPlan
from hes.fleet.run import start_modem
from hes.fleet.statistics import FleetStatistics
from hes.fleet.weather import CALM, FaultProfile, Weather
from hes.modems import parse_modems
from protocols.dlt645.frame import FrameReader, encode_frame
from protocols.errors import RemoteProtocolError
from protocols.links.base import Identified, Link, LinkKind, LinkSettings, MeterBytes, Notice, Reply
from protocols.links.notices import AlarmTold, RecordTold
from protocols.links.registry import detect
from protocols.links.world import LinkWorld

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
READ_2007, READ_1997 = (0x11, bytes.fromhex("00000100")), (0x01, bytes.fromhex("1090"))
ASKED = [name for name, kind in SIDES.items() if kind.asked]
NAMED = [name for name, kind in SIDES.items() if kind.named]


class Call:
    """One connection, and what its link made of the bytes."""

    def __init__(self, stream: trio.abc.Stream, settings: LinkSettings) -> None:
        self.stream = stream
        self.began = trio.current_time()
        self.reads: list[bytes] = []
        self.names: list[str] = []
        self.from_line = b""
        self.notices: list[Notice] = []
        self.kind = ""
        self.ended = False
        self._settings = settings
        self._first = b""
        self._link: Link | None = None

    async def listen(self) -> None:
        try:
            async for data in self.stream:
                self.reads.append(bytes(data))
                await self.take(bytes(data))
        except (RemoteProtocolError, trio.BrokenResourceError, trio.ClosedResourceError):
            pass
        self.ended = True
        await trio.aclose_forcefully(self.stream)

    async def take(self, data: bytes) -> None:
        if self._link is None:
            self._first += data
            kind = detect(self._first, self._settings)
            if not isinstance(kind, LinkKind):
                return
            self.kind = kind.name
            self._link, data = kind.make(self._settings), self._first
        for event in self._link.receive(data):
            match event:
                case Identified(modem_id=name):
                    self.names.append(name)
                case MeterBytes(data=raw):
                    self.from_line += raw
                case Reply(data=raw):
                    await self.stream.send_all(raw)
                case Notice():
                    self.notices.append(event)

    async def ask(self, request: bytes) -> bytes:
        """Ask the serial line; return what came within ten seconds."""
        assert self._link is not None, "it said nothing yet"
        before = len(self.from_line)
        await self.stream.send_all(self._link.wrap(request))
        await trio.sleep(10)
        return self.from_line[before:]


class World:
    """One modem and the head-end that it calls."""

    def __init__(
        self, nursery: trio.Nursery, kind: str, profile: FaultProfile = CALM, **of: Any
    ) -> None:
        wanted: dict[str, Any] = {"meters": 1, "multidrop_share": 0, "push_share": 0, "seed": 3}
        options = FleetOptions(links=(kind,), **(wanted | of))
        self.plan: ModemPlan = plan_fleet(options)[0]
        self.calls: list[Call] = []
        self.statistics = FleetStatistics()
        self.weather = Weather(profile, options.seed)
        self._nursery = nursery
        now = TrioClock(START).now
        self.settings = LinkSettings(
            registration=r"MODEM:(?P<modem_id>\w+)\r\n",
            world=LinkWorld(
                now=now, random_bytes=lambda size: b"h" * size,
                secret_of=lambda _name: self.plan.secret, stored_up_to=lambda _name: 0,
            ),
        )  # fmt: skip
        world = FleetWorld(
            options=options, weather=self.weather, statistics=self.statistics,
            connect=self.dial, now=now,
        )  # fmt: skip
        self.modem = start_modem(nursery, self.plan, world)

    async def dial(self) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        theirs, ours = memory_stream_pair()
        self.calls.append(Call(ours, self.settings))
        self._nursery.start_soon(self.calls[-1].listen)
        return theirs

    async def read(self, call: Call | None = None) -> bytes:
        """Ask the DL/T 645 meter for its total."""
        return await (call or self.calls[-1]).ask(question(self.plan))


def question(plan: ModemPlan) -> bytes:
    control, name = READ_1997 if plan.protocol.endswith("1997") else READ_2007
    anybody = "9" * 12 if plan.protocol.endswith("1997") else "A" * 12
    return encode_frame(plan.meters[0].address or anybody, control, name)


def answers(data: bytes) -> int:
    return sum(frame.from_meter for frame in FrameReader().feed(data))


@pytest.fixture
def world(nursery: trio.Nursery) -> Callable[..., World]:
    return lambda kind, profile=CALM, **of: World(
        nursery, kind, profile, **({"dlt645_share": 1.0} | of)
    )


Make = Callable[..., World]


@pytest.mark.parametrize("kind", NAMED)
async def test_it_is_found_out_and_says_its_name(
    world: Make, autojump_clock: MockClock, kind: str
) -> None:
    w = world(kind)
    await trio.sleep(5)
    (call,) = w.calls
    assert (call.kind, call.names) == (SIDES[kind].link, [w.plan.modem_id])


@pytest.mark.parametrize("kind", ASKED)
async def test_its_meter_answers_and_heartbeats_do_not_disturb(
    world: Make, autojump_clock: MockClock, kind: str
) -> None:
    w = world(kind, heartbeat_s=30.0)
    await trio.sleep(5)
    for _ in range(3):
        assert answers(await w.read()) == 1
        await trio.sleep(100)
    assert len(w.calls) == 1
    assert w.calls[0].names == [w.plan.modem_id]


@pytest.mark.parametrize("kind", ASKED)
async def test_everything_in_chunks_of_three_bytes_with_echo(
    world: Make, autojump_clock: MockClock, kind: str
) -> None:
    w = world(kind, FaultProfile(chunks=1, echo=1))
    await trio.sleep(5)
    told = await w.read()
    # A terminal forwards once: the echo is a part of the answer.
    assert told.startswith(question(w.plan))
    assert answers(told) == 1


@pytest.mark.parametrize("kind", ["dlms-push", "dsmr4", "smr5", "mode-d"])
async def test_a_meter_that_only_speaks_calls_to_do_so(
    world: Make, autojump_clock: MockClock, kind: str
) -> None:
    w = world(kind, push_every_s=60.0, confirm=False)
    await trio.sleep(125)
    (call,) = w.calls
    assert call.kind == SIDES[kind].link
    assert w.statistics.pushes_sent == 3
    if kind == "dsmr4":
        assert {n.source for n in call.notices if isinstance(n, AlarmTold)} == {w.plan.modem_id}
    else:
        identity = w.plan.meters[0].identity
        assert (identity.title or identity.serial.encode()) in call.from_line


@pytest.mark.parametrize("share", ["iec_share", "dlt645_share", "push_share"])
async def test_what_a_storing_modem_has_of_its_meters_is_told_as_records(
    world: Make, autojump_clock: MockClock, share: str
) -> None:
    shares = {"push_share": 1.0, "dlt645_share": 0.0, share: 1.0}
    w = world("hml1", push_every_s=60.0, **shares)
    await trio.sleep(125)
    records = [notice for notice in w.calls[0].notices if isinstance(notice, RecordTold)]
    serial = w.plan.meters[0].identity.serial
    assert {record.meter for record in records} == {serial}
    assert {record.number for record in records} >= {1, 2}
    assert all(record.data for record in records)
    begins = {"iec_share": "iec62056-21", "dlt645_share": "dlt645-", "push_share": "dlms-"}
    assert all(record.protocol.startswith(begins[share]) for record in records)


async def test_the_last_gasp_of_a_storing_modem_is_an_alarm(
    world: Make, autojump_clock: MockClock
) -> None:
    w = world("hml1", FaultProfile(outage_every_s=100.0, outage_s=20.0))
    await trio.sleep(1000)
    alarms = [n for call in w.calls for n in call.notices if isinstance(n, AlarmTold)]
    assert alarms
    assert {(alarm.source, alarm.code) for alarm in alarms} == {
        (w.plan.meters[0].identity.serial, "supply-lost")
    }


# -- how a registration comes


async def test_a_split_registration_comes_in_pieces(world: Make, autojump_clock: MockClock) -> None:
    w = world("raw-split")
    await trio.sleep(5)
    assert len(w.calls[0].reads) == 2
    assert b"".join(w.calls[0].reads) == f"MODEM:{w.plan.modem_id}\r\n".encode()


async def test_a_glued_registration_comes_in_one_packet_with_data(
    world: Make, autojump_clock: MockClock
) -> None:
    w = world("raw-glued", dlt645_share=0, push_share=1.0, confirm=False)
    await trio.sleep(1)
    (first,) = w.calls[0].reads
    text = f"MODEM:{w.plan.modem_id}\r\n".encode()
    assert first.startswith(text)
    assert len(first) > len(text) + 50


async def test_a_registration_in_front_of_every_packet(
    world: Make, autojump_clock: MockClock
) -> None:
    for kind, count in (("raw-data", 2), ("raw-both", 2)):
        w = world(kind, heartbeat_s=3600.0)
        await trio.sleep(5)
        assert answers(await w.read()) == 1
        assert b"".join(w.calls[0].reads).count(f"MODEM:{w.plan.modem_id}\r\n".encode()) == count


# -- faults of connections


async def test_a_moved_modem_answers_on_the_old_connection(
    world: Make, autojump_clock: MockClock
) -> None:
    w = world("prot", FaultProfile(rebind=1))
    await trio.sleep(5)
    old = w.calls[0]
    assert answers(await w.read(old)) == 1
    assert len(w.calls) == 2
    assert w.calls[1].began == 5
    assert w.calls[1].names == [w.plan.modem_id]
    assert old.ended
    assert w.statistics.faults == {"rebind": 1}


async def test_a_late_answer_comes_when_nobody_waits(
    world: Make, autojump_clock: MockClock
) -> None:
    w = world("raw", FaultProfile(late=1), seed=5)
    await trio.sleep(5)
    await w.calls[0].ask(question(w.plan))
    await trio.sleep(30)
    assert answers(w.calls[0].from_line) == 1
    assert w.statistics.faults == {"late": 1}


async def test_after_silence_the_network_has_forgotten_the_connection(
    world: Make, autojump_clock: MockClock
) -> None:
    w = world("forcecontrol", FaultProfile(nat_idle_s=300.0))
    await trio.sleep(200)
    assert answers(await w.read()) == 1
    await trio.sleep(400)
    assert await w.read() == b""
    await trio.sleep(60)
    assert len(w.calls) == 2
    assert answers(await w.read()) == 1
    assert w.statistics.faults == {"nat_idle": 1}


@pytest.mark.parametrize("kind", ["raw", "prot", "gdw376", "dlt698"])
async def test_a_wrong_name_is_nobodys_and_the_right_one_follows(
    world: Make, autojump_clock: MockClock, kind: str
) -> None:
    w = world(kind, FaultProfile(wrong_id=1))
    await trio.sleep(50)
    (wrong,) = w.calls[0].names
    assert wrong != w.plan.modem_id
    assert len(wrong) == len(w.plan.modem_id)
    w.weather.profile = CALM
    await trio.sleep(30)
    assert w.calls[1].names == [w.plan.modem_id]


async def test_a_clone_calls_now_and_then_and_has_no_meters(
    world: Make, autojump_clock: MockClock
) -> None:
    w = world("raw", FaultProfile(clone=1, clone_every_s=600.0))
    await trio.sleep(6000)
    clones = w.calls[1:]
    assert 5 <= len(clones) <= 15
    assert {name for call in clones for name in call.names} == {w.plan.modem_id}
    assert all(call.ended for call in clones[:-1])
    assert not w.calls[0].ended
    w.weather.profile = CALM
    await trio.sleep(2000)
    count = len(w.calls)
    await trio.sleep(6000)
    assert len(w.calls) == count


async def test_a_storm_ends_connections_and_they_come_back_at_once(
    world: Make, autojump_clock: MockClock
) -> None:
    profile = FaultProfile(storm_every_s=1000.0, storm_s=4.0)
    w, other = world("raw", profile), world("prot", profile)
    await trio.sleep(10_000)
    for one in (w, other):
        assert len(one.calls) > 5
        assert one.statistics.faults["storm"] == len(one.calls) - 1
    times = [[call.began for call in one.calls] for one in (w, other)]
    assert all(abs(a - b) <= 4.0 for a, b in zip(*times, strict=True))


async def test_clocks_jump_but_not_too_far(world: Make, autojump_clock: MockClock) -> None:
    w = world("raw", FaultProfile(clock_jump_every_s=600.0, clock_jump_s=30.0))
    await trio.sleep(6000)
    jumps = w.statistics.faults["clock_jump"]
    ((meter, _),) = w.modem._line.meters
    assert meter.clock is not None
    assert 0 < abs(meter.clock.drift_s) <= 30 * jumps


# -- the plan


def test_all_kinds_are_in_a_fleet_of_all_and_what_they_are_is_in_the_list() -> None:
    options = FleetOptions(meters=200, links=("all",), iec_share=0.3, dlt645_share=0.3)
    plan = plan_fleet(options)
    assert {modem.kind for modem in plan} == set(SIDES)
    asked = {m.protocol for m in plan if SIDES[m.kind].asked}
    assert asked == {"dlms", "iec62056-21", "dlt645-2007", "dlt645-1997"}
    devices = {device.meter_id: device for device in parse_csv(devices_csv(plan))}
    assert len(devices) == sum(len(modem.meters) for modem in plan) == 200
    for modem in plan:
        for meter in modem.meters:
            device = devices[meter.identity.serial]
            assert (device.modem_id, device.link) == (modem.modem_id, SIDES[modem.kind].link)
    assert len({modem.modem_id for modem in plan}) == len(plan)


def test_who_can_be_asked_nothing_has_meters_that_push() -> None:
    plan = plan_fleet(FleetOptions(meters=100, links=("all",), iec_share=0.5, dlt645_share=0.5))
    for modem in plan:
        if not SIDES[modem.kind].asked:
            protocol = "iec62056-21" if modem.kind == "mode-d" else "dlms"
            assert (modem.protocol, modem.pushes) == (protocol, True)
        elif not SIDES[modem.kind].speaks:
            assert not modem.pushes
    assert {len(m.meters) for m in plan if m.kind in {"dsmr4", "smr5", "mode-d"}} == {1}


def test_keys_of_modems_are_in_the_modem_list() -> None:
    plan = plan_fleet(FleetOptions(meters=60, links=("hml1", "raw")))
    modems = {modem.modem_id: modem.secret for modem in parse_modems(modems_csv(plan))}
    assert modems == {modem.modem_id: modem.secret for modem in plan if modem.kind == "hml1"}
    assert len(set(modems.values())) == len(modems) > 5
    assert plan == plan_fleet(FleetOptions(meters=60, links=("hml1,raw",)))


def test_the_links_do_not_change_the_meters() -> None:
    one, other = (plan_fleet(FleetOptions(meters=50, links=(kind,))) for kind in ("raw", "prot"))
    assert [modem.meters for modem in one] == [modem.meters for modem in other]


def test_a_wrong_link_is_told_in_a_sentence() -> None:
    with pytest.raises(FleetError, match="--links: there is no link 'radio'; known are all, "):
        plan_fleet(FleetOptions(links=("raw,radio",)))
    assert chosen(()) == ["raw"]

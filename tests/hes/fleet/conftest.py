"""A tiny head-end in memory: it hears what modems send, and confirms pushes when told to."""

import socket
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair

from hes.clock import TrioClock
from hes.fleet.modem import FleetWorld, SimulatedModem
from hes.fleet.options import FleetOptions
from hes.fleet.plan import ModemPlan, plan_fleet
from hes.fleet.run import run_fleet
from hes.fleet.statistics import FleetStatistics
from hes.fleet.weather import FaultProfile, Weather, profile_of
from protocols.dlms.apdu_push import CONFIRMED, DataNotificationConfirm, encode_confirm
from protocols.dlms.push_reader import PushFrame, PushReader
from protocols.errors import RemoteProtocolError
from protocols.links.base import LinkSettings, MeterBytes
from protocols.links.raw import RawLink

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SETTINGS = LinkSettings(registration=r"MODEM:(?P<modem_id>\w+)\r\n")


class Session:
    """One connection that a modem made."""

    def __init__(self, stream: trio.abc.Stream, began: float) -> None:
        self.stream = stream
        self.began = began
        self.heard: list[tuple[float, bytes]] = []
        self.pushes: list[PushFrame] = []
        self.ended: float | None = None

    @property
    def bytes_in(self) -> bytes:
        return b"".join(data for _, data in self.heard)


class HeadEnd:
    start = START

    def __init__(self, nursery: trio.Nursery, *, confirm: bool = True) -> None:
        self.sessions: list[Session] = []
        self.attempts: list[float] = []
        self.away = False
        self.confirm = confirm
        self._nursery = nursery

    async def dial(self) -> trio.abc.Stream:
        await trio.lowlevel.checkpoint()
        self.attempts.append(trio.current_time())
        if self.away:
            raise ConnectionRefusedError
        theirs, ours = memory_stream_pair()
        session = Session(ours, trio.current_time())
        self.sessions.append(session)
        self._nursery.start_soon(self._listen, session)
        return theirs

    async def _listen(self, session: Session) -> None:
        answers: list[bytes] = []

        def take(push: PushFrame) -> None:
            session.pushes.append(push)
            invoke = int.from_bytes(push.apdu[1:5])
            if push.apdu[0] == 0x0F and invoke & CONFIRMED and self.confirm:
                answers.append(push.reply(encode_confirm(DataNotificationConfirm(invoke, None))))

        link, reader = RawLink(SETTINGS), PushReader(take, lambda *_: None)
        try:
            async for data in session.stream:
                session.heard.append((trio.current_time(), bytes(data)))
                for event in link.receive(bytes(data)):
                    if isinstance(event, MeterBytes):
                        reader.feed(event.data)
                for answer in answers:
                    await session.stream.send_all(answer)
                answers.clear()
        except (RemoteProtocolError, trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # hang up, as a head-end does
        session.ended = trio.current_time()
        await trio.aclose_forcefully(session.stream)


class Bench:
    """One modem and the head-end that it calls."""

    def __init__(
        self,
        nursery: trio.Nursery,
        options: FleetOptions,
        *,
        confirm: bool = True,
        profile: FaultProfile | None = None,
    ) -> None:
        self.head_end = HeadEnd(nursery, confirm=confirm)
        self.statistics = FleetStatistics()
        self.plan: ModemPlan = plan_fleet(options)[0]
        world = FleetWorld(
            options=options,
            weather=Weather(profile or profile_of(options), options.seed),
            statistics=self.statistics,
            connect=self.head_end.dial,
            now=TrioClock(START).now,
        )
        self.modem = SimulatedModem(self.plan, world)
        nursery.start_soon(self.modem.run)

    @property
    def registration(self) -> bytes:
        return f"MODEM:{self.plan.modem_id}\r\n".encode()

    @property
    def sessions(self) -> list[Session]:
        return self.head_end.sessions


@pytest.fixture
def bench(nursery: trio.Nursery) -> Callable[..., Bench]:
    """Make a modem with its head-end: ``bench(options, confirm=True, profile=None)``."""
    return partial(Bench, nursery)


@pytest.fixture
def unused_tcp_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def lonely_hour() -> Callable[[int], list[list[tuple[float, bytes]]]]:
    """Run one modem for an hour on a bad network; return what the head-end heard, and when."""

    async def hour(seed: int) -> list[list[tuple[float, bytes]]]:
        options = FleetOptions(meters=1, seed=seed, seconds=3600, faults="cruel", push_share=1)
        async with trio.open_nursery() as nursery:
            head_end = HeadEnd(nursery)
            clock = TrioClock(START)
            await run_fleet(options, report=lambda _: None, clock=clock, dial=head_end.dial)
            nursery.cancel_scope.cancel()
        return [session.heard for session in head_end.sessions]

    return lambda seed: trio.run(hour, seed, clock=MockClock(autojump_threshold=0))


@pytest.fixture
def head_end(nursery: trio.Nursery) -> HeadEnd:
    return HeadEnd(nursery)

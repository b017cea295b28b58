"""The modem's actor: who has its identity, whom it lets to its meters, and what it writes down."""

from collections.abc import Generator
from typing import Any

import pytest
import trio
from actor_bench import RAW, Bench, device, settled
from memory_wire import Call
from trio.testing import MockClock

from actors.bus import QUEUE_MAX, Priority, Transaction
from actors.errors import BusFull, ConnectionLost, NoModem
from actors.modem import FLAP_PERIOD_S, FLAPS_MAX
from actors.modem_messages import DevicesChanged, Submit
from hes.events.modem import (
    ModemConnected,
    ModemDisconnected,
    ModemQuarantined,
    ModemSuperseded,
    ModemTrusted,
)
from hes.events.reading import PushKept, Reading
from hes.ids import ModemId
from protocols.dialogue import Exchange
from protocols.dlms import axdr_encode as ax
from protocols.dlms.apdu_push import encode_data_notification
from protocols.dlms.cosem import obis_bytes
from protocols.dlms.wrapper import encode_wpdu
from protocols.links.base import LinkSettings

KNOWN = device()


def push(number: int, *, wport: int = 1, name: bytes = b"") -> bytes:
    """A push of one register over the wrapper."""
    values = [ax.structure(ax.octets(obis_bytes("1.0.1.8.0.255")), ax.u32(number))]
    if name:
        values.append(ax.structure(ax.octets(obis_bytes("0.0.96.1.0.255")), ax.octets(name)))
    return encode_wpdu(wport, 1, encode_data_notification(number, None, ax.array(*values)))


class Asked:
    """A transaction on the line of a modem: asks "?", and waits for two bytes."""

    def __init__(self, bench: Bench, modem: str = "M1", *, within_s: float = 60.0) -> None:
        self.ends: list[tuple[Any, Exception | None]] = []
        self.began = False
        transaction = Transaction(
            "asked",
            Priority.DEMAND,
            self._talk,
            deadline=trio.current_time() + within_s,
            done=lambda *end: self.ends.append(end),
        )
        bench.context.modem(ModemId(modem)).tell(Submit(transaction))

    def _talk(self) -> Generator[Exchange, bytes | None, bytes]:
        self.began = True
        got = b""
        send = b"?"
        while len(got) < 2:
            got += (yield Exchange(send, 30.0)) or b""
            send = b""
        return got

    @property
    def failure(self) -> Exception | None:
        assert len(self.ends) == 1
        return self.ends[0][1]


def view(bench: Bench, modem: str = "M1") -> tuple[str, str]:
    shown = bench.modem(modem).view()
    return shown.state, shown.reason


# -- connections


async def test_a_call_and_its_end_are_each_written_down_once(autojump_clock: MockClock) -> None:
    async with Bench([KNOWN]).run() as bench:
        call = await bench.call_in(peer="10.1.1.1:5")
        assert view(bench) == ("READY", "connected from 10.1.1.1:5")
        await trio.sleep(12.5)
        call.hang_up()
        await settled()
        assert view(bench) == ("OFFLINE", "the peer closed the connection")
        (connected,) = bench.of_modem(ModemConnected)
        assert (connected.session, connected.peer, connected.link, connected.claim) == (
            1, "10.1.1.1:5", "raw", "registration",
        )  # fmt: skip
        (ended,) = bench.of_modem(ModemDisconnected)
        assert (ended.session, ended.lasted_s, ended.bytes_in) == (1, 12.5, len(b"MODEM:M1\r\n"))
        assert bench.attached == ["M1"]
        assert bench.of_modem(ModemQuarantined) == bench.of_modem(ModemSuperseded) == []


async def test_a_call_that_ended_before_anybody_looked_still_counts(
    autojump_clock: MockClock,
) -> None:
    async with Bench([KNOWN]).run() as bench:
        bench.dial(b"MODEM:M1\r\n" + push(1), b"")
        await settled()
        assert len(bench.of_modem(ModemConnected)) == len(bench.of_modem(ModemDisconnected)) == 1
        assert len(bench.of_meter(Reading)) == 1
        assert view(bench)[0] == "OFFLINE"


async def test_the_newest_connection_has_the_identity(autojump_clock: MockClock) -> None:
    async with Bench([KNOWN]).run() as bench:
        old = await bench.call_in(peer="10.0.0.1:1")
        new = await bench.call_in(peer="10.0.0.2:2")
        assert (old.closed, new.closed) == (True, False)
        assert bench.modem().view().session == 2
        (superseded,) = bench.of_modem(ModemSuperseded)
        assert (superseded.old_session, superseded.new_session) == (1, 2)
        assert (superseded.old_peer, superseded.new_peer) == ("10.0.0.1:1", "10.0.0.2:2")
        (ended,) = bench.of_modem(ModemDisconnected)
        assert (ended.session, ended.reason) == (1, "superseded by 10.0.0.2:2")
        assert view(bench)[0] == "READY"


async def test_what_the_old_connection_still_says_is_dropped(autojump_clock: MockClock) -> None:
    async with Bench([KNOWN]).run() as bench:
        old = await bench.call_in()
        asked = Asked(bench)
        await settled()
        assert old.take() == b"?"
        waiting = Asked(bench)
        new = await bench.call_in()
        old.say(b"OLD")
        old.connection.receiver.received(old.connection, b"OLD")
        await settled()
        assert isinstance(asked.failure, ConnectionLost)
        # The one that waited is asked over the new connection, and gets the new answer.
        assert new.take() == b"?"
        new.say(b"ok")
        await settled()
        assert waiting.ends == [(b"ok", None)]
        assert view(bench) == ("READY", "the line is idle")


async def test_the_line_of_the_new_connection_is_shown_not_that_of_the_old(
    autojump_clock: MockClock,
) -> None:
    async with Bench([KNOWN]).run() as bench:
        await bench.call_in()
        for _ in range(FLAPS_MAX):  # which of the two comes first is for the scheduler to say
            Asked(bench)
            Asked(bench)
            await settled()
            await bench.call_in()
            assert view(bench) == ("READING", "asked")


async def test_a_silent_modem_is_closed_and_shown_as_silent(autojump_clock: MockClock) -> None:
    async with Bench([KNOWN]).run() as bench:
        bench.listener.idle_s_max = 150.0
        call = await bench.call_in()
        for _ in range(5):
            await trio.sleep(100)
            call.say(b"MODEM:M1\r\n")  # its heartbeat
        assert not call.closed
        await trio.sleep(152)
        assert call.closed
        assert view(bench) == ("SILENT", "silent for 150 s")
        (ended,) = bench.of_modem(ModemDisconnected)
        assert ended.lasted_s == pytest.approx(500 + 150, abs=2)
        again = await bench.call_in()
        assert not again.closed
        assert view(bench)[0] == "READY"


async def test_a_crash_closes_the_connection_and_the_next_call_is_taken(
    autojump_clock: MockClock,
) -> None:
    async with Bench([KNOWN]).run() as bench:
        call = await bench.call_in()
        asked = Asked(bench)
        await settled()
        waiting = Asked(bench)
        await settled()
        bench.context.modem(ModemId("M1")).kill("by a test")
        await trio.sleep(10)
        assert call.closed
        assert isinstance(asked.failure, ConnectionLost)
        assert isinstance(waiting.failure, NoModem)
        await bench.call_in()
        assert view(bench)[0] == "READY"
        assert len(bench.of_modem(ModemConnected)) == 2
        assert len(bench.of_modem(ModemDisconnected)) == 1


# -- trust


async def test_an_unknown_modem_is_kept_aside_with_its_first_bytes(
    autojump_clock: MockClock,
) -> None:
    async with Bench().run() as bench:
        call = await bench.call_in("NEW")
        assert not call.closed
        (aside,) = bench.of_modem(ModemQuarantined, "NEW")
        assert (aside.peer, aside.reason) == ("10.0.0.1:1", "not in the device list")
        asked = Asked(bench, "NEW")
        await settled()
        assert isinstance(asked.failure, NoModem)
        assert not asked.began
        assert bench.attached == []
        bench.dial(b"MODEM:NEXT\r\n/ABC5" + b"x" * 100)
        await settled()
        (aside,) = bench.of_modem(ModemQuarantined, "NEXT")
        assert aside.first_bytes == (b"/ABC5" + b"x" * 100)[:64]


async def test_it_comes_out_when_its_meters_are_imported(autojump_clock: MockClock) -> None:
    async with Bench().run() as bench:
        call = await bench.call_in()
        bench.add(KNOWN)
        bench.context.modem(ModemId("M1")).tell(DevicesChanged())
        await settled()
        assert view(bench)[0] == "READY"
        assert len(bench.of_modem(ModemTrusted)) == 1
        assert bench.attached == ["M1"]
        Asked(bench)
        await settled()
        assert call.take() == b"?"


async def test_a_flapping_identity_is_put_aside_and_comes_out_by_itself(
    autojump_clock: MockClock,
) -> None:
    async with Bench([KNOWN]).run() as bench:
        calls: list[Call] = []
        for _ in range(FLAPS_MAX + 1):
            calls.append(await bench.call_in())
            await trio.sleep(60)
        assert view(bench)[0] == "READY"
        last = await bench.call_in()
        assert view(bench)[0] == "QUARANTINED"
        (aside,) = bench.of_modem(ModemQuarantined)
        assert f"more than {FLAPS_MAX} times within an hour" in aside.reason
        asked = Asked(bench)
        await settled()
        assert isinstance(asked.failure, NoModem)
        # Nobody takes it over any more: after an hour it is trusted again.
        for _ in range(int(FLAP_PERIOD_S) // 100 - 1):
            await trio.sleep(100)
            last.say(b"MODEM:M1\r\n")
        assert view(bench)[0] == "QUARANTINED"
        await trio.sleep(101)
        assert view(bench)[0] == "READY"
        assert len(bench.of_modem(ModemTrusted)) == 1
        assert not last.closed


async def test_calls_one_after_the_other_are_no_flapping(autojump_clock: MockClock) -> None:
    async with Bench([KNOWN]).run() as bench:
        for _ in range(3 * FLAPS_MAX):
            call = await bench.call_in()
            call.hang_up()
            await trio.sleep(10)
        assert bench.of_modem(ModemQuarantined) == bench.of_modem(ModemSuperseded) == []


# -- the line


async def test_without_a_connection_the_answer_comes_at_once(autojump_clock: MockClock) -> None:
    async with Bench([KNOWN]).run() as bench:
        asked = Asked(bench)
        await settled()
        assert isinstance(asked.failure, NoModem)
        assert "OFFLINE: never connected" in str(asked.failure)


async def test_a_sender_that_only_pushes_cannot_be_asked(autojump_clock: MockClock) -> None:
    settings = LinkSettings(link="dlms-push")
    async with Bench([device("AB-77")], settings=settings).run() as bench:
        bench.dial(push(1, name=b"AB-77"))
        await settled()
        asked = Asked(bench)
        await settled()
        assert "only pushes" in str(asked.failure)


async def test_when_the_connection_is_lost_everybody_who_waits_is_told(
    autojump_clock: MockClock,
) -> None:
    async with Bench([KNOWN]).run() as bench:
        call = await bench.call_in()
        asked = [Asked(bench) for _ in range(5)]
        await settled()
        call.hang_up()
        await settled()
        assert all(isinstance(one.failure, ConnectionLost) for one in asked)
        assert [one.began for one in asked] == [True, False, False, False, False]
        assert bench.crashes() == {}


async def test_more_than_the_line_can_bear_is_refused(autojump_clock: MockClock) -> None:
    async with Bench([KNOWN]).run() as bench:
        await bench.call_in()
        Asked(bench)
        await settled()
        asked = []
        for _ in range(QUEUE_MAX + 1):
            asked.append(Asked(bench))
            await settled()
        assert [one.ends for one in asked[:-1]] == [[]] * QUEUE_MAX
        assert isinstance(asked[-1].failure, BusFull)


# -- what cannot be read


async def test_a_broken_first_frame_ends_the_connection_not_the_actor(
    autojump_clock: MockClock,
) -> None:
    async with Bench([KNOWN]).run() as bench:
        call = bench.dial(b"MODEM:M1\r\n" + b"\x00\x01" + b"\xff" * 20)
        await settled()
        assert call.closed
        assert bench.crashes() == {}
        assert len(bench.of_modem(ModemDisconnected)) == 1


async def test_a_message_that_is_nobodys_is_kept_once(autojump_clock: MockClock) -> None:
    async with Bench([KNOWN, device("m2", server_sap=2)]).run() as bench:
        call = await bench.call_in()
        unknown = push(7, wport=9, name=b"stranger")
        call.say(unknown, unknown)
        await settled()
        (kept,) = bench.of_modem(PushKept)
        assert kept.reason == "unknown-meter"
        assert "stranger" in kept.detail
        assert kept.data == unknown[8:]


async def test_what_could_not_be_kept_is_kept_when_it_comes_again(
    autojump_clock: MockClock,
) -> None:
    async with Bench([KNOWN, device("m2", server_sap=2)]).run() as bench:
        call = await bench.call_in()
        bench.gate.failures = 1
        call.say(push(7, wport=9))
        await settled()
        assert bench.of_modem(PushKept) == []
        call.say(push(7, wport=9))
        await settled()
        assert len(bench.of_modem(PushKept)) == 1


async def test_a_held_byte_is_let_go_after_a_pause(autojump_clock: MockClock) -> None:
    settings = LinkSettings(registration=RAW.registration, heartbeat="HB")
    async with Bench([KNOWN], settings=settings).run() as bench:
        call = await bench.call_in()
        asked = Asked(bench)
        await settled()
        call.say(b"a", b"H")
        await settled()
        assert asked.ends == []
        await trio.sleep(2)
        assert asked.ends == [(b"aH", None)]


async def test_the_store_being_away_does_not_end_the_connection(
    autojump_clock: MockClock,
) -> None:
    async with Bench([KNOWN]).run() as bench:
        bench.gate.failures = 1
        call = await bench.call_in()
        assert not call.closed
        assert "not in the log" in view(bench)[1]
        Asked(bench)
        await settled()
        assert call.take() == b"?"


async def test_meters_that_were_restarted_get_the_pushes_all_the_same(
    autojump_clock: MockClock,
) -> None:
    async with Bench([KNOWN]).run() as bench:
        call = await bench.call_in()
        call.say(push(1), push(2))
        await settled()
        meters = bench.node.find("meters")
        assert meters is not None
        meters.kill("by a test")
        await trio.sleep(5)
        call.say(push(3))
        await settled()
        assert not call.closed
        assert [reading.values for reading in bench.of_meter(Reading)] == [(1,), (2,), (3,)]

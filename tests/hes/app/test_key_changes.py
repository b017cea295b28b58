"""The change of a meter's keys: whatever is heard of it, the device list is right in the end.

The meter is a simulated one; the line between it and the node is cut where the test says.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import trio
from actor_bench import settled
from controlled_meter import KEYS, WHO, WHY, Controlled, controlled
from trio.testing import MockClock

from hes.app.commander import NodeCommander
from hes.app.errands import Errands
from hes.app.key_changes import KeyChanges
from hes.commands import CommandFailed, ReadRegisters, StoreAway
from hes.device_registry import PREFIX, load_devices
from hes.devices import Device
from hes.events.command import CommandFinished, CommandRequested
from hes.events.meter_keys import MeterKeysChanged, MeterKeysChanging, MeterKeysKept
from hes.fleet.dlms_meter import master_key
from hes.ids import MeterId
from hes.key_change import ChangeKeys, KeysAnswer, KeysOutcome, in_doubt
from hes.store.errors import StoreUnavailable
from protocols.dlms.security import Keys
from protocols.errors import LocalProtocolError

M1 = MeterId("m1")
NEW = Keys(b"E" * 16, b"A" * 16)
BOTH: dict[str, Any] = {"encryption_key": NEW.encryption, "authentication_key": NEW.authentication}
READ = ReadRegisters(meter=M1, obis=("1.0.1.8.0.255",))


class Safe:
    """Where the device list is kept, beside the log."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.history: list[Device] = []
        self.away = False

    def save_secrets(self, secrets: Mapping[str, bytes | None]) -> None:
        if self.away:
            raise StoreUnavailable("the disk is away")
        self.kept.update({name: data for name, data in secrets.items() if data})
        self.history += load_devices(self)  # type: ignore[arg-type]  # as far as it is asked for

    def load_secrets(self) -> dict[str, bytes]:
        return self.kept


class Site:
    """A meter that is connected, and a node that changes its keys."""

    def __init__(self, c: Controlled, nursery: trio.Nursery) -> None:
        self.c = c
        self.safe = Safe()
        errands = Errands()
        nursery.start_soon(errands.run)
        log: Any = self.safe
        self.keys = KeyChanges(c.bench.context, log, errands, self._at_once)
        self.commander = NodeCommander(c.bench.context, self.keys)
        listed = msgspec.structs.replace(self.device, master_key=master_key("20001234"))
        c.bench.directory.put(listed)

    @staticmethod
    async def _at_once(function: Any, *arguments: Any) -> None:
        await trio.lowlevel.checkpoint()
        function(*arguments)

    @property
    def device(self) -> Device:
        found = self.c.bench.directory.meter(M1)
        assert found is not None
        return found

    @property
    def stored(self) -> Device:
        (found,) = load_devices(self.safe)  # type: ignore[arg-type]  # as above
        return found

    @property
    def at_meter(self) -> Keys:
        server = self.c.meter.server
        held = server.rekeyed or server.identity.keys
        assert held is not None
        return held

    async def change(self, **keys: bytes) -> Any:
        command = ChangeKeys(**WHY, **(keys or BOTH))
        return await self.commander.execute(command, timeout_s=100.0)

    async def fails(self, **keys: bytes) -> str:
        with pytest.raises(CommandFailed) as failed:
            await self.change(**keys)
        await self.rest()
        return str(failed.value)

    async def reads(self) -> None:
        """Read the meter, and let what that shows be written down."""
        answer = await self.commander.execute(READ, timeout_s=100.0)
        assert answer.reading.values[0] is not None  # type: ignore[union-attr]  # registers
        await self.rest()

    @staticmethod
    async def rest() -> None:
        await trio.sleep(5)
        await settled()

    def lose(self, number: int, *, at_meter: bool) -> None:
        """Let the connection end at a request: when the meter has it, or before."""
        c, heard = self.c, self.c.call.on_heard
        if at_meter:
            c.cut_at = number
            return

        def cut(data: bytes) -> None:
            c.asked += 1
            if c.asked == number:
                c.call.hang_up()
            else:
                c.asked -= 1
                heard(data)

        c.call.on_heard = cut

    def facts(self, *kinds: type[Any]) -> list[tuple[str, Any]]:
        found = [e for kind in kinds for e in self.c.bench.of_meter(kind)]
        return [(type(event).__name__, event) for event in found]

    def told(self) -> bytes:
        """Everything that the log holds, as it is stored."""
        return b"".join(row.state for row in self.c.bench.log.rows)


@asynccontextmanager
async def site() -> AsyncIterator[Site]:
    async with controlled(secured=True) as c, trio.open_nursery() as nursery:
        made = Site(c, nursery)
        await settled()
        yield made
        nursery.cancel_scope.cancel()


def keys_of(device: Device) -> Keys:
    return Keys(device.encryption_key, device.authentication_key)


TRANSFER = 4
"""The request that carries the keys: after association, proof and the question for the suite."""


@pytest.mark.parametrize(
    "names", [("encryption",), ("authentication",), ("encryption", "authentication")]
)
async def test_new_keys_take_the_place_of_the_old(
    autojump_clock: MockClock, names: tuple[str, ...]
) -> None:
    keys = {f"{name}_key": BOTH[f"{name}_key"] for name in names}
    async with site() as s:
        await s.reads()
        assert await s.change(**keys) == KeysAnswer(changed=names)
        await s.rest()
        wanted = Keys(*(keys.get(n, getattr(s.device, n)) for n in BOTH))
        assert keys_of(s.device) == keys_of(s.stored) == s.at_meter == wanted
        assert not in_doubt(s.device)
        assert not in_doubt(s.stored)
        asked = s.c.asked
        await s.reads()
        assert s.c.asked - asked <= TRANSFER + 1, "nothing was tried"
        assert s.facts(MeterKeysKept) == []


async def test_who_why_and_when_are_in_the_log_and_no_key(autojump_clock: MockClock) -> None:
    async with site() as s:
        await s.change()
        await s.rest()
        (_, intent), (_, changed) = s.facts(MeterKeysChanging, MeterKeysChanged)
        both = "encryption, authentication"
        for event in (intent, changed):
            assert (event.what, event.actor, event.reason) == (both, "ann", "unpaid bill")
        assert changed.shown_by == "answer"
        (_, asked), (_, finished) = s.facts(CommandRequested, CommandFinished)
        assert (asked.command, asked.argument, finished.ok) == ("key-change", both, True)
        # The intent was durable before the keys were kept, and both before anything was sent.
        assert keys_of(s.safe.history[0]) == KEYS
        assert in_doubt(s.safe.history[0])
        command = ChangeKeys(**WHY, **BOTH)
        shown = s.told() + "".join(map(repr, (command, s.device, s.stored))).encode()
        for key in (NEW.encryption, NEW.authentication, s.device.master_key, KEYS.encryption):
            for form in (key, key.hex().encode(), repr(key).encode()):
                assert form not in shown


async def test_a_lost_answer_is_settled_by_the_next_association(autojump_clock: MockClock) -> None:
    async with site() as s:
        s.lose(TRANSFER, at_meter=True)
        why = await s.fails()
        assert "nobody knows whether the meter has taken the keys" in why
        assert s.at_meter == NEW
        assert in_doubt(s.device)
        assert in_doubt(s.stored)
        s.c.cut_at = None
        assert "nobody knows yet which keys" in await s.fails()
        await s.c.connect()
        await s.reads()
        assert keys_of(s.device) == keys_of(s.stored) == NEW
        assert not in_doubt(s.stored)
        ((_, changed),) = s.facts(MeterKeysChanged)
        assert (changed.shown_by, changed.what) == ("association", "encryption, authentication")
        await s.reads()


async def test_a_lost_request_is_settled_too(autojump_clock: MockClock) -> None:
    async with site() as s:
        s.lose(TRANSFER, at_meter=False)
        await s.fails()
        assert (s.at_meter, in_doubt(s.device)) == (KEYS, True)
        await s.c.connect()
        await s.reads()
        assert keys_of(s.device) == keys_of(s.stored) == KEYS
        assert not in_doubt(s.stored)
        ((_, was_kept),) = s.facts(MeterKeysKept)
        assert "has the keys before" in was_kept.detail
        assert s.facts(MeterKeysChanged) == []
        assert await s.change() == KeysAnswer(changed=("encryption", "authentication"))


async def test_a_node_that_died_in_between_finds_out(autojump_clock: MockClock) -> None:
    """What is on disk is all that it knows: the intent, perhaps never sent, perhaps taken."""
    for taken in (False, True):
        async with site() as s:
            doubtful = msgspec.structs.replace(
                s.device, next_encryption_key=NEW.encryption,
                next_authentication_key=NEW.authentication,
            )  # fmt: skip
            s.safe.save_secrets({PREFIX + M1: msgspec.msgpack.encode(doubtful)})
            s.c.bench.directory.put(s.stored)
            if taken:
                s.c.meter.server.rekeyed = NEW
            await s.reads()
            assert keys_of(s.stored) == (NEW if taken else KEYS)
            assert not in_doubt(s.stored)


async def test_doubt_stays_while_the_meter_is_not_reached(autojump_clock: MockClock) -> None:
    async with site() as s:
        s.lose(TRANSFER, at_meter=True)
        await s.fails()
        await s.c.connect()
        s.c.call.on_heard = lambda _data: None  # it is dead
        with pytest.raises(CommandFailed):
            await s.commander.execute(READ, timeout_s=100.0)
        assert in_doubt(s.device)
        assert in_doubt(s.stored)


async def test_a_meter_that_refuses_keeps_its_keys(autojump_clock: MockClock) -> None:
    async with site() as s:
        s.c.bench.directory.put(msgspec.structs.replace(s.device, master_key=b"W" * 16))
        why = await s.fails()
        assert "does not do method 2" in why
        assert "nobody knows" not in why
        assert s.at_meter == keys_of(s.device) == keys_of(s.stored) == KEYS
        assert not in_doubt(s.device)
        assert not in_doubt(s.stored)
        assert len(s.facts(MeterKeysKept)) == 1
        await s.reads()


async def test_who_is_not_there_keeps_its_keys(autojump_clock: MockClock) -> None:
    async with site() as s:
        s.c.call.hang_up()
        await settled()
        await s.fails()
        assert keys_of(s.device) == keys_of(s.stored) == KEYS
        assert not in_doubt(s.device)
        assert not in_doubt(s.stored)


async def test_nothing_is_sent_while_the_store_is_away(autojump_clock: MockClock) -> None:
    async with site() as s:
        s.c.bench.gate.shut()
        began = trio.current_time()
        with pytest.raises(StoreAway):
            await s.change()
        assert trio.current_time() - began <= 5.01
        s.c.bench.gate.open()
        await s.rest()
        assert (s.c.asked, s.at_meter) == (0, KEYS)
        s.safe.away = True
        with pytest.raises(StoreUnavailable):
            await s.change()
        assert s.c.asked == 0
        s.safe.away = False
        await s.rest()
        assert await s.change()


async def test_who_has_left_does_not_stop_it(autojump_clock: MockClock) -> None:
    async with site() as s:
        answer = s.c.call.on_heard
        held: list[bytes] = []
        s.c.call.on_heard = held.append
        with trio.move_on_after(2):
            await s.change()
        s.c.call.on_heard = answer
        answer(held[0])
        await s.rest()
        assert s.at_meter == keys_of(s.stored) == NEW


async def test_a_second_one_waits_for_the_first(autojump_clock: MockClock) -> None:
    async with site() as s:
        s.c.call.on_heard = lambda _data: None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(s.fails)
            await trio.sleep(1)
            with pytest.raises(CommandFailed, match="under way already"):
                await s.change()


@pytest.mark.parametrize(
    ("listed", "keys", "why"),
    [
        ({"master_key": b""}, BOTH, "no master key"),
        ({"auth": "low", "password": "pw"}, BOTH, "no conversations protected by keys"),
        ({"protocol": "dlt645-2007"}, BOTH, "no conversations protected by keys"),
        ({}, {"encryption_key": b"x" * 32}, "32 bytes, the master key has 16"),
        ({}, {"authentication_key": KEYS.authentication}, "is the one that meter m1 has"),
        ({}, {"encryption_key": b""}, "there is no new key"),
    ],
)
async def test_what_cannot_be_is_said_before_anything_happens(
    autojump_clock: MockClock, listed: dict[str, Any], keys: dict[str, bytes], why: str
) -> None:
    async with site() as s:
        s.c.bench.directory.put(msgspec.structs.replace(s.device, **listed))
        assert why in await s.fails(**keys)
        assert s.c.asked == 0
        assert s.safe.kept == {}
        assert s.facts(MeterKeysChanging, CommandRequested) == []


async def test_keys_are_not_sent_once_nobody_keeps_them(autojump_clock: MockClock) -> None:
    """The last line of defence: a conversation that begins after all was called off sends none."""
    async with site() as s:
        with pytest.raises(LocalProtocolError, match="nobody waits"):
            s.keys.told(M1, KeysOutcome.SENT)


def test_commands_hide_their_keys() -> None:
    command = ChangeKeys(**WHO, reason="r", **BOTH)
    assert repr(command) == "ChangeKeys(m1, encryption, authentication)"

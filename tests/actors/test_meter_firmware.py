"""New firmware for a meter through a whole node in memory: to its end, over breaks of all kinds."""

import hashlib

import pytest
import trio
from controlled_meter import WHO, WHY, Controlled, controlled, until
from trio.testing import MockClock

from actors.firmware_job import ASKS_MAX
from hes import control
from hes.commands import ReadRegisters
from hes.control import LoadImage
from hes.events.command import CommandFinished, CommandRequested
from hes.events.firmware import (
    FirmwareActivated,
    FirmwareFailed,
    FirmwareOffered,
    FirmwareProgressed,
)
from hes.events.reading import ReadFailed
from hes.fleet.dlms_classes.image import SOUND
from hes.rules.firmware_progress import KINDS, progress

IMAGE = SOUND + bytes(range(256)) * 8
BLOCKS = -(-len(IMAGE) // 128)
LOAD = LoadImage(**WHY, name="FW-2", image=IMAGE)


def ended(c: Controlled) -> bool:
    ends = [*c.bench.of_meter(FirmwareActivated), *c.bench.of_meter(FirmwareFailed)]
    return len(ends) == len(c.bench.of_meter(FirmwareOffered))


async def load(c: Controlled, command: LoadImage = LOAD, within_s: float = 7200.0) -> None:
    await c.ask(command)
    await until(lambda: ended(c), within_s)


@pytest.mark.parametrize("secured", [False, True], ids=["plain", "secured"])
async def test_an_image_is_loaded_and_runs(autojump_clock: MockClock, secured: bool) -> None:
    async with controlled(secured=secured) as c:
        answer = await c.ask(LOAD)
        assert (answer.image, answer.state, answer.size_bytes) == ("FW-2", "offered", len(IMAGE))
        await until(lambda: ended(c))
        (offered,) = c.bench.of_meter(FirmwareOffered)
        assert offered.sha256 == hashlib.sha256(IMAGE).digest()
        assert (offered.actor, offered.reason, offered.resumed) == ("ann", "unpaid bill", False)
        steps = [event.step for event in c.bench.of_meter(FirmwareProgressed)]
        assert steps == ["restarting"]
        (activated,) = c.bench.of_meter(FirmwareActivated)
        assert (activated.version, activated.version_before) == ("FW-2", "SIM 1.0")
        assert c.meter.managed.image.image == IMAGE
        (requested,) = c.bench.of_meter(CommandRequested)
        (finished,) = c.bench.of_meter(CommandFinished)
        assert (requested.command, requested.reason) == ("firmware", "unpaid bill")
        assert (finished.ok, finished.detail) == (True, "runs FW-2")


async def test_others_have_the_line_between_two_conversations(autojump_clock: MockClock) -> None:
    async with controlled() as c:
        long = SOUND + bytes(128 * (ASKS_MAX + 50))
        await c.ask(LoadImage(**WHY, name="FW-2", image=long))
        await until(lambda: c.bench.of_meter(FirmwareProgressed) != [])
        (first,) = c.bench.of_meter(FirmwareProgressed)
        assert first.step == "transferring"
        assert 0 < first.done_bytes < first.size_bytes == len(long)
        await c.ask(ReadRegisters(meter=WHO["meter"], obis=("1.0.1.8.0.255",)))
        assert not ended(c)
        await until(lambda: ended(c))
        assert c.meter.managed.image.initiated == 1


async def test_a_connection_that_breaks_costs_no_block_twice(autojump_clock: MockClock) -> None:
    for cut_at in range(2, 30, 3):
        async with controlled() as c:
            c.cut_at = cut_at
            await c.ask(LOAD)
            await until(lambda: c.call.closed)
            assert not ended(c)
            await trio.sleep(100)
            await c.connect()
            await until(lambda: ended(c))
            assert len(c.bench.of_meter(FirmwareActivated)) == 1
            assert c.meter.managed.image.taken <= BLOCKS + 1
            assert c.meter.managed.image.image == IMAGE
            told = [event.detail for event in c.bench.of_meter(FirmwareProgressed)]
            assert any(detail.startswith(("cut", "no-modem")) for detail in told)
            assert c.bench.of_meter(ReadFailed) == []


async def test_a_modem_that_is_away_is_waited_for(autojump_clock: MockClock) -> None:
    async with controlled() as c:
        c.call.hang_up()
        await c.ask(LOAD)
        await trio.sleep(4 * 3600)
        pauses = [event.received_at for event in c.bench.of_meter(FirmwareProgressed)]
        assert 40 <= len(pauses) <= 60  # one in five minutes
        await c.connect()
        await until(lambda: ended(c))
        assert len(c.bench.of_meter(FirmwareActivated)) == 1


async def test_it_is_given_up_when_nobody_wants_it_any_more(autojump_clock: MockClock) -> None:
    async with controlled() as c:
        c.call.hang_up()
        await load(c, LoadImage(**WHY, name="FW-2", image=IMAGE, wanted_within_s=3000.0))
        (failed,) = c.bench.of_meter(FirmwareFailed)
        assert failed.detail.startswith("no-modem")
        (finished,) = c.bench.of_meter(CommandFinished)
        assert not finished.ok


async def test_an_image_that_is_not_sound_fails_and_the_old_one_runs(
    autojump_clock: MockClock,
) -> None:
    async with controlled() as c:
        await load(c, LoadImage(**WHY, name="BAD", image=b"not firmware" * 20))
        (failed,) = c.bench.of_meter(FirmwareFailed)
        assert failed.step == "verifying"
        assert "verifying" in failed.detail
        (finished,) = c.bench.of_meter(CommandFinished)
        assert not finished.ok
        assert (await c.ask(control.Diagnose(**WHO))).firmware == "SIM 1.0"
        await load(c)  # the next one may be better
        assert len(c.bench.of_meter(FirmwareActivated)) == 1


async def test_a_meter_that_forgot_the_image_is_asked_what_it_runs(
    autojump_clock: MockClock,
) -> None:
    async with controlled() as c:
        c.meter.managed.image.faults.forgets = True
        await load(c)
        assert len(c.bench.of_meter(FirmwareActivated)) == 1


async def test_a_meter_that_forgot_and_runs_the_old_one_has_failed(
    autojump_clock: MockClock,
) -> None:
    async with controlled() as c:
        c.meter.managed.image.faults.forgets = True
        c.meter.managed.image._run = lambda _name: None
        await load(c)
        (failed,) = c.bench.of_meter(FirmwareFailed)
        assert "still runs 'SIM 1.0'" in failed.detail


async def test_only_one_image_at_a_time(autojump_clock: MockClock) -> None:
    async with controlled() as c:
        c.meter.managed.image.faults.verify_polls = 30
        await c.ask(LOAD)
        await trio.sleep(40)
        assert await c.refused(LOAD) == "a firmware is under way already"
        await until(lambda: ended(c))
        await load(c)
        assert len(c.bench.of_meter(FirmwareActivated)) == 2


async def test_another_run_resumes_the_very_image_only(autojump_clock: MockClock) -> None:
    async with controlled() as c:
        resumed = LoadImage(**WHY, name="FW-2", image=IMAGE, resume=True)
        assert "was not offered this image last" in await c.refused(resumed)
        c.cut_at = 12
        await load(c, LoadImage(**WHY, name="FW-2", image=IMAGE, wanted_within_s=10.0))
        taken = c.meter.managed.image.taken
        assert 0 < taken < BLOCKS
        await c.connect()
        other = LoadImage(**WHY, name="FW-2", image=IMAGE + b"!", resume=True)
        assert "was not offered this image last" in await c.refused(other)
        await load(c, resumed)
        assert c.meter.managed.image.initiated == 1
        assert c.bench.of_meter(FirmwareOffered)[-1].resumed
        assert len(c.bench.of_meter(FirmwareActivated)) == 1


async def test_how_far_it_is_is_told_by_the_events(autojump_clock: MockClock) -> None:
    async with controlled() as c:
        await load(c)
        events = [event for kind in KINDS for event in c.bench.of_meter(kind)]
        told = progress(sorted(events, key=lambda event: event.received_at))
        assert told is not None
        assert (told.state, told.version, told.done_bytes) == ("activated", "FW-2", len(IMAGE))
    assert progress([]) is None


async def test_a_name_that_no_meter_has_is_refused_at_once(autojump_clock: MockClock) -> None:
    async with controlled() as c:
        for name, image in (("ờ", IMAGE), ("", IMAGE), ("x", b"")):
            why = await c.refused(LoadImage(**WHY, name=name, image=image))
            assert why.startswith("not to be done so")
        assert c.bench.of_meter(FirmwareOffered) == []

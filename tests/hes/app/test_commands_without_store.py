"""Commands while the store is away: a quick answer, and nothing done behind anybody's back."""

from collections.abc import Awaitable, Callable
from hashlib import sha256
from random import Random
from typing import Any

import pytest
import trio
from actor_bench import settled
from controlled_meter import WHO, WHY, controlled
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from native_modem import NAME, NativeModem, living, native_bench
from trio.testing import MockClock

from hes import control
from hes.app.commander import NodeCommander
from hes.commands import STORE_S, DoneLater, OfferFirmware, ReadConfig, SetConfig, StoreAway
from hes.control import LoadImage
from hes.events.command import CommandFinished, CommandRequested
from hes.events.firmware import FirmwareFailed, FirmwareOffered, FirmwareProgressed
from hes.events.meter_control import RelaySwitched
from hes.events.modem_setting import ConfigApplied
from hes.firmware_files import FirmwareFiles
from hes.fleet.dlms_classes.image import SOUND
from hes.ids import ModemId
from hes.store.errors import StoreUnavailable
from protocols.hml1.firmware import signed_part
from protocols.hml1.kinds import Setting

CUT = control.SwitchRelay(**WHY, close=False)
MODEM = ModemId(NAME)
LONG_S = 120.0


async def within_store_s(ask: Callable[[], Awaitable[Any]], kind: type[Exception]) -> str:
    """Return what it fails with, in the time that is promised."""
    began = trio.current_time()
    with pytest.raises(kind) as told:
        await ask()
    assert trio.current_time() - began <= STORE_S + 0.01
    return str(told.value)


async def test_a_command_that_is_not_written_down_is_never_done(autojump_clock: MockClock) -> None:
    async with controlled() as c:
        commander = NodeCommander(c.bench.context)
        c.bench.gate.shut()
        said = await within_store_s(lambda: commander.execute(CUT, timeout_s=LONG_S), StoreAway)
        assert said == (
            "the store did not answer within 5 s, so the command to meter m1 was not done, and"
            " will not be; try again"
        )
        asked = c.asked
        c.bench.gate.open()
        await trio.sleep(LONG_S)
        assert c.asked == asked, "the meter was asked behind everybody's back"
        assert c.meter.managed.relay.values.output_state
        assert len(c.bench.of_meter(CommandRequested)) == 1
        (finished,) = c.bench.of_meter(CommandFinished)
        assert not finished.ok
        assert "nobody waits for it any more" in finished.detail


async def test_those_that_come_after_it_are_not_done_either(autojump_clock: MockClock) -> None:
    async with controlled() as c:
        commander = NodeCommander(c.bench.context)
        c.bench.gate.shut()

        async def one() -> None:
            await within_store_s(lambda: commander.execute(CUT, timeout_s=LONG_S), StoreAway)

        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(one)
        c.bench.gate.open()
        await trio.sleep(LONG_S)
        assert c.meter.managed.relay.values.output_state
        assert c.bench.of_meter(RelaySwitched) == []
        await commander.execute(CUT, timeout_s=LONG_S)
        assert not c.meter.managed.relay.values.output_state


async def test_a_command_that_was_done_is_said_to_be_written_down_later(
    autojump_clock: MockClock,
) -> None:
    async with controlled() as c:
        commander, before = NodeCommander(c.bench.context), c.call.on_heard

        def heard(data: bytes) -> None:
            c.bench.gate.shut()  # the store goes away while the meter is being asked
            before(data)

        c.call.on_heard = heard
        said = await within_store_s(lambda: commander.execute(CUT, timeout_s=LONG_S), DoneLater)
        assert "the command to meter m1 is accepted, and written down when the store is" in said
        assert not c.meter.managed.relay.values.output_state
        assert c.bench.of_meter(RelaySwitched) == []
        c.call.on_heard = before
        c.bench.gate.open()
        await settled()
        assert [event.closed for event in c.bench.of_meter(RelaySwitched)] == [False]
        (finished,) = c.bench.of_meter(CommandFinished)
        assert finished.ok


async def test_a_slow_meter_is_waited_for(autojump_clock: MockClock) -> None:
    async with controlled() as c:
        c.call.on_heard = lambda _data: None
        commander = NodeCommander(c.bench.context)
        began = trio.current_time()
        with pytest.raises(Exception, match=r"no answer|waited|silent|no end"):
            await commander.execute(control.ReadRelay(**WHO), timeout_s=30.0)
        assert trio.current_time() - began > STORE_S


async def test_a_short_absence_is_not_seen(autojump_clock: MockClock) -> None:
    async with controlled() as c:
        c.bench.gate.delay_s = lambda: STORE_S / 3
        answer = await NodeCommander(c.bench.context).execute(CUT, timeout_s=LONG_S)
        assert not answer.closed


async def test_a_memory_that_cannot_be_read_is_the_stores_trouble(
    autojump_clock: MockClock,
) -> None:
    async with controlled() as c:
        c.bench.log.away = True
        commander = NodeCommander(c.bench.context)
        with pytest.raises(StoreUnavailable, match="nothing was asked of meter m1"):
            await commander.execute(CUT, timeout_s=LONG_S)
        assert c.asked == 0
        c.bench.log.away = False


async def test_a_firmware_of_a_meter_that_is_not_written_down_is_not_loaded(
    autojump_clock: MockClock,
) -> None:
    async with controlled() as c:
        commander = NodeCommander(c.bench.context)
        load = LoadImage(**WHY, name="FW-2", image=SOUND + bytes(2000))
        c.bench.gate.shut()
        await within_store_s(lambda: commander.execute(load, timeout_s=LONG_S), StoreAway)
        c.bench.gate.open()
        await trio.sleep(3600.0)
        assert c.asked == 0
        assert c.bench.of_meter(FirmwareProgressed) == []
        (failed,) = c.bench.of_meter(FirmwareFailed)
        assert "nobody waits" in failed.detail
        await commander.execute(load, timeout_s=LONG_S)  # and another may be begun


async def test_settings_that_are_not_written_down_are_not_sent(autojump_clock: MockClock) -> None:
    async with native_bench().run() as bench, living(modem := NativeModem(bench)):
        await trio.sleep(1)
        commander = NodeCommander(bench.context)
        change = SetConfig(modem=MODEM, settings={"collect_s": "900"})
        bench.gate.shut()
        said = await within_store_s(lambda: commander.order(change, timeout_s=LONG_S), StoreAway)
        assert "the order to modem" in said
        bench.gate.open()
        await trio.sleep(60)
        assert modem.flash.settings.active[Setting.COLLECT_S] == (1800).to_bytes(4)
        assert [event.status for event in bench.of_modem(ConfigApplied, NAME)] == ["not-sent"]
        told = await commander.order(change, timeout_s=LONG_S)
        assert told.status == "applied"


async def test_settings_are_read_without_a_store(autojump_clock: MockClock) -> None:
    async with native_bench().run() as bench, living(NativeModem(bench)):
        await trio.sleep(1)
        bench.gate.shut()
        told = await NodeCommander(bench.context).order(ReadConfig(modem=MODEM), timeout_s=LONG_S)
        assert told.settings["collect_s"] == "1800"
        bench.gate.open()


async def test_settings_that_a_modem_took_are_said_to_be_written_down_later(
    autojump_clock: MockClock,
) -> None:
    async with native_bench().run() as bench, living(modem := NativeModem(bench)):
        await trio.sleep(1)
        done, shut = modem.modem.receive, list[bool]()

        def receive(data: bytes, now: float) -> Any:
            if not shut:
                bench.gate.shut()
                shut.append(True)
            return done(data, now)

        modem.modem.receive = receive  # type: ignore[method-assign]
        change = SetConfig(modem=MODEM, settings={"collect_s": "900"})
        commander = NodeCommander(bench.context)
        await within_store_s(lambda: commander.order(change, timeout_s=LONG_S), DoneLater)
        modem.modem.receive = done  # type: ignore[method-assign]
        bench.gate.open()
        await trio.sleep(60)
        assert bench.of_modem(ConfigApplied, NAME)[0].status == "applied"


async def test_a_firmware_of_a_modem_is_offered_later_and_that_is_said(
    autojump_clock: MockClock, tmp_path: Any
) -> None:
    image, key = Random(5).randbytes(500), Ed25519PrivateKey.from_private_bytes(bytes(32))
    told = signed_part("2.0", len(image), sha256(image).digest())
    offer = OfferFirmware(
        modem=MODEM, version="2.0", image=image,
        signature=key.sign(told),
    )  # fmt: skip
    async with native_bench().run() as bench:
        bench.context.firmware = FirmwareFiles(tmp_path)
        commander = NodeCommander(bench.context)
        bench.gate.shut()
        await within_store_s(lambda: commander.order(offer, timeout_s=LONG_S), DoneLater)
        await within_store_s(lambda: commander.order(offer, timeout_s=LONG_S), StoreAway)
        bench.gate.open()
        await settled()
        assert len(bench.of_modem(FirmwareOffered, NAME)) == 1, "what was called off is not offered"

"""Modems that prove themselves: who is let in, who has the identity, orders, the serial line."""

from datetime import UTC, datetime
from random import Random
from typing import Any

import msgspec
import pytest
import trio
from actor_bench import Bench, MemoryLog, device, settled
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from native_modem import ENTRY, METER, NAME, SECRET, NativeModem, flash, living, native_bench
from trio.testing import MockClock

from actors.errors import AskTimeout
from actors.meter_messages import Perform
from actors.modem_messages import Order
from hes.commands import (
    CommandFailed,
    CommandInvalid,
    OfferFirmware,
    ReadConfig,
    ReadRegisters,
    SetConfig,
)
from hes.devices import Device
from hes.events.firmware import (
    FirmwareActivated,
    FirmwareFailed,
    FirmwareOffered,
    FirmwareProgressed,
)
from hes.events.modem import (
    ModemConnected,
    ModemDisconnected,
    ModemQuarantined,
    ModemSuperseded,
    UnknownCaller,
)
from hes.events.modem_setting import ConfigApplied, ConfigRequested, ModemIdentified
from hes.events.reading import FailureReason, Reading
from hes.firmware_files import FirmwareFiles
from hes.fleet.dlms_meter import SimulatedDlmsMeter
from hes.fleet.dlms_server import MeterIdentity
from hes.fleet.dlt645_meter import Dlt645Plan, SimulatedDlt645Meter
from hes.fleet.iec62056_21_meter import Iec62056Plan, SimulatedIec62056Meter
from hes.fleet.kinds import SimulatedMeter
from hes.ids import MeterId, ModemId, node_stream
from protocols.hml1.firmware import signed_part
from protocols.hml1.frame import FrameReader
from protocols.hml1.kinds import Kind, PipeState, Setting

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
M1 = MeterId("m1")
ENERGY = "1.0.1.8.0.255"
MAKER = Ed25519PrivateKey.from_private_bytes(bytes(32))
IMAGE = Random(5).randbytes(5000)


async def order(bench: Bench, command: Any, timeout_s: float = 20.0) -> Any:
    return await bench.context.modem(ModemId(NAME)).ask(Order(command), timeout_s)


def view(bench: Bench) -> tuple[str, str]:
    shown = bench.modem(NAME).view()
    return shown.state, shown.reason


# -- who is let in


async def test_who_proves_itself_is_let_in(autojump_clock: MockClock) -> None:
    async with native_bench().run() as bench:
        async with living(NativeModem(bench)):
            await trio.sleep(1)
            assert view(bench)[0] == "READY"
            assert bench.attached == [NAME]
        (connected,) = bench.of_modem(ModemConnected, NAME)
        assert (connected.link, connected.claim) == ("hml1", "hmac")
        (told,) = bench.of_modem(ModemIdentified, NAME)
        assert (told.model, told.firmware, told.records_queued) == ("TEST", "1.0", 0)
        assert bench.of_modem(ModemQuarantined, NAME) == []


async def test_a_wrong_secret_gets_nowhere(autojump_clock: MockClock) -> None:
    async with native_bench().run() as bench:
        # It does not even send its proof: the head-end's is wrong for it. One that does not look:
        modem = NativeModem(bench, secret=b"another secret, just as long...")
        modem.modem._secret = b"x" * 16
        async with living(modem):
            await trio.sleep(1)
        assert bench.of_modem(ModemConnected, NAME) == []
        assert modem.hung_up[0] == "the head-end did not prove that it knows us"


async def test_a_replayed_handshake_is_turned_away_and_noted(autojump_clock: MockClock) -> None:
    said = b""
    async with native_bench().run() as bench:
        modem = NativeModem(bench)
        async with living(modem):
            await trio.sleep(1)
            await trio.sleep(1)
        good = NativeModem(bench)
        hello = b"".join(o.data for o in good.modem.connected() if hasattr(o, "data"))
        first = bench.dial(hello)
        await settled()
        auth = good.modem.receive(first.take(), 0.0)
        said = hello + b"".join(o.data for o in auth if hasattr(o, "data"))
        first.say(said[len(hello) :])
        await settled()
        assert len(bench.of_modem(ModemConnected, NAME)) == 2
        again = bench.dial(said, peer="6.6.6.6:6")
        await settled()
        assert again.closed
        assert not first.closed
        kinds = [frame.kind for frame in FrameReader().feed(again.take())]
        assert kinds == [Kind.WELCOME, Kind.NAK]
        (noted,) = bench.of_modem(ModemQuarantined, NAME)
        assert (noted.peer, noted.reason) == ("6.6.6.6:6", "its proof is wrong")
        assert noted.first_bytes == said[:64]
        assert len(bench.of_modem(ModemConnected, NAME)) == 2


async def test_a_modem_without_a_secret_is_quarantined_and_shown(
    autojump_clock: MockClock,
) -> None:
    async with native_bench((), ()).run() as bench:
        async with living(modem := NativeModem(bench)):
            await trio.sleep(0.5)
        assert modem.hung_up == ["the head-end does not want us"]
        (noted,) = bench.of_modem(ModemQuarantined, NAME)
        assert noted.reason == "there is no key for it"
        assert view(bench) == ("OFFLINE", "a caller was turned away: there is no key for it")
        callers = [
            e for e in bench.events(node_stream("strangers")) if isinstance(e, UnknownCaller)
        ]
        assert [c.reason for c in callers] == [f"modem {NAME}: there is no key for it"]


async def test_a_claim_never_takes_a_proven_connections_place(autojump_clock: MockClock) -> None:
    async with native_bench().run() as bench:
        async with living(modem := NativeModem(bench)):
            await trio.sleep(1)
            thief = bench.dial(f"MODEM:{NAME}\r\n".encode(), peer="6.6.6.6:6")
            await settled()
            assert thief.closed
            assert not modem.calls[-1].closed
            assert view(bench)[0] == "READY"
        (noted,) = bench.of_modem(ModemQuarantined, NAME)
        assert noted.peer == "6.6.6.6:6"
        assert bench.of_modem(ModemSuperseded, NAME) == []


async def test_a_proof_takes_a_claims_place_and_a_claim_alone_is_not_trusted(
    autojump_clock: MockClock,
) -> None:
    async with native_bench().run() as bench:
        claim = bench.dial(f"MODEM:{NAME}\r\n".encode())
        await settled()
        assert view(bench)[0] == "QUARANTINED"
        assert "did not prove" in view(bench)[1]
        async with living(NativeModem(bench)):
            await trio.sleep(1)
            assert claim.closed
            assert view(bench)[0] == "READY"
        assert len(bench.of_modem(ModemSuperseded, NAME)) == 1


async def test_the_secret_is_nowhere_to_be_seen(autojump_clock: MockClock) -> None:
    log = MemoryLog()
    async with native_bench(log=log).run() as bench:
        async with living(modem := NativeModem(bench)):
            await trio.sleep(1)
            await order(bench, SetConfig(modem=ModemId(NAME), settings={"collect_s": "900"}))
        shown = repr(bench.context.modems.entry(ModemId(NAME))) + repr(bench.modem(NAME).view())
        states = b"".join(row.state for row in log.rows)
        assert SECRET not in states
        assert SECRET.hex() not in shown + repr(states)
        assert modem.modem._secret == SECRET


# -- the serial line


def dlms() -> SimulatedDlmsMeter:
    return SimulatedDlmsMeter(
        MeterIdentity(serial="m1"), framing="hdlc", logical=1, physical=17, world=lambda: NOW,
        rng=Random(1),
    )  # fmt: skip


def iec() -> SimulatedIec62056Meter:
    plan = Iec62056Plan(serial="m1", address="123", password="1")
    return SimulatedIec62056Meter(plan, world=lambda: NOW, drift_s=0.0)


def dlt645() -> SimulatedDlt645Meter:
    plan = Dlt645Plan(serial="m1", address="1", password="02123456")
    return SimulatedDlt645Meter(plan, world=lambda: NOW, drift_s=0.0)


LINES: list[tuple[Device, Any]] = [
    (device("m1", NAME, protocol="dlms", framing="hdlc", address="17"), dlms),
    (device("m1", NAME, protocol="iec62056-21", address="123"), iec),
    (device("m1", NAME, protocol="dlt645-2007", address="1"), dlt645),
]


@pytest.mark.parametrize(("entry", "make"), LINES, ids=lambda x: getattr(x, "protocol", ""))
async def test_meters_are_read_through_the_pipe_and_the_line_is_given_back(
    autojump_clock: MockClock, entry: Device, make: Any
) -> None:
    meter: SimulatedMeter = make()
    line = msgspec.structs.replace(ENTRY, serial="2400 7E1")
    async with native_bench([entry], [line]).run() as bench:
        async with living(modem := NativeModem(bench, meter=meter)):
            await trio.sleep(1)
            read = ReadRegisters(meter=M1, obis=(ENERGY,))
            answer = await bench.meter().ask(Perform(read, 60.0), 61.0)
            await settled()
            assert answer.reading.values[0] is not None
            assert modem.modem.channels == set()
            link: Any = bench.modem(NAME)._port
            assert (link.link.pipe_settings.baud, link.link.pipe_settings.framing) == (2400, "7E1")
        assert len(bench.of_meter(Reading)) == 1
        assert bench.crashes() == {}


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (PipeState.BUSY, FailureReason.BUSY),
        (PipeState.NO_SUCH_PORT, FailureReason.REFUSED),
    ],
)
async def test_a_modem_that_does_not_give_its_line_away_is_believed_at_once(
    autojump_clock: MockClock, state: PipeState, reason: FailureReason
) -> None:
    entry, make = LINES[-1]
    async with native_bench([entry]).run() as bench:
        async with living(modem := NativeModem(bench, meter=make())):
            await trio.sleep(1)
            opens = modem.modem._handlers[Kind.PIPE_OPEN]
            modem.modem._handlers[Kind.PIPE_OPEN] = lambda asked, _now_s: [
                modem.modem._status(asked.channel + 1, PipeState.NO_SUCH_PORT),  # of no concern
                modem.modem._status(asked.channel, state),
            ]
            read = Perform(ReadRegisters(meter=M1, obis=(ENERGY,)), 60.0)
            asked_s = trio.current_time()
            with pytest.raises(CommandFailed) as failed:
                await bench.meter().ask(read, 61.0)
            assert failed.value.reason is reason
            assert trio.current_time() - asked_s < 1
            modem.modem._handlers[Kind.PIPE_OPEN] = opens
            answer = await bench.meter().ask(read, 61.0)
            assert answer.reading.values[0] is not None
        assert bench.crashes() == {}


# -- settings


async def test_settings_are_read_and_changed_and_proved_by_the_next_session(
    autojump_clock: MockClock,
) -> None:
    async with native_bench().run() as bench:
        async with living(modem := NativeModem(bench)):
            await trio.sleep(1)
            told = await order(bench, ReadConfig(modem=ModemId(NAME)))
            assert told.settings == {"server": "old:7010", "collect_s": "1800"}
            change = SetConfig(
                modem=ModemId(NAME), settings={"collect_s": "900", "200": "c0ffee"}, actor="ann",
                reason="more often",
            )  # fmt: skip
            told = await order(bench, change)
            assert (told.status, told.config_hash) == ("applied", modem.flash.settings.hash.hex())
            await trio.sleep(5)
        assert modem.flash.settings.active[Setting.COLLECT_S] == (900).to_bytes(4)
        (requested,) = bench.of_modem(ConfigRequested, NAME)
        assert (requested.settings, requested.actor, requested.reason) == (
            '{"collect_s": "900", "200": "3 bytes"}', "ann", "more often",
        )  # fmt: skip
        applied = bench.of_modem(ConfigApplied, NAME)
        assert [e.status for e in applied] == ["applied", "confirmed"]
        assert {e.config_hash for e in applied} == {modem.flash.settings.hash}


async def test_a_change_that_was_taken_back_is_seen_by_the_hash(autojump_clock: MockClock) -> None:
    async with native_bench().run() as bench:
        modem = NativeModem(bench)
        async with living(modem):
            await trio.sleep(1)
            await order(bench, SetConfig(modem=ModemId(NAME), settings={"server": "new:1"}))
        # Under its new settings it finds nobody; it takes them back and calls under the old ones.
        assert modem.flash.settings.roll_back_if_due(trio.current_time() + 601)
        async with living(NativeModem(bench, kept=modem.flash)):
            await trio.sleep(5)
        applied = bench.of_modem(ConfigApplied, NAME)
        assert [e.status for e in applied] == ["applied", "rolled-back"]


@pytest.mark.parametrize(
    "settings", [{}, {"nothing": "1"}, {"collect_s": "soon"}, {"130": "xyz"}, {"serial_1": "fast"}]
)
async def test_what_is_no_setting_is_refused_before_anything_is_written(
    autojump_clock: MockClock, settings: dict[str, str]
) -> None:
    async with native_bench().run() as bench, living(NativeModem(bench)):
        await trio.sleep(1)
        with pytest.raises(CommandInvalid):
            await order(bench, SetConfig(modem=ModemId(NAME), settings=settings))
        assert bench.of_modem(ConfigRequested, NAME) == []


async def test_orders_to_a_modem_that_is_away_or_goes_away(autojump_clock: MockClock) -> None:
    async with native_bench().run() as bench:
        with pytest.raises(CommandFailed) as away:
            await order(bench, ReadConfig(modem=ModemId(NAME)))
        assert away.value.reason is FailureReason.NO_MODEM
        async with living(modem := NativeModem(bench)):
            await trio.sleep(1)
            modem.modem._handlers = {}  # it answers nothing
            modem.modem._handlers[Kind.CFG_GET] = lambda _message, _now: []
            async with trio.open_nursery() as nursery:

                async def asks() -> None:
                    with pytest.raises(CommandFailed) as cut:
                        await order(bench, ReadConfig(modem=ModemId(NAME)))
                    assert cut.value.reason is FailureReason.CUT

                nursery.start_soon(asks)
                await trio.sleep(1)
                modem.calls[-1].hang_up()
            await trio.sleep(2)
            with pytest.raises(AskTimeout):
                await order(bench, ReadConfig(modem=ModemId(NAME)), 1.0)
        assert bench.crashes() == {}


# -- firmware


def offer(version: str = "2.0", image: bytes = IMAGE, key: Any = MAKER) -> OfferFirmware:
    from hashlib import sha256

    seal = key.sign(signed_part(version, len(image), sha256(image).digest()))
    return OfferFirmware(
        modem=ModemId(NAME), version=version, image=image, signature=seal, actor="ann"
    )


def shelf(bench: Bench, folder: Any) -> bytes:
    """Give the bench a folder for images; return the maker's public key."""
    bench.context.firmware = FirmwareFiles(folder)
    return MAKER.public_key().public_bytes_raw()


async def test_firmware_is_pulled_and_runs(autojump_clock: MockClock, tmp_path: Any) -> None:
    async with native_bench().run() as bench:
        maker = shelf(bench, tmp_path / "fw")
        modem = NativeModem(bench, maker=maker)
        async with living(modem):
            await trio.sleep(1)
            told = await order(bench, offer())
            assert (told.state, told.size_bytes) == ("offered", len(IMAGE))
            await trio.sleep(1)
        assert modem.orders
        async with living(NativeModem(bench, kept=modem.flash, maker=maker)):
            await trio.sleep(1)  # it has all of it, and did not start it yet
        restarted = NativeModem(bench, kept=modem.flash, maker=maker, firmware="2.0")
        async with living(restarted):
            await trio.sleep(1)
        steps = [(e.step, e.done_bytes) for e in bench.of_modem(FirmwareProgressed, NAME)]
        assert steps[0] == ("offered", 0)
        assert steps[-1] == ("verified", len(IMAGE))
        assert ("downloading", 1020) in steps
        (active,) = bench.of_modem(FirmwareActivated, NAME)
        assert (active.version, active.version_before) == ("2.0", "1.0")
        assert len(bench.of_modem(FirmwareOffered, NAME)) == 1


async def test_a_download_goes_on_after_a_restart_of_the_head_end(
    autojump_clock: MockClock, tmp_path: Any
) -> None:
    log, kept = MemoryLog(), flash()
    async with native_bench(log=log).run() as bench:
        maker = shelf(bench, tmp_path / "fw")
        modem = NativeModem(bench, kept=kept, maker=maker)
        modem.modem._handlers[Kind.FW_DATA] = _only(2, modem.modem._handlers[Kind.FW_DATA])
        async with living(modem):
            await trio.sleep(1)
            await order(bench, offer())
            await trio.sleep(1)
    assert kept.download is not None
    assert kept.download.offset == 2040
    async with native_bench(log=log, seed=2).run() as bench:
        shelf(bench, tmp_path / "fw")
        async with living(NativeModem(bench, kept=kept, maker=maker)):
            await trio.sleep(60)
        offers = bench.of_modem(FirmwareOffered, NAME)
        assert [(e.resumed, e.version, e.actor) for e in offers] == [
            (False, "2.0", "ann"), (True, "2.0", "node"),
        ]  # fmt: skip
        assert bench.of_modem(FirmwareProgressed, NAME)[-1].step == "verified"
        assert 2040 in {e.done_bytes for e in bench.of_modem(FirmwareProgressed, NAME)}


def _only(count: int, handler: Any) -> Any:
    left = [count]

    def handle(message: Any, now_s: float) -> Any:
        left[0] -= 1
        return handler(message, now_s) if left[0] >= 0 else []

    return handle


async def test_firmware_for_a_modem_that_is_away_waits(
    autojump_clock: MockClock, tmp_path: Any
) -> None:
    async with native_bench().run() as bench:
        maker = shelf(bench, tmp_path / "fw")
        told = await order(bench, offer())
        assert told.state == "waiting"
        async with living(NativeModem(bench, maker=maker)):
            await trio.sleep(5)
        assert bench.of_modem(FirmwareProgressed, NAME)[-1].step == "verified"


async def test_firmware_that_its_maker_did_not_sign_is_refused(
    autojump_clock: MockClock, tmp_path: Any
) -> None:
    forged = offer(key=Ed25519PrivateKey.from_private_bytes(b"x" * 32))
    async with native_bench().run() as bench:
        maker = shelf(bench, tmp_path / "fw")
        async with living(NativeModem(bench, maker=maker)):
            await trio.sleep(1)
            told = await order(bench, forged)
            assert told.state == "refused"
            bench.context.firmware_maker = maker
            with pytest.raises(CommandInvalid, match="not the maker's"):
                await order(bench, forged)
        (failed,) = bench.of_modem(FirmwareFailed, NAME)
        assert (failed.image, failed.step) == ("2.0", "refused")
        assert bench.of_modem(FirmwareActivated, NAME) == []


async def test_an_image_that_is_gone_fails_the_offer(
    autojump_clock: MockClock, tmp_path: Any
) -> None:
    log = MemoryLog()
    async with native_bench(log=log).run() as bench:
        shelf(bench, tmp_path / "fw")
        await order(bench, offer())
    async with native_bench(log=log, seed=2).run() as bench:
        shelf(bench, tmp_path / "other")
        async with living(NativeModem(bench)):
            await trio.sleep(1)
        (failed,) = bench.of_modem(FirmwareFailed, NAME)
        assert failed.step == "offering"
        ends = bench.of_modem(ModemDisconnected, NAME)
        assert all(end.reason for end in ends)


def test_an_entry_hides_its_secret() -> None:
    assert SECRET.hex() not in repr(ENTRY)
    assert "secret" not in repr(ENTRY).lower()
    assert METER.modem_id == ENTRY.modem_id

"""A driver of a meter that may have new keys: which it tries, what it tells, and when it stops."""

import random
from datetime import UTC, datetime
from typing import Any

import pytest
from pump import converse

from actors.drivers.base import CounterJump, DriverWorld
from actors.drivers.dlms import DlmsDriver
from hes.devices import Device
from hes.fleet.dlms_meter import SimulatedDlmsMeter, master_key
from hes.fleet.dlms_server import MeterIdentity
from hes.ids import MeterId, ModemId
from hes.key_change import KeysOutcome
from protocols.dlms.acse import Mechanism
from protocols.dlms.classes.security_setup import KeyId
from protocols.dlms.hdlc import HdlcReader, Kind
from protocols.dlms.security import Keys
from protocols.errors import MeterSilent, ProtocolError

NOW = datetime(2026, 3, 1, 5, 0, tzinfo=UTC)
OLD, NEW = Keys(b"e" * 16, b"a" * 16), Keys(b"E" * 16, b"A" * 16)
TITLE = b"MTR\x00\x00\x00\x00\x07"
ENERGY = "1.0.1.8.0.255"
FRAMINGS = pytest.mark.parametrize("framing", ["hdlc", "wrapper"])


class Bench:
    """A meter with some keys, and a driver that knows the old and the new ones."""

    def __init__(self, framing: str, held: Keys, *, doubtful: bool = True) -> None:
        physical = 17 if framing == "hdlc" else None
        self.meter = SimulatedDlmsMeter(
            MeterIdentity(serial="7", title=TITLE, auth=Mechanism.GMAC, keys=held),
            framing=framing, logical=1, physical=physical, world=lambda: NOW,
            rng=random.Random(7),
        )  # fmt: skip
        new = NEW if doubtful else Keys(b"")
        device = Device(
            meter_id=MeterId("7"), modem_id=ModemId("9"), framing=framing,
            address="17" if physical else "", auth="gmac", encryption_key=OLD.encryption,
            authentication_key=OLD.authentication, system_title=TITLE, master_key=master_key("7"),
            next_encryption_key=new.encryption, next_authentication_key=new.authentication,
        )  # fmt: skip
        self.told: list[KeysOutcome] = []
        self.counter = 100
        world = DriverWorld(
            now=lambda: NOW, random_bytes=random.Random(8).randbytes, counter=self._next,
            utc_offset_min=420, keys_told=self.told.append,
        )  # fmt: skip
        self.driver = DlmsDriver(device, world)
        self.sent: list[bytes] = []

    def _next(self) -> int:
        self.counter += 1
        return self.counter

    def wire(self, data: bytes) -> bytes:
        self.sent.append(data)
        return self.meter.receive(data)

    def read(self, wire: Any = None) -> Any:
        return converse(self.driver.registers([ENERGY]), wire or self.wire)


@FRAMINGS
@pytest.mark.parametrize(
    ("held", "shown"), [(NEW, KeysOutcome.NEW_PROVED), (OLD, KeysOutcome.OLD_PROVED)]
)
def test_it_finds_out_once(framing: str, held: Keys, shown: KeysOutcome) -> None:
    bench = Bench(framing, held)
    assert bench.read().values
    assert bench.told == [shown]
    count = len(bench.sent)
    assert bench.read().values
    assert bench.told == [shown], "it is known now"
    assert len(bench.sent) - count < count


@FRAMINGS
def test_a_meter_that_has_neither_shows_nothing(framing: str) -> None:
    bench = Bench(framing, Keys(b"x" * 16, b"y" * 16))
    for _ in range(2):
        with pytest.raises(ProtocolError):
            bench.read()
    assert bench.told == []


def test_one_that_is_not_there_is_not_called_twice() -> None:
    bench = Bench("hdlc", OLD)
    calls: list[Kind] = []

    def nobody(data: bytes) -> bytes:
        reader = HdlcReader()
        reader.receive_data(data)
        frame = reader.next_frame()
        assert frame is not None
        calls.append(frame.kind)
        return b""

    with pytest.raises(MeterSilent):
        bench.read(nobody)
    alone = Bench("hdlc", OLD, doubtful=False)
    doubtful, calls[:] = len(calls), []
    with pytest.raises(MeterSilent):
        alone.read(nobody)
    assert (doubtful, bench.told) == (len(calls), [])


def test_a_counter_that_is_too_low_shows_nothing_and_is_jumped_over() -> None:
    bench = Bench("wrapper", NEW)
    bench.meter.server.client_counter = 5_000
    with pytest.raises(CounterJump) as jump:
        bench.read()
    assert bench.told == []
    bench.counter = jump.value.wanted
    assert bench.read().values
    assert bench.told == [KeysOutcome.NEW_PROVED]


def give(bench: Bench) -> None:
    keys = {KeyId.GLOBAL_UNICAST: NEW.encryption, KeyId.AUTHENTICATION: NEW.authentication}
    converse(bench.driver.change_keys(keys), bench.wire)


@FRAMINGS
def test_each_step_of_a_change_is_told(framing: str) -> None:
    bench = Bench(framing, OLD, doubtful=False)
    give(bench)
    assert bench.told == [KeysOutcome.SENT, KeysOutcome.TAKEN]
    assert bench.meter.server.rekeyed == NEW


@FRAMINGS
def test_a_refusal_is_told_too(framing: str) -> None:
    bench = Bench(framing, OLD, doubtful=False)
    bench.meter.managed.secure(TITLE, secured=True, master=b"?" * 16, rekey=lambda _: None)
    with pytest.raises(ProtocolError):
        give(bench)
    assert bench.told == [KeysOutcome.SENT, KeysOutcome.REFUSED]

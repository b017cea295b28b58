"""The list of a meter's objects: read once, kept in events, known to the next driver."""

import random
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from pump import converse

from actors.drivers.base import Collected, DriverWorld
from actors.drivers.dlms import DlmsDriver
from actors.drivers.dlms_objects import KnownObjects
from actors.drivers.known_objects import KnowsObjects, objects_events, recall
from hes.devices import Device
from hes.events.firmware import FirmwareActivated
from hes.events.meter_objects import PART_SIZE, ObjectListRead
from hes.fleet.dlms_meter import SimulatedDlmsMeter
from hes.fleet.dlms_server import MeterIdentity
from hes.ids import MeterId, ModemId
from hes.meter_state import MeterState
from protocols.dlms import axdr_encode as ax
from protocols.dlms.acse import Mechanism
from protocols.dlms.cosem import DataAccessError, Refused
from protocols.dlms.object_list import OBJECT_LIST, MeterObject, ObjectList, read_logical_devices
from protocols.dlms.options import DlmsOptions
from protocols.dlms.security import Keys
from protocols.meter_types.meter_type import plain

NOW = datetime(2026, 3, 1, 5, 0, tzinfo=UTC)
DENIED = Refused(DataAccessError.READ_WRITE_DENIED)
WANTED = DlmsOptions(object_list=True)


class Bench:
    """One simulated meter, and drivers for it."""

    def __init__(self, auth: Mechanism = Mechanism.NONE, *, keys: bool = False) -> None:
        held = Keys(b"e" * 16, b"a" * 16) if keys else None
        identity = MeterIdentity(
            serial="7", title=b"MTR\0\0\0\0\7", auth=auth, password=b"secret", keys=held
        )
        self.meter = SimulatedDlmsMeter(
            identity, framing="wrapper", logical=1, physical=None, world=lambda: NOW,
            rng=random.Random(7),
        )  # fmt: skip
        self.device = Device(
            meter_id=MeterId("7"), modem_id=ModemId("9"), framing="wrapper", password="secret",
            auth={0: "none", 1: "low", 3: "md5", 4: "sha1", 5: "gmac", 6: "sha256"}[auth],
            encryption_key=held.encryption if held else b"",
            authentication_key=held.authentication if held else b"",
        )  # fmt: skip
        self.listed = 0
        """How often the list was read."""
        self.counters = iter(range(1, 10_000))
        read = self.meter.server._read

        def counting(attribute: Any, selection: Any) -> Any:
            self.listed += attribute == OBJECT_LIST
            return read(attribute, selection)

        self.meter.server._read = counting  # type: ignore[method-assign]

    def driver(self, options: DlmsOptions = WANTED) -> DlmsDriver:
        world = DriverWorld(
            now=lambda: NOW, random_bytes=random.Random(8).randbytes,
            counter=lambda: next(self.counters), utc_offset_min=420,
        )  # fmt: skip
        return DlmsDriver(
            self.device, world, msgspec.structs.replace(plain("dlms"), options=options)
        )

    def collect(self, driver: DlmsDriver) -> Collected:
        return converse(driver.collect([], []), self.meter.receive)


def kept(read: ObjectList | None) -> MeterState:
    state = MeterState()
    for event in objects_events(read, NOW):
        state.apply(event)
    return MeterState.restore(state.snapshot())


def test_the_list_is_read_once_and_known_to_the_next_driver() -> None:
    bench = Bench()
    driver = bench.driver()
    first = bench.collect(driver)
    assert first.objects is not None
    assert first.objects.count > 25
    assert bench.collect(driver).objects is None
    state = kept(first.objects)
    after = bench.driver()
    recall(after, state)
    read = bench.collect(after)
    assert (read.objects, bench.listed) == (None, 1)
    assert read.registers is not None
    assert first.registers is not None
    assert [v.obis for v in read.registers.values] == [v.obis for v in first.registers.values]


def test_what_the_meter_does_not_list_is_not_asked_for() -> None:
    bench = Bench()
    plainly = bench.driver(DlmsOptions())
    assert bench.collect(plainly).objects is None
    without = bench.meter.requests
    bench = Bench()
    driver = bench.driver()
    driver.recall_objects(ObjectList.of([MeterObject(3, 0, "1.0.1.8.0.255")]))
    read = bench.collect(driver)
    assert read.registers is not None
    assert [v.obis for v in read.registers.values] == ["1.0.1.8.0.255"]
    assert bench.meter.requests < without
    assert bench.listed == 0


def test_new_firmware_has_the_list_read_anew() -> None:
    bench = Bench()
    driver = bench.driver()
    state = kept(bench.collect(driver).objects)
    assert state.objects
    state.apply(FirmwareActivated(received_at=NOW, image="i", version="2"))
    recall(driver, state)
    assert bench.collect(driver).objects is not None
    assert bench.listed == 2


@pytest.mark.parametrize("told", [DENIED, ax.NULL, ax.array(ax.u8(1))])
def test_a_meter_that_does_not_list_is_asked_once(told: Any) -> None:
    bench = Bench()
    read = bench.meter.server._read
    bench.meter.server._read = (  # type: ignore[method-assign]
        lambda a, s: told if read(a, s) and a == OBJECT_LIST else read(a, s)
    )
    driver = bench.driver()
    assert bench.collect(driver).registers is not None
    listed = bench.listed
    assert bench.collect(driver).objects is None
    assert listed > 0


def test_a_damaged_list_is_no_list() -> None:
    known = KnownObjects(wanted=True)
    known.recall(ObjectList(b"damaged"))
    assert known.classes == {}
    assert not known.lacks("1.0.1.8.0.255")
    good = ObjectList.of([MeterObject(3, 0, "1.0.1.8.0.255"), MeterObject(8, 0, "0.0.1.0.0.255")])
    known.recall(good)
    assert known.classes == {"1.0.1.8.0.255": 3}
    assert known.lacks("1.0.2.8.0.255")
    known.recall(good)
    known.recall(None)
    assert known.classes == {}


def test_a_long_list_is_stored_in_parts() -> None:
    rng = random.Random(5)
    codes = {".".join(str(rng.randrange(256)) for _ in range(6)) for _ in range(900)}
    objects = ObjectList.of(MeterObject(3, 0, code) for code in codes)
    events = objects_events(objects, NOW)
    assert len(events) > 2
    assert all(len(event.packed) <= PART_SIZE for event in events)
    assert [(e.part, e.parts) for e in events] == [(n + 1, len(events)) for n in range(len(events))]
    assert {(e.hash, e.count) for e in events} == {(objects.hash, 900)}
    assert kept(objects).objects == objects.packed
    assert isinstance(events[0], ObjectListRead)
    assert list(objects_events(None, NOW)) == []


def test_drivers_of_other_protocols_have_no_such_list() -> None:
    class Other:
        pass

    assert not isinstance(Other(), KnowsObjects)
    recall(Other(), MeterState(objects=b"x"))  # type: ignore[arg-type]


# -- the same meter under each proof


PROOFS = [
    *((auth, False) for auth in (Mechanism.LOW, Mechanism.MD5, Mechanism.SHA1, Mechanism.SHA256)),
    *((auth, True) for auth in (Mechanism.MD5, Mechanism.SHA1, Mechanism.SHA256, Mechanism.GMAC)),
]


@pytest.mark.parametrize(("auth", "keys"), PROOFS)
@pytest.mark.parametrize("dedicated", [False, True])
def test_meters_of_each_proof_are_read(auth: Mechanism, keys: bool, dedicated: bool) -> None:
    bench = Bench(auth, keys=keys)
    driver = bench.driver(DlmsOptions(dedicated_key=dedicated))
    assert bool(driver.counters_per_read) is keys
    for _ in range(2):
        found = converse(driver.registers(["1.0.1.8.0.255"]), bench.meter.receive)
        assert len(found.values) == 1
    devices = converse(
        driver.manage(lambda client, _: read_logical_devices(client)), bench.meter.receive
    )
    assert [d.name for d in devices] == [b"SIM7"]
    assert (next(bench.counters) > 1) is keys

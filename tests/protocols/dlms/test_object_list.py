"""What a meter says that it has: objects, kept packed under a hash, and devices behind it."""

from typing import Any

import pytest
from dlms_bench import NOW, Bench, check_profile
from dlms_scripted import Scripted
from hypothesis import given, strategies as st

from protocols.dlms import apdu_get, axdr_encode as ax
from protocols.dlms.axdr import decode_all
from protocols.dlms.cosem import Refused
from protocols.dlms.object_list import (
    NAME_SIZE_MAX,
    OBJECTS_MAX,
    SAPS_MAX,
    LogicalDevice,
    MeterObject,
    ObjectList,
    objects_of,
    read_logical_devices,
    read_objects,
)
from protocols.errors import MeterRefused, RemoteProtocolError

OBJECTS = st.builds(
    MeterObject, st.integers(0, 0xFFFF), st.integers(0, 255),
    st.tuples(*[st.integers(0, 255)] * 6).map(lambda parts: ".".join(map(str, parts))),
)  # fmt: skip


@pytest.mark.parametrize("framing", ["hdlc", "wrapper"])
def test_the_objects_of_a_meter(framing: str) -> None:
    bench = Bench(framing, max_pdu=256).associate()
    objects = bench.run(read_objects(bench.client))
    found = {o.obis: o.class_id for o in objects}
    assert found["1.0.1.8.0.255"] == 3
    assert found["1.0.1.6.0.255"] == 4
    assert found["0.0.1.0.0.255"] == 8
    assert found["1.0.99.1.0.255"] == 7
    assert len(objects) > 25


def test_the_devices_behind_an_address() -> None:
    bench = Bench("wrapper").associate()
    devices = bench.run(read_logical_devices(bench.client))
    assert devices == [LogicalDevice(1, b"SIM20001234")]


@given(st.lists(OBJECTS, max_size=60), st.randoms(use_true_random=False))
def test_a_list_is_kept_whatever_its_order(objects: list[MeterObject], rng: Any) -> None:
    packed = ObjectList.of(objects)
    assert sorted(packed.objects()) == sorted(objects)
    assert packed.count == len(objects)
    mixed = list(objects)
    rng.shuffle(mixed)
    assert ObjectList.of(mixed).hash == packed.hash
    other = [*objects, MeterObject(1, 0, "1.2.3.4.5.6")]
    assert ObjectList.of(other).hash != packed.hash


def test_a_list_of_a_whole_meter_is_small() -> None:
    codes = [f"1.0.{c}.{d}.{e}.255" for c in range(1, 20) for d in (6, 7, 8) for e in range(5)]
    assert len(ObjectList.of(MeterObject(3, 0, code) for code in codes).packed) < 800


@pytest.mark.parametrize("packed", [
    b"", b"x", ObjectList.of([MeterObject(1, 0, "1.2.3.4.5.6")]).packed[:-1],
    ObjectList.of([MeterObject(1, 0, "1.2.3.4.5.6")] * (OBJECTS_MAX + 1)).packed,
])  # fmt: skip
def test_a_damaged_list_is_told(packed: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        ObjectList(packed).objects()
    assert refused.value.category == "objects"


@given(st.binary(max_size=80))
def test_garbage_is_a_remote_error_or_a_list(packed: bytes) -> None:
    try:
        ObjectList(packed).objects()
    except RemoteProtocolError:
        pass


def test_a_bomb_is_not_unpacked() -> None:
    import zlib

    with pytest.raises(RemoteProtocolError, match="no end"):
        ObjectList(zlib.compress(bytes(50_000_000), 9)).objects()


GOOD = ax.structure(ax.u16(3), ax.u8(0), ax.octets(bytes(6)), ax.NULL)


@pytest.mark.parametrize("listed", [
    ax.u8(1), ax.array(ax.u8(1)), ax.array(ax.structure(ax.u16(3), ax.u8(0))),
    ax.array(GOOD, ax.structure(ax.octets(b"3"), ax.u8(0), ax.octets(bytes(6)))),
    ax.array(ax.structure(ax.u16(3), ax.u16(256), ax.octets(bytes(6)))),
    ax.array(ax.structure(ax.u16(3), ax.u8(0), ax.octets(bytes(5)))),
    ax.array(ax.structure(ax.i8(-3), ax.u8(0), ax.octets(bytes(6)))),
    ax.array(ax.structure(ax.u16(3), ax.u8(0), ax.u8(6))),
    ax.array(*[ax.u8(1)] * (OBJECTS_MAX + 1)),
])  # fmt: skip
def test_a_list_of_objects_that_is_none(listed: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        objects_of(decode_all(listed))
    assert refused.value.category == "objects"
    assert len(objects_of(decode_all(ax.array(GOOD)))) == 1


def answering(value: Any) -> Scripted:
    return Scripted(lambda r: apdu_get.encode_response(r[2], value))


@pytest.mark.parametrize("listed", [
    ax.u8(1), ax.array(ax.u8(1)), ax.array(ax.structure(ax.u16(1))),
    ax.array(ax.structure(ax.octets(b"1"), ax.octets(b"a"))),
    ax.array(ax.structure(ax.i32(-1), ax.octets(b"a"))),
    ax.array(ax.structure(ax.u16(1), ax.u8(1))),
    ax.array(ax.structure(ax.u16(1), ax.octets(bytes(NAME_SIZE_MAX + 1)))),
    ax.array(*[ax.u8(1)] * (SAPS_MAX + 1)),
])  # fmt: skip
def test_a_list_of_devices_that_is_none(listed: bytes) -> None:
    scripted = answering(listed)
    with pytest.raises(RemoteProtocolError) as refused:
        scripted.run(read_logical_devices(scripted.client))
    assert refused.value.category == "sap"


def test_names_may_be_texts() -> None:
    scripted = answering(ax.array(ax.structure(ax.u16(16), ax.visible("LGZ1"))))
    assert scripted.run(read_logical_devices(scripted.client)) == [LogicalDevice(16, b"LGZ1")]


def test_a_meter_that_does_not_tell() -> None:
    scripted = answering(Refused(3))
    for read in (read_objects, read_logical_devices):
        with pytest.raises(MeterRefused, match=r"does not list its .* \(read-write-denied\)"):
            scripted.run(read(scripted.client))


@pytest.mark.parametrize("framing", ["hdlc", "wrapper"])
def test_a_profile_may_come_as_a_compact_array(framing: str) -> None:
    bench = Bench(framing).associate()
    bench.meter.objects.compact = True
    check_profile(bench)
    plain = Bench(framing).associate()
    check_profile(plain)
    sizes = [sum(map(len, b.line.sent)) + b.meter.requests for b in (bench, plain)]
    assert sizes[0] <= sizes[1]
    assert bench.meter.objects._compact([]) == ax.array()
    assert decode_all(bench.meter.objects._compact([NOW]))[0][2] > 0

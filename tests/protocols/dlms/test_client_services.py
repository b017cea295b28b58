"""The client and meters that refuse a service, or answer something else."""

from collections.abc import Callable
from typing import Any

import pytest
from dlms_bench import CODES, KEYS, NOW, PASSWORD, TITLE, Bench, check_registers
from dlms_scripted import NOT_POSSIBLE, SERVICE_ERROR, Reply, Scripted, invoke_of

from protocols.dlms import acse, apdu_action, apdu_get, apdu_set, axdr_encode as ax
from protocols.dlms.acse import Mechanism
from protocols.dlms.apdu import decode_apdu
from protocols.dlms.apdu_ciphered import GLO, encode_ciphered
from protocols.dlms.client import (
    BLOCKS_MAX,
    VALUE_SIZE_MAX,
    CounterTooLow,
)
from protocols.dlms.cosem import Attribute, Refused, obis_bytes
from protocols.dlms.objects import (
    ObjectCache,
    likely_class,
    other_classes,
    scale_index,
    value_index,
)
from protocols.dlms.reader import TimeRules, read_clock, read_registers, set_clock
from protocols.dlms.security import Keys, protect
from protocols.dlms.wrapper import encode_wpdu
from protocols.errors import (
    MeterRefused,
    MeterSilent,
    ProtocolError,
    RemoteProtocolError,
)

ENERGY = Attribute(3, obis_bytes("1.0.1.8.0.255"), 2)
CLOCK = Attribute(8, obis_bytes("0.0.1.0.0.255"), 2)
BOTH = pytest.mark.parametrize("framing", ["hdlc", "wrapper"])


# -- protected services


def sealed(request: bytes, *, control: int = 0x30, counter: int = 9999, keys: Keys = KEYS) -> bytes:
    plain = apdu_get.encode_response(invoke_of(request), ax.u32(5))
    message = protect(
        plain,
        title=TITLE,
        control=control,
        counter=counter,
        key=keys.encryption,
        ak=keys.authentication,
    )
    return encode_ciphered(GLO[0xC4], message)


def opened(apdu: bytes) -> bytes:
    from protocols.dlms.opened import open_ciphered

    return open_ciphered(decode_apdu(apdu), KEYS, b"HES\0\0\0\0\1").plain_bytes


@pytest.mark.parametrize(("reply", "words"), [
    (lambda r: sealed(opened(r), control=0x20), "not authenticated"),
    (lambda r: sealed(opened(r), keys=Keys(KEYS.encryption, KEYS.encryption)), "tag is wrong"),
    (lambda r: apdu_get.encode_response(invoke_of(opened(r)), ax.u32(5)), "not ciphered"),
    (lambda r: b"\xd4" + sealed(opened(r))[1:], "no key"),
    (lambda r: b"\xcc\x05\x30\0\0\0\1", "whole tag"),
])  # fmt: skip
def test_answers_that_are_not_protected_are_no_answers(reply: Reply, words: str) -> None:
    scripted = Scripted(reply, Mechanism.GMAC)
    with pytest.raises(RemoteProtocolError, match=words):
        scripted.run(scripted.client.get(ENERGY))


def test_a_counter_counts_once() -> None:
    scripted = Scripted(lambda r: sealed(opened(r)), Mechanism.GMAC)
    assert scripted.run(scripted.client.get(ENERGY)) == 5
    with pytest.raises(ProtocolError):  # the same counter again: a replay
        scripted.run(scripted.client.get(ENERGY))


def test_a_refusal_in_the_open_is_heard() -> None:
    for reply, error in ((NOT_POSSIBLE, MeterRefused), (b"\xd8\x01\x06\0\0\x10\0", CounterTooLow)):
        scripted = Scripted(lambda _, r=reply: r, Mechanism.GMAC)  # type: ignore[misc]
        with pytest.raises(error):
            scripted.run(scripted.client.get(ENERGY))


# -- services


def test_a_refused_object_is_a_result() -> None:
    bench = Bench("hdlc").associate()
    assert bench.run(bench.client.get(Attribute(3, bytes(6), 2))) == Refused(4)
    assert bench.run(bench.client.set(ENERGY, ax.u32(1))) == 3
    assert bench.run(bench.client.action(ENERGY)) == 3
    results = bench.run(bench.client.get_list([ENERGY, Attribute(3, bytes(6), 2)]))
    assert results[1] == Refused(4)


@pytest.mark.parametrize("service", ["get", "set", "action"])
@pytest.mark.parametrize(("reply", "error"), [
    (lambda _: NOT_POSSIBLE, MeterRefused), (lambda _: SERVICE_ERROR, MeterRefused),
    (lambda r: bytes((0xC4, 3, r[2], 0)), RemoteProtocolError),
    (lambda r: bytes((0xC5, 2, r[2], 0, 0, 0, 1)), RemoteProtocolError),
    (lambda r: bytes((0xC7, 4, r[2], 0, 0, 0, 1)), RemoteProtocolError),
    (lambda _: acse.encode_release(acse.Release(response=True)), ProtocolError),
    (lambda _: b"\xee", RemoteProtocolError),
])  # fmt: skip
def test_what_is_no_answer(service: str, reply: Reply, error: type[Exception]) -> None:
    scripted = Scripted(reply)
    dialogues = {
        "get": lambda: scripted.client.get(ENERGY),
        "set": lambda: scripted.client.set(ENERGY, ax.u8(1)),
        "action": lambda: scripted.client.action(ENERGY),
    }
    with pytest.raises(error):
        scripted.run(dialogues[service]())


def test_wrong_invoke_ids_are_passed_over_to_a_limit() -> None:
    scripted = Scripted(lambda _: None)
    wrong = encode_wpdu(1, 1, apdu_get.encode_response(0xC9, ax.u32(5)))
    scripted.bench.line.answer = lambda _: wrong * 40
    with pytest.raises(RemoteProtocolError, match="no answer among them"):
        scripted.run(scripted.client.get(ENERGY))


def blocks_of(
    value: bytes, size: int, change: Callable[[apdu_get.GetBlock], apdu_get.GetBlock | bytes]
) -> Reply:
    """Return a meter that sends ``value`` in blocks, each changed as it is told."""
    pieces = [value[at : at + size] for at in range(0, len(value), size)]

    def reply(request: bytes) -> bytes:
        number = 1 if request[1] != 2 else int.from_bytes(request[3:7]) + 1
        block = apdu_get.GetBlock(
            request[2], number >= len(pieces), number, pieces[min(number, len(pieces)) - 1]
        )
        changed = change(block)
        return changed if isinstance(changed, bytes) else apdu_get.encode_block(changed)

    return reply


ROWS = ax.array(*[ax.structure(ax.u32(n), ax.octets(bytes(12))) for n in range(30)])


def replaced(given: apdu_get.GetBlock, **changes: Any) -> apdu_get.GetBlock:
    return apdu_get.GetBlock(**({f: getattr(given, f) for f in given.__struct_fields__} | changes))


@pytest.mark.parametrize("value", [ROWS, ax.octets(bytes(500)), ax.structure(*[ax.u32(1)] * 100)])
@pytest.mark.parametrize("size", [1, 7, 100])
def test_blocks_are_joined(value: bytes, size: int) -> None:
    scripted = Scripted(blocks_of(value, size, lambda b: b))
    got = scripted.run(scripted.client.get(ENERGY))
    assert [list(row) if isinstance(row, tuple) else row for row in got] == list(
        decode_apdu(apdu_get.encode_response(1, value)).result
    )


@pytest.mark.parametrize(("change", "words"), [
    (lambda b: replaced(b, block=b.block + (b.block == 2)), "block 3, expected 2"),
    (lambda b: replaced(b, block=0), "block 0, expected 1"),
    (lambda b: replaced(b, last=b.block == 2), "elements|need"),
    (lambda b: replaced(b, raw=b.raw + b"\0" * b.last), "bytes after the value"),
    (
        lambda b: b if b.block < 2 else bytes((0xC4, 1, b.invoke, 0, 0x11, 5)),
        "GetResponse is no answer",
    ),
])  # fmt: skip
def test_blocks_that_do_not_join(change: Any, words: str) -> None:
    scripted = Scripted(blocks_of(ROWS, 100, change))
    with pytest.raises(RemoteProtocolError, match=words):
        scripted.run(scripted.client.get(ENERGY))


def test_a_block_that_comes_again_and_again_is_no_answer() -> None:
    scripted = Scripted(blocks_of(ROWS, 100, lambda b: replaced(b, block=1)))
    with pytest.raises(MeterSilent):
        scripted.run(scripted.client.get(ENERGY))


def in_a_block(block: apdu_get.GetBlock) -> apdu_get.GetBlock:
    return replaced(block, error=15 if block.block == 3 else None)


def as_a_value(block: apdu_get.GetBlock) -> apdu_get.GetBlock | bytes:
    given_up = apdu_get.encode_response(block.invoke, Refused(15))
    return given_up if block.block == 3 else block


@pytest.mark.parametrize("change", [in_a_block, as_a_value])
def test_a_transfer_that_the_meter_gives_up_is_a_refusal(change: Any) -> None:
    scripted = Scripted(blocks_of(ROWS, 100, change))
    assert scripted.run(scripted.client.get(ENERGY)) == Refused(15)
    wanted = [ENERGY, CLOCK]
    assert scripted.run(scripted.client.get_list(wanted)) == [Refused(15)] * 2


def test_a_transfer_without_end_is_bounded() -> None:
    for raw, most in ((bytes(60_000), VALUE_SIZE_MAX // 60_000 + 2), (b"", BLOCKS_MAX + 2)):
        asked: list[bytes] = []

        def endless(request: bytes, raw: bytes = raw, asked: list[bytes] = asked) -> bytes:
            asked.append(request)
            number = 1 if request[1] == 1 else int.from_bytes(request[3:7]) + 1
            return apdu_get.encode_block(apdu_get.GetBlock(request[2], False, number, raw[:8000]))

        scripted = Scripted(endless)
        with pytest.raises(RemoteProtocolError, match="a value of more than"):
            scripted.bench.line.run(scripted.client.get(ENERGY), turns_max=40_000)
        assert len(asked) <= max(most, VALUE_SIZE_MAX // 8000 + 2)


# -- lists and registers


def without_lists(reply: Reply) -> Scripted:
    scripted = Scripted(lambda _: None)
    meter = scripted.bench.meter

    def answer(apdu: bytes) -> bytes | None:
        return reply(apdu) if apdu[:2] == b"\xc0\x03" else meter.server.answer(apdu, 1)

    scripted._reply = answer
    return scripted


@pytest.mark.parametrize("reply", [
    lambda _: NOT_POSSIBLE, lambda _: SERVICE_ERROR,
    lambda r: bytes((0xC4, 3, r[2], 1, 0, 0x11, 5)),
    lambda r: bytes((0xC4, 1, r[2], 1, 3)),
])  # fmt: skip
def test_a_meter_that_does_not_do_lists_is_asked_one_by_one(reply: Reply) -> None:
    check_registers(without_lists(reply).bench)


@pytest.mark.parametrize("size", [1, 5, 100])
def test_a_list_in_blocks(size: int) -> None:
    results = apdu_get.encode_list_response(0, [ax.u32(5), Refused(3), ax.octets(bytes(40))])[3:]
    scripted = Scripted(blocks_of(results, size, lambda b: b))
    wanted = [ENERGY, CLOCK, ENERGY]
    assert scripted.run(scripted.client.get_list(wanted)) == [5, Refused(3), bytes(40)]


@pytest.mark.parametrize(("code", "class_id", "index"), [
    ("1.0.1.8.0.255", 3, 2), ("1.0.1.6.0.255", 4, 2), ("1.0.1.4.0.255", 5, 2),
    ("1.0.1.5.0.255", 5, 3), ("0.0.1.0.0.255", 8, 2), ("0.0.96.1.0.255", 1, 2),
    ("1.0.0.2.0.255", 1, 2), ("1.0.96.5.0.255", 1, 2), ("1.0.94.84.0.255", 1, 2),
    ("1.0.32.7.0.255", 3, 2), ("1.0.99.98.0.255", 1, 2),
])  # fmt: skip
def test_the_class_that_a_code_usually_has(code: str, class_id: int, index: int) -> None:
    assert likely_class(code) == class_id
    assert value_index(class_id, code) == index
    assert class_id not in other_classes(class_id)
    assert scale_index(class_id) == {3: 3, 4: 3, 5: 4}.get(class_id)


def test_a_maximum_that_tells_no_time() -> None:
    bench = Bench("hdlc").associate()
    read = bench.meter.objects.read
    bench.meter.objects.read = (  # type: ignore[method-assign]
        lambda a, s, now: ax.NULL if a.index == 5 else read(a, s, now)
    )
    cache = ObjectCache({}, {}, {}, {})
    found = bench.run(read_registers(bench.client, ["1.0.1.6.0.255"], cache))
    assert [(v.class_id, v.time) for v in found.values] == [(4, None)]


def test_registers_of_another_class_than_usual() -> None:
    bench = Bench("hdlc").associate()
    objects = bench.meter.objects
    objects.texts["1.0.14.7.0.255"] = b"50 Hz"
    del objects.registers["1.0.14.7.0.255"]
    cache = ObjectCache({}, {}, {}, {})
    found = bench.run(read_registers(bench.client, ["1.0.14.7.0.255"], cache))
    assert [(v.class_id, v.value) for v in found.values] == [(1, b"50 Hz")]
    assert cache.classes["1.0.14.7.0.255"] == 1


@pytest.mark.parametrize("scale", [
    ax.NULL, ax.structure(ax.i8(0)), ax.structure(ax.u32(2**31), ax.enum(30)),
    ax.structure(ax.octets(b"x"), ax.NULL),
])  # fmt: skip
def test_a_scale_that_is_none_is_not_kept(scale: bytes) -> None:
    bench = Bench("hdlc").associate()
    read = bench.meter.objects.read
    bench.meter.objects.read = (  # type: ignore[method-assign]
        lambda a, s, now: scale if a.index == 3 and a.class_id == 3 else read(a, s, now)
    )
    cache = ObjectCache({}, {}, {}, {})
    found = bench.run(read_registers(bench.client, CODES[:1], cache))
    assert (found.values[0].scale.scaler, found.values[0].scale.unit) == (None, None)


# -- the clock

NO_CLOCKS: list[tuple[Any, type[Exception]]] = [
    (Refused(3), MeterRefused), (ax.u32(5), RemoteProtocolError),
    (ax.octets(b"abc"), RemoteProtocolError),
    (ax.octets(b"\xff" * 12), RemoteProtocolError), (ax.octets(bytes(12)), RemoteProtocolError),
]  # fmt: skip


@pytest.mark.parametrize(("value", "error"), NO_CLOCKS)
def test_a_clock_that_tells_no_time(value: Any, error: type[Exception]) -> None:
    bench = Bench("hdlc").associate()
    bench.meter.server._read = lambda *_: value  # type: ignore[method-assign]
    with pytest.raises(error):
        bench.run(read_clock(bench.client, TimeRules()))


def test_a_clock_that_cannot_be_set() -> None:
    bench = Bench("hdlc").associate()
    bench.meter.server._write = lambda *_: 3  # type: ignore[method-assign]
    with pytest.raises(MeterRefused, match="read-write-denied"):
        bench.run(set_clock(bench.client, NOW, TimeRules()))


def test_set_and_action_of_the_scripted_meter() -> None:
    scripted = Scripted(lambda r: apdu_set.encode_response(apdu_set.SetResponse(r[2], 0)))
    assert scripted.run(scripted.client.set(CLOCK, ax.NULL)) == 0
    scripted = Scripted(lambda r: apdu_action.encode_response(r[2], 12))
    assert scripted.run(scripted.client.action(CLOCK)) == 12
    assert PASSWORD not in scripted.bench.line.sent[-1]

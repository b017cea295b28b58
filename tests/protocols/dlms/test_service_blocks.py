"""Long writes and calls in blocks, several at once, and meters that make a mess of it."""

from collections.abc import Callable
from typing import Any

import pytest
from dlms_bench import Bench
from dlms_scripted import NOT_POSSIBLE, Scripted
from examples import many
from hypothesis import given, settings, strategies as st

from hes.fleet.dlms_services import TAKEN_SIZE_MAX, MeterObjects, MeterServices
from protocols.dlms import acse, apdu_action, apdu_get, apdu_set, axdr_encode as ax
from protocols.dlms.acse import Mechanism
from protocols.dlms.apdu import decode_apdu
from protocols.dlms.apdu_action import (
    ActionBlock,
    ActionNextBlock,
    Called,
    called_from_blocks,
    encode_called,
)
from protocols.dlms.apdu_set import SetBlock, SetBlockResponse
from protocols.dlms.cosem import Attribute, DataAccessError, Refused, by_entry, obis_bytes
from protocols.dlms.service_blocks import BLOCKS_MAX, VALUE_SIZE_MAX
from protocols.errors import MeterRefused, ProtocolError, RemoteProtocolError

LIST = Attribute(40, obis_bytes("0.1.25.9.0.255"), 2)
OTHER = Attribute(22, obis_bytes("0.0.15.0.4.255"), 4)
METHOD = Attribute(18, obis_bytes("0.0.44.0.0.255"), 2)
BARE = Attribute(9, obis_bytes("0.0.10.0.0.255"), 1)
LONG = bytes(range(256)) * 3
LINES = pytest.mark.parametrize("framing", ["hdlc", "wrapper"])
KINDS = pytest.mark.parametrize("auth", [Mechanism.LOW, Mechanism.GMAC])


class Writable:
    """A bench whose meter takes whatever it is given, and notes it."""

    def __init__(
        self, framing: str = "wrapper", auth: Mechanism = Mechanism.LOW, **more: Any
    ) -> None:
        self.bench = Bench(framing, auth, **({"max_pdu": 128} | more)).associate()
        self.client = self.bench.client
        self.taken: list[tuple[str, Any]] = []
        self.codes: dict[Attribute, int] = {}
        server = self.bench.meter.server
        server._write = server._call = self._take  # type: ignore[method-assign]
        self.returned = server.returned

    def _take(self, name: Attribute, value: Any) -> int:
        self.taken.append((str(name), value))
        return self.codes.get(name, 0)

    def run(self, dialogue: Any) -> Any:
        """Return the dialogue's result."""
        return self.bench.run(dialogue)

    @property
    def asked(self) -> int:
        """Requests that the meter was sent."""
        return self.bench.meter.requests


@LINES
@KINDS
@pytest.mark.parametrize("size", [10, 60, 100, 107, 108, 109, 200, 768])
def test_a_value_of_any_size_is_written_once(framing: str, auth: Mechanism, size: int) -> None:
    bench = Writable(framing, auth)
    assert bench.run(bench.client.set(LIST, ax.octets(LONG[:size]))) == 0
    assert bench.taken == [(str(LIST), LONG[:size])]


@LINES
def test_what_fits_is_written_in_one_request(framing: str) -> None:
    bench = Writable(framing)
    before = bench.asked
    bench.run(bench.client.set(LIST, ax.u8(5), by_entry(1, 2)))
    assert bench.asked - before == 1
    bench.run(bench.client.set(LIST, ax.octets(LONG), by_entry(1, 2)))
    assert bench.asked - before > 7


@KINDS
def test_a_refusal_behind_all_blocks_is_the_result(auth: Mechanism) -> None:
    bench = Writable("wrapper", auth)
    bench.codes = {LIST: DataAccessError.READ_WRITE_DENIED}
    assert bench.run(bench.client.set(LIST, ax.octets(LONG))) == 3


@LINES
@KINDS
@pytest.mark.parametrize("data", [LONG[:4], LONG])
def test_several_values_at_once(framing: str, auth: Mechanism, data: bytes) -> None:
    bench = Writable(framing, auth)
    bench.codes = {OTHER: DataAccessError.TYPE_UNMATCHED}
    before = bench.asked
    writes = [(LIST, ax.octets(data)), (OTHER, ax.u16(7)), (LIST, ax.NULL)]
    assert bench.run(bench.client.set_list(writes)) == [0, 12, 0]
    assert bench.taken == [(str(LIST), data), (str(OTHER), 7), (str(LIST), None)]
    assert (bench.asked - before == 1) is (data != LONG)


def without(*services: int) -> bytes:
    """Return the conformance of a meter that lacks some services."""
    found = 0x00FE1F
    for service in services:
        found &= ~service
    return found.to_bytes(3)


def test_a_meter_without_lists_is_written_and_called_one_by_one() -> None:
    bench = Writable(conformance=without(acse.MULTIPLE_REFERENCES))
    bench.returned[METHOD] = ax.u8(9)
    writes = [(LIST, ax.u8(1)), (OTHER, ax.u8(2))]
    assert bench.run(bench.client.set_list(writes)) == [0, 0]
    calls = [(METHOD, ax.u8(3)), (BARE, None)]
    got = bench.run(bench.client.action_list(calls))
    assert got == [Called(0, returned=True, value=9), Called(0)]
    assert [value for _, value in bench.taken] == [1, 2, 3, None]
    assert bench.run(bench.client.set_list([])) == bench.run(bench.client.action_list([])) == []


def test_a_meter_without_blocks_is_not_sent_what_it_cannot_take() -> None:
    bench = Writable(conformance=without(acse.BLOCK_SET, acse.BLOCK_ACTION))
    before = bench.asked
    for dialogue in (
        bench.client.set(LIST, ax.octets(LONG)),
        bench.client.set_list([(LIST, ax.octets(LONG))]),
        bench.client.action(METHOD, ax.octets(LONG)),
        bench.client.action_list([(METHOD, ax.octets(LONG))]),
    ):
        with pytest.raises(MeterRefused, match="takes requests of 128 bytes and no blocks"):
            bench.run(dialogue)
    assert bench.asked == before


def test_a_meter_without_a_limit_is_sent_everything_at_once() -> None:
    bench = Writable()
    bench.client.requester.room = 0
    before = bench.asked
    assert bench.run(bench.client.set(LIST, ax.octets(LONG))) == 0
    assert bench.asked - before == 1


# -- calls


@LINES
@KINDS
@pytest.mark.parametrize("out", [4, 768])
@pytest.mark.parametrize("back", [None, 4, 768])
def test_parameters_and_what_is_returned_may_be_long(
    framing: str, auth: Mechanism, out: int, back: int | None
) -> None:
    bench = Writable(framing, auth)
    if back is not None:
        bench.returned[METHOD] = ax.octets(LONG[:back])
    called = bench.run(bench.client.call(METHOD, ax.octets(LONG[:out])))
    value = None if back is None else LONG[:back]
    assert called == Called(0, returned=back is not None, value=value)
    assert bench.taken == [(str(METHOD), LONG[:out])]
    assert bench.run(bench.client.action(METHOD, ax.octets(LONG[:out]))) == 0


@LINES
@KINDS
@pytest.mark.parametrize("out", [4, 768])
@pytest.mark.parametrize("back", [4, 768])
def test_several_calls_at_once(framing: str, auth: Mechanism, out: int, back: int) -> None:
    bench = Writable(framing, auth)
    bench.returned[METHOD] = ax.octets(LONG[:back])
    bench.codes = {OTHER: 3}
    calls = [(METHOD, ax.octets(LONG[:out])), (OTHER, ax.u8(1)), (BARE, None)]
    got = bench.run(bench.client.action_list(calls))
    assert got == [Called(0, returned=True, value=LONG[:back]), Called(3), Called(0)]
    assert [value for _, value in bench.taken] == [LONG[:out], 1, None]


@pytest.mark.parametrize(("raw", "called"), [
    (encode_called(0, ax.u8(5)), Called(0, returned=True, value=5)),
    (encode_called(3), Called(3)),
    (b"\x01" + b"\x00" + ax.u8(5), Called(0, returned=True, value=5)),
    (b"\x00" + ax.u8(5), Called(0, returned=True, value=5)),
    (b"\x01\x04", Called(0, returned=True, value=Refused(4))),
    (b"\x01\x01\x04", Called(0, returned=True, value=Refused(4))),
    (ax.octets(LONG), Called(0, returned=True, value=LONG)),
    (ax.array(ax.u8(1), ax.u8(2)), Called(0, returned=True, value=[1, 2])),
])  # fmt: skip
def test_blocks_of_an_answer_join_as_meters_write_them(raw: bytes, called: Called) -> None:
    assert called_from_blocks(raw) == called


@given(st.binary(max_size=60))
def test_blocks_that_join_to_anything(raw: bytes) -> None:
    try:
        called_from_blocks(raw)
    except RemoteProtocolError as refused:
        assert refused.category == "block"  # noqa: PT017 -- most examples are refused


# -- meters that make a mess of it


def scripted(reply: Callable[[Any], Any]) -> Scripted:
    """Return a meter that takes PDUs of 500 bytes and answers what it is told, by the request."""
    return Scripted(lambda apdu: reply(decode_apdu(apdu)))


def block_of(request: Any) -> int:
    return getattr(request, "block", 1)


SET_ANSWERS: Any = [
    (lambda _: NOT_POSSIBLE, MeterRefused),
    (lambda r: bytes((0xC4, 1, r.invoke, 0, 0)), RemoteProtocolError),
    (
        lambda r: apdu_set.encode_response(SetBlockResponse(r.invoke, block_of(r) + 1)),
        RemoteProtocolError,
    ),
    (
        lambda r: apdu_set.encode_response(SetBlockResponse(r.invoke, block_of(r))),
        RemoteProtocolError,
    ),
    (lambda _: b"\xc5\x02", RemoteProtocolError),
]


@pytest.mark.parametrize(("reply", "error"), SET_ANSWERS)
@pytest.mark.parametrize("service", ["set", "set_list"])
def test_writes_that_come_to_nothing(service: str, reply: Any, error: Any) -> None:
    meter = scripted(reply)
    dialogue = {
        "set": lambda: meter.client.set(LIST, ax.octets(LONG * 4)),
        "set_list": lambda: meter.client.set_list([(LIST, ax.octets(LONG * 4))] * 2),
    }[service]
    with pytest.raises(error):
        meter.run(dialogue())


def test_a_meter_that_gives_up_in_the_middle_is_a_refusal() -> None:
    def reply(request: Any) -> bytes:
        code = None if block_of(request) < 2 else 17
        return apdu_set.encode_response(SetBlockResponse(request.invoke, block_of(request), code))

    meter = scripted(reply)
    before = len(meter.bench.line.sent)
    assert meter.run(meter.client.set(LIST, ax.octets(LONG * 4))) == DataAccessError(17)
    assert len(meter.bench.line.sent) - before == 2


def test_an_answer_to_an_earlier_block_is_passed_over() -> None:
    def reply(request: Any) -> bytes:
        return apdu_set.encode_response(SetBlockResponse(request.invoke, block_of(request) - 1))

    meter = scripted(reply)
    with pytest.raises(ProtocolError, match="no answer"):
        meter.run(meter.client.set(LIST, ax.octets(LONG * 4)))


@pytest.mark.parametrize("results", [(0,), (0, 0, 0), ()])
def test_a_wrong_number_of_results(results: tuple[int, ...]) -> None:
    meter = scripted(
        lambda r: apdu_set.encode_response(apdu_set.SetListResponse(r.invoke, results))
    )
    with pytest.raises(RemoteProtocolError, match=f"{len(results)} results for 2 requests"):
        meter.run(meter.client.set_list([(LIST, ax.u8(1))] * 2))
    called = [encode_called(0)] * len(results)
    meter = scripted(lambda r: apdu_action.encode_list_response(r.invoke, called))
    with pytest.raises(RemoteProtocolError, match=f"{len(results)} results for 2 requests"):
        meter.run(meter.client.action_list([(METHOD, None)] * 2))


def endless(request: Any, raw: bytes) -> bytes:
    number = request.block + 1 if isinstance(request, ActionNextBlock) else 1
    return apdu_action.encode_block_response(
        ActionBlock(request.invoke, False, number, raw, response=True)
    )


@pytest.mark.parametrize("raw", [bytes(8000), b""])
def test_an_answer_without_end_is_bounded(raw: bytes) -> None:
    meter = scripted(lambda request: endless(request, raw))
    with pytest.raises(RemoteProtocolError, match="a value of more than"):
        meter.bench.line.run(meter.client.call(METHOD), turns_max=40_000)
    most = BLOCKS_MAX if not raw else VALUE_SIZE_MAX // len(raw)
    assert len(meter.bench.line.sent) <= most + 10


@pytest.mark.parametrize("answer", [
    lambda _: NOT_POSSIBLE,
    lambda r: apdu_action.encode_response(r.invoke, 0),
    lambda r: apdu_action.encode_list_response(r.invoke, []),
])  # fmt: skip
def test_an_answer_that_does_not_go_on(answer: Any) -> None:
    def reply(request: Any) -> Any:
        going_on = isinstance(request, ActionNextBlock)
        return answer(request) if going_on else endless(request, b"\x00")

    meter = scripted(reply)
    with pytest.raises(ProtocolError):
        meter.run(meter.client.call(METHOD))


def test_what_is_no_answer_to_calls() -> None:
    for reply in (lambda _: NOT_POSSIBLE, lambda r: bytes((0xC5, 1, r.invoke, 0))):
        meter = scripted(reply)
        with pytest.raises(ProtocolError):
            meter.run(meter.client.action_list([(METHOD, None)] * 2))


@settings(max_examples=many(0.6))
@given(st.integers(1, 400), st.integers(64, 300), st.booleans())
def test_any_size_of_value_and_pdu(size: int, max_pdu: int, ciphered: bool) -> None:
    auth = Mechanism.GMAC if ciphered else Mechanism.LOW
    bench = Writable("wrapper", auth, max_pdu=max_pdu)
    bench.returned[METHOD] = ax.octets(LONG[:size])
    called = bench.run(bench.client.call(METHOD, ax.octets(LONG[:size])))
    assert (bench.taken[0][1], called.value) == (LONG[:size], LONG[:size])
    for sent in bench.bench.line.sent[2:]:
        assert len(sent) - 8 <= max_pdu


# -- the simulated meter's side


def services(taken: list[Any]) -> MeterServices:
    def write(_: Attribute, value: Any) -> int:
        taken.append(value)
        return 0

    objects = MeterObjects(lambda *_: ax.octets(LONG), write, write, lambda _: ax.octets(LONG))
    return MeterServices(objects, lambda: 100)


def first(block: int = 1, *, last: bool = False, raw: bytes = b"\x09\x03a") -> Any:
    return apdu_set.SetFirstBlock(0xC1, LIST, None, last, block, raw)


def test_the_simulated_meter_takes_blocks_in_order_only() -> None:
    taken: list[Any] = []
    meter = services(taken)

    def told(request: Any) -> Any:
        return decode_apdu(meter.answer(request))

    invalid = DataAccessError.DATA_BLOCK_NUMBER_INVALID
    assert told(SetBlock(0xC1, True, 1, b"")).result == invalid
    assert told(first()) == SetBlockResponse(0xC1, 1)
    assert told(SetBlock(0xC1, False, 3, b"b")).result == invalid
    assert told(SetBlock(0xC1, True, 2, b"bc")).result == invalid, "it has given up"
    assert told(first()) == SetBlockResponse(0xC1, 1)
    assert told(SetBlock(0xC2, True, 2, b"bc")).result == invalid, "another request's"
    assert told(first()) == SetBlockResponse(0xC1, 1)
    assert told(SetBlock(0xC1, True, 2, b"bc")) == SetBlockResponse(0xC1, 2, 0)
    assert taken == [b"abc"]
    assert told(ActionBlock(0xC1, True, 2, b"")).result == invalid
    assert told(first(2)).result == invalid


def test_the_simulated_meter_takes_no_value_without_end() -> None:
    meter = services([])
    meter.answer(first(raw=bytes(60_000)))
    answer = decode_apdu(meter.answer(SetBlock(0xC1, False, 2, bytes(TAKEN_SIZE_MAX))))
    assert answer.result == DataAccessError.LONG_SET_ABORTED


def test_the_simulated_meter_goes_on_only_with_what_it_began() -> None:
    meter = services([])
    assert meter.answer(ActionNextBlock(0xC1, 1)) == NOT_DONE
    assert decode_apdu(meter.answer(apdu_get.GetNext(0xC1, 1))).error == 19
    assert decode_apdu(meter.answer(apdu_action.ActionRequest(0xC1, METHOD, None))).block == 1
    assert decode_apdu(meter.answer(ActionNextBlock(0xC1, 1))).block == 2
    assert meter.answer(decode_apdu(b"\xc4\x01\xc1\x00\x00")) == NOT_DONE


NOT_DONE = services([]).answer(None)

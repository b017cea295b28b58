"""General block transfer that is confirmed: both ways, streamed, over lines that lose blocks."""

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from dlms_bench import NOW, Bench, Tamper, check_profile, check_registers
from dlms_scripted import NOT_POSSIBLE, SERVICE_ERROR, Scripted
from examples import many
from hypothesis import given, settings, strategies as st

from hes.fleet.dlms_blocks import MeterBlocks
from protocols.dlms import acse, apdu_action, apdu_get, apdu_set, axdr_encode as ax
from protocols.dlms.acse import Mechanism
from protocols.dlms.apdu import decode_apdu
from protocols.dlms.apdu_push import encode_data_notification
from protocols.dlms.client import ClientSettings
from protocols.dlms.cosem import Attribute, obis_bytes
from protocols.dlms.gbt import Block, decode_block, encode_block
from protocols.dlms.gbt_client import PASSED_MAX, RECOVERIES_MAX
from protocols.dlms.gbt_transfer import BLOCKS_MAX, SIZE_MAX, Incoming, Outgoing
from protocols.dlms.push_reader import PushReader
from protocols.dlms.wrapper import encode_wpdu
from protocols.errors import MeterRefused, MeterSilent, ProtocolError, RemoteProtocolError

ONE_BY_ONE = acse.BLOCK_GET | acse.BLOCK_SET | acse.BLOCK_ACTION
GENERAL = (0x00FE1F & ~ONE_BY_ONE | acse.GENERAL_BLOCKS).to_bytes(3)
"""A meter that knows no blocks but the general ones."""
METHOD = Attribute(18, obis_bytes("0.0.44.0.0.255"), 2)
ENERGY = Attribute(3, obis_bytes("1.0.1.8.0.255"), 2)
LONG = bytes(range(256)) * 12
LINES = pytest.mark.parametrize("framing", ["hdlc", "wrapper"])
KINDS = pytest.mark.parametrize("auth", [Mechanism.LOW, Mechanism.GMAC])


def wpdus(data: bytes) -> Iterator[bytes]:
    while data:
        size = 8 + int.from_bytes(data[6:8])
        yield data[:size]
        data = data[size:]


def losing(lost: Callable[[], bool]) -> Tamper:
    """Return a line that loses whole blocks, and nothing else."""

    def deliver(_number: int, data: bytes) -> list[bytes | None]:
        kept = [w for w in wpdus(data) if w[8] != 0xE0 or not lost()]
        return [b"".join(kept)] if kept else []

    return deliver


class Blocks:
    """A bench whose meter takes and returns long values in general blocks."""

    def __init__(
        self, framing: str = "wrapper", auth: Mechanism = Mechanism.LOW, **more: Any
    ) -> None:
        fields = {"max_pdu": 128, "conformance": GENERAL} | more
        self.bench = Bench(framing, auth, **fields).associate()
        self.taken: list[Any] = []
        self.bench.meter.server._call = self._take  # type: ignore[method-assign]
        self.bench.meter.server.returned[METHOD] = ax.octets(LONG)

    def _take(self, _: Attribute, value: Any) -> int:
        self.taken.append(value)
        return 0

    def call(self, size: int = len(LONG)) -> Any:
        """Call a method with so many bytes; return what it returns."""
        self.taken.clear()
        client = self.bench.client
        return self.bench.run(client.call(METHOD, ax.octets(LONG[:size]))).value

    def blocks(self) -> list[Block]:
        """Return the blocks that the client has sent."""
        sent = b"".join(self.bench.line.sent)
        return [decode_block(w[8:]) for w in wpdus(sent) if w[8] == 0xE0]


@LINES
@KINDS
def test_a_meter_that_knows_no_other_blocks_is_read(framing: str, auth: Mechanism) -> None:
    bench = Bench(framing, auth, max_pdu=128, conformance=GENERAL).associate()
    check_registers(bench)
    check_profile(bench)


@LINES
@KINDS
@pytest.mark.parametrize("size", [1, 100, 127, 128, 129, 3000])
def test_long_ways_out_and_back(framing: str, auth: Mechanism, size: int) -> None:
    blocks = Blocks(framing, auth)
    for _ in range(2):
        assert blocks.call(size) == LONG
        assert blocks.taken == [LONG[:size]]


@pytest.mark.parametrize("window", [1, 2, 8, 63])
@pytest.mark.parametrize("meter_window", [1, 3, 63])
def test_no_more_blocks_under_way_than_the_other_end_takes(window: int, meter_window: int) -> None:
    blocks = Blocks(window=window, meter_window=meter_window)
    before = len(blocks.bench.line.sent)
    assert blocks.call() == LONG
    assert blocks.taken == [LONG]
    bursts = [list(wpdus(sent)) for sent in blocks.bench.line.sent[before:]]
    assert max(map(len, bursts)) == min(meter_window, len(LONG)) if meter_window < 26 else True
    assert len(bursts[0]) == 1, "nobody knows the meter's window yet"
    for burst in bursts:
        streamed = [decode_block(w[8:]).streaming for w in burst]
        assert streamed == [True] * (len(burst) - 1) + [False]
    turns = len(bursts)
    assert turns >= len(LONG) / 119 / window + len(LONG) / 119 / meter_window - 1


def test_streaming_saves_round_trips() -> None:
    turns = {}
    for window in (1, 8):
        blocks = Blocks(window=window, meter_window=window)
        before = len(blocks.bench.line.sent)
        blocks.call()
        turns[window] = len(blocks.bench.line.sent) - before
    assert turns[8] * 4 < turns[1]


def test_general_blocks_that_are_not_wanted_are_not_offered() -> None:
    assert ClientSettings(window=0).conformance == bytes.fromhex("40fe5f")
    blocks = Blocks(window=0, max_pdu=4096)
    assert blocks.call(10) == LONG
    with pytest.raises(MeterRefused, match="and no blocks"):
        blocks.bench.run(blocks.bench.client.call(METHOD, ax.octets(LONG * 2)))
    assert blocks.blocks() == []


# -- lines that lose


@pytest.mark.parametrize("number", range(1, 12))
@pytest.mark.parametrize("way", ["out", "back"])
def test_any_one_block_may_get_lost(way: str, number: int) -> None:
    blocks = Blocks(window=4, meter_window=4)
    count = iter(range(1, 10_000))
    setattr(blocks.bench.line, way, losing(lambda: next(count) == number))
    assert blocks.call() == LONG
    assert blocks.taken == [LONG]


@settings(max_examples=many(0.8))
@given(st.integers(0, 2**32), st.integers(1, 9), st.integers(1, 9), st.booleans())
def test_on_a_bad_line_all_or_nothing(seed: int, window: int, theirs: int, ciphered: bool) -> None:
    """What is lost is sent again; where too much is, that is told, and never half a value taken."""
    rng = random.Random(seed)
    auth = Mechanism.GMAC if ciphered else Mechanism.LOW
    blocks = Blocks("wrapper", auth, window=window, meter_window=theirs)
    share = rng.choice([0.02, 0.1, 0.3])
    blocks.bench.line.out = blocks.bench.line.back = losing(lambda: rng.random() < share)
    try:
        assert blocks.call() == LONG
    except ProtocolError:
        pass
    assert set(blocks.taken) <= {LONG}
    assert len(blocks.taken) <= 1


def test_a_line_that_loses_everything_is_given_up() -> None:
    blocks = Blocks()
    blocks.bench.line.back = losing(lambda: True)
    before = len(blocks.bench.line.sent)
    with pytest.raises(RemoteProtocolError, match="no answer to a block, asked 3 times"):
        blocks.call()
    assert len(blocks.bench.line.sent) - before == RECOVERIES_MAX + 1


def test_on_a_numbered_link_the_link_repeats_and_nobody_else() -> None:
    blocks = Blocks("hdlc")
    blocks.bench.line.answer = lambda _: b""
    with pytest.raises(MeterSilent):
        blocks.call()


def test_messages_of_others_between_the_blocks_are_passed_over() -> None:
    """A push of this meter, and a late answer to another question."""
    blocks = Blocks()
    push = encode_wpdu(1, 1, encode_data_notification(7, None, ax.structure(ax.u32(1))))
    late = encode_wpdu(1, 1, apdu_get.encode_response(0xC0, ax.u32(666)))

    def with_strays(_number: int, data: bytes) -> list[bytes | None]:
        parts = [late + push + w + push for w in wpdus(data)]
        return [b"".join(parts)] if parts else []

    blocks.bench.line.back = with_strays
    assert blocks.call() == LONG
    blocks.bench.line.back = lambda *_: [late * 40]
    with pytest.raises(RemoteProtocolError, match="no block among them"):
        blocks.call()


@pytest.mark.parametrize("auth", [Mechanism.LOW, Mechanism.GMAC])
def test_a_push_in_blocks_of_its_own_is_no_answer(auth: Mechanism) -> None:
    blocks = Blocks("wrapper", auth)
    push = encode_data_notification(7, None, ax.structure(ax.u32(1)))
    whole = b"".join(encode_wpdu(1, 1, b) for b in Outgoing(push, 5).window(9, 1, 0))
    blocks.bench.line.back = lambda _, data: [whole + data]
    energy = blocks.bench.meter.objects.consumption.energy_wh(NOW)
    assert blocks.bench.run(blocks.bench.client.get(ENERGY)) == energy
    sent = blocks.bench.line.sent
    blocks.bench.line.back = lambda _, data: [data if sent[-1][8] == 0xE0 else whole + data]
    check_profile(blocks.bench, hours=3)


@pytest.mark.parametrize("auth", [Mechanism.LOW, Mechanism.GMAC])
def test_who_watches_for_pushes_takes_no_answer_for_one(auth: Mechanism) -> None:
    """Nor for a push with a gap: blocks of an answer begin behind the empty ones, and get lost."""
    blocks = Blocks("wrapper", auth)
    taken: list[Any] = []
    watcher = PushReader(taken.append, lambda *kept: taken.append(kept))
    count = iter(range(10_000))
    lossy = losing(lambda: next(count) in {9, 17})

    def watched(number: int, data: bytes) -> list[bytes | None]:
        for piece in (got := lossy(number, data)):
            watcher.feed(piece or b"")
        return list(got)

    blocks.bench.line.back = watched
    assert blocks.call() == LONG
    assert blocks.call(10) == LONG
    assert taken == []
    push = encode_data_notification(7, None, ax.structure(ax.u32(1)))
    for raw in Outgoing(push, 5).window(9, 1, 0):
        watcher.feed(encode_wpdu(1, 103, raw))
    assert [frame.apdu for frame in taken] == [push]


# -- meters that make a mess of it


def scripted(reply: Callable[[Block | None], list[bytes]]) -> Scripted:
    """Return a meter that agreed on general blocks and sends what it is told to each block."""
    meter = Scripted(lambda _: None)
    meter.client.agreed = acse.InitiateResponse(conformance=GENERAL, max_pdu=100)
    requester = meter.client.requester
    requester.blocks, requester.room = True, 100

    def answer(data: bytes) -> bytes:
        out = b""
        for wpdu in wpdus(data):
            request = decode_apdu(wpdu[8:])
            block = request if isinstance(request, Block) else None
            out += b"".join(encode_wpdu(1, 1, apdu) for apdu in reply(block))
        return out

    meter.bench.line.answer = answer
    return meter


def piece(number: int, data: bytes = b"x", **more: Any) -> bytes:
    fields = {"last": False, "streaming": False, "window": 1, "acknowledged": 0} | more
    return encode_block(Block(number=number, data=data, **fields))


def get(meter: Scripted) -> Any:
    return meter.bench.line.run(meter.client.get(ENERGY), turns_max=60_000)


def call(meter: Scripted) -> Any:
    return meter.run(meter.client.action(METHOD, ax.octets(LONG)))


@pytest.mark.parametrize(("reply", "words"), [
    (lambda _: [piece(5)], "block 1 does not come"),
    (lambda _: [piece(1)], "block 2 does not come"),
    (lambda _: [piece(1, b"", last=True)], "does not come"),
    (lambda b: [piece(1 if b is None else b.number + 1, b"")], "does not come"),
    (lambda _: [piece(1, streaming=True)], "announced did not come|does not come"),
    (lambda _: [piece(9, streaming=True)] * (PASSED_MAX + 2), "block 1 does not come"),
    (lambda b: [piece(1)] if b is None else [b"\xe0\x00"], "need"),
    (lambda b: [piece(1)] if b is None else [], "acknowledgement of a block"),
])  # fmt: skip
def test_answers_that_do_not_go_on(reply: Any, words: str) -> None:
    meter = scripted(reply)
    with pytest.raises(RemoteProtocolError, match=words):
        get(meter)
    assert len(meter.bench.line.sent) < 20


@pytest.mark.parametrize("answer", [NOT_POSSIBLE, SERVICE_ERROR])
def test_a_refusal_in_the_middle_is_heard(answer: bytes) -> None:
    with pytest.raises(MeterRefused):
        get(scripted(lambda b: [piece(1)] if b is None else [answer]))
    with pytest.raises(MeterRefused):
        call(scripted(lambda _: [answer]))


def test_answers_without_end_are_bounded() -> None:
    for data in (bytes(8000), b"x"):
        meter = scripted(lambda b, d=data: [piece(1 if b is None else b.acknowledged + 1, d)])
        with pytest.raises(RemoteProtocolError, match="blocks of more than"):
            get(meter)
        assert len(meter.bench.line.sent) <= min(SIZE_MAX // len(data), BLOCKS_MAX) + 5


@pytest.mark.parametrize(("acknowledged", "words"), [
    (0, "does not take block 1"), (1, "does not take block 2"), (999, "999 was acknowledged"),
])  # fmt: skip
def test_a_meter_that_takes_no_blocks(acknowledged: int, words: str) -> None:
    meter = scripted(lambda _: [piece(1, b"", acknowledged=acknowledged)])
    with pytest.raises(RemoteProtocolError, match=words):
        call(meter)


def test_a_meter_may_answer_in_one_piece_and_count_no_empty_blocks() -> None:
    def reply(block: Block | None) -> list[bytes]:
        assert block is not None
        if not block.last:
            return [piece(0, b"", acknowledged=block.number)]
        return [apdu_action.encode_response(0xC1, 0)]

    assert call(scripted(reply)) == 0

    def again(block: Block | None) -> list[bytes]:
        assert block is not None
        whole = apdu_action.encode_response(0xC1, 0)
        last = block.last and bool(block.data)
        return [piece(1, whole if last else b"", last=last, acknowledged=block.number)]

    assert call(scripted(again)) == 0


def test_a_meter_that_acknowledges_before_it_answers_is_asked_on() -> None:
    def reply(block: Block | None) -> list[bytes]:
        assert block is not None
        if block.data:
            return [piece(block.number, b"", acknowledged=block.number, last=True)]
        return [piece(block.acknowledged + 1, apdu_action.encode_response(0xC1, 3), last=True)]

    assert call(scripted(reply)) == 3


@settings(max_examples=many(1.5))
@given(st.lists(st.one_of(
    st.binary(max_size=30).map(lambda b: b"\xe0" + b),
    st.builds(
        Block, st.booleans(), st.booleans(), st.integers(0, 63), st.integers(0, 4),
        st.integers(0, 4), st.binary(max_size=9),
    ).map(encode_block),
), max_size=12))  # fmt: skip
def test_any_blocks_are_a_protocol_error_or_an_answer(sent: list[bytes]) -> None:
    waiting = iter(sent)
    meter = scripted(lambda _: [b for b in [next(waiting, b"")] if b])
    for ask in (get, call):
        try:
            ask(meter)
        except ProtocolError:
            pass


# -- the two ends alone


@given(st.binary(min_size=1, max_size=400), st.integers(1, 50), st.data())
def test_both_ends_whatever_is_lost_or_repeated(
    apdu: bytes, size: int, data: st.DataObject
) -> None:
    outgoing, incoming = Outgoing(apdu, size), Incoming()
    for _ in range(2_000):
        for raw in outgoing.window(data.draw(st.integers(1, 9)), 1, 0):
            for _ in range(data.draw(st.sampled_from([1, 1, 1, 0, 2]))):
                incoming.take(decode_block(raw))
        outgoing.confirm(incoming.number)
        if outgoing.done:
            break
    assert (outgoing.done, incoming.whole) == (True, apdu)
    assert outgoing.window(9, 1, 0) == []


def test_the_simulated_meter_begins_anew_with_a_new_request() -> None:
    meter = MeterBlocks(4)
    assert meter._send() == []
    request = apdu_set.encode_request(apdu_set.SetBlock(0xC1, True, 1, bytes(50)))
    first, last = (decode_block(b) for b in Outgoing(request, 40).window(9, 3, 0))
    assert meter.take(first) == (None, []), "the first was streamed"
    assert meter.take(last) == (request, [])
    (answered,) = map(decode_block, meter.answer(bytes(20), 100))
    assert (answered.last, answered.acknowledged, answered.window) == (True, 2, 4)
    assert meter.take(first) == (None, [])
    assert meter.take(last) == (request, [])


def test_the_simulated_meter_takes_blocks_from_its_client_only() -> None:
    server = Blocks().bench.meter.server
    block = piece(1, b"\xc0", last=True)
    assert server.answer(block, 2) == server.answer(block, 3)
    assert decode_apdu(server.answer(block, 2) or b"").service_error == 5
    other = Bench("wrapper").associate().meter.server
    assert decode_apdu(other.answer(block, 1) or b"").service_error == 5

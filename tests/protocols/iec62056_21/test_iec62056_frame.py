"""Messages: known ones, every cut, any garbage, noise in front."""

import sys
import time
from functools import reduce
from operator import xor as exclusive_or

import pytest
from hypothesis import given, settings, strategies as st

from protocols.errors import LocalProtocolError
from protocols.iec62056_21.block_check import EVEN_PARITY, added, xor
from protocols.iec62056_21.frame import (
    ACK,
    BLOCK_SIZE_MAX,
    NAK,
    Block,
    Control,
    Line,
    Message,
    MessageReader,
    Option,
    encode_block,
    encode_command,
    encode_option,
    encode_request,
)

TEXT = st.text("0123456789.:-*()kWhVA\r\n", max_size=60)
MESSAGES = st.one_of(
    st.builds(encode_block, TEXT, more=st.booleans()),
    st.builds(
        encode_command, st.sampled_from(["R5", "P1", "W1"]), st.sampled_from(["", "1.8.0()"])
    ),
    st.just(encode_command("B0")),
    st.builds(encode_request, st.text("0123456789", max_size=12)),
    st.just(b"/ISk5MT174-0001\r\n"),
    st.sampled_from([b"\x15"]),
)


def read_all(chunks: list[bytes], *, both_ways: bool = True) -> list[Message]:
    reader = MessageReader(both_ways=both_ways)
    return [m for chunk in chunks for m in reader.feed(chunk)] + reader.idle()


def test_messages_of_the_standard() -> None:
    # The break is printed with its check in the standard: 71H.
    assert encode_command("B0") == b"\x01B0\x03q"
    assert encode_request("00123") == b"/?00123!\r\n"
    assert encode_option("0", "5", "1") == b"\x06051\r\n"
    assert encode_command("P1", "(1234)")[:-1] == b"\x01P1\x02(1234)\x03"
    assert encode_block("1.8.0(1*kWh)", more=True)[-2] == 0x04


def test_what_is_sent_is_what_is_read() -> None:
    sent = (
        encode_request("12") + encode_option("0", "5", "0") + encode_command("R5", "1.8.0()")
        + encode_block("1.8.0(1*kWh)") + b"\x15"
    )  # fmt: skip
    request, option, command, data, nak = read_all([sent])
    assert request == Line("?12!")
    assert option == Option("050")
    assert isinstance(command, Block)
    assert (command.command, command.data, command.good) == ("R5", "1.8.0()", True)
    assert isinstance(data, Block)
    assert (data.command, data.data, data.more, data.good) == ("", "1.8.0(1*kWh)", False, True)
    assert nak == Control(NAK)


def test_a_client_takes_an_ack_at_once() -> None:
    assert MessageReader().feed(b"\x06") == [Control(ACK)]
    assert MessageReader(both_ways=True).feed(b"\x06") == []
    assert read_all([b"\x06"]) == [Control(ACK)]


@given(st.binary(max_size=3000))
def test_checks_are_what_they_are_called(data: bytes) -> None:
    assert xor(data) == reduce(exclusive_or, data, 0)
    assert added(data) == sum(data) % 128


@given(st.lists(MESSAGES, max_size=5), st.data())
def test_the_same_however_the_stream_is_cut(sent: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(sent)
    whole = read_all([stream])
    assert len(whole) == len(sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    chunks = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    assert read_all(chunks) == whole
    assert read_all([bytes([byte]) for byte in stream]) == whole


@given(st.lists(MESSAGES, max_size=4))
def test_parity_changes_nothing(sent: list[bytes]) -> None:
    stream = b"".join(sent)
    assert read_all([stream.translate(EVEN_PARITY)]) == read_all([stream])


@given(st.binary(max_size=300))
def test_garbage_is_messages_or_nothing(noise: bytes) -> None:
    read_all([noise])


@given(st.binary(max_size=60), TEXT.map(encode_block))
def test_a_good_block_after_noise_comes_out(noise: bytes, block: bytes) -> None:
    # Noise that ends in what a check follows, or a check, may eat the first byte of what comes.
    found = read_all([noise + b"\r\n" + block], both_ways=False)
    last = found[-1]
    if noise.translate(bytes(n & 0x7F for n in range(256))).rfind(b"\x03", -1) < 0:
        assert isinstance(last, Block)
        assert last.good


def test_a_start_within_data_is_the_real_one() -> None:
    found = read_all([b"\x02noise/ISk5MT174\r\n" + encode_block("1.8.0(1)")])
    assert [type(message) for message in found] == [Line, Block]


@pytest.mark.parametrize("data", ["", "1.8.0(1*kWh)\r\n!\r\n"])
def test_one_wrong_bit_is_seen(data: str) -> None:
    good = encode_block(data)
    for at in range(1, len(good)):
        for bit in range(7):
            bad = bytearray(good)
            bad[at] ^= 1 << bit
            found = MessageReader().feed(bytes(bad))
            assert not any(isinstance(m, Block) and m.good for m in found), (at, bit)


def test_the_check_may_be_a_sum() -> None:
    block = encode_block("1.8.0(1*kWh)", check="sum")
    (by_sum,) = MessageReader("sum").feed(block)
    (by_xor,) = MessageReader().feed(block)
    assert isinstance(by_sum, Block)
    assert isinstance(by_xor, Block)
    assert (by_sum.good, by_xor.good) == (True, False)


def test_a_block_without_end_does_not_grow() -> None:
    reader = MessageReader()
    for _ in range(3 * BLOCK_SIZE_MAX // 1024):
        reader.feed(b"\x02" + b"1" * 1023)
        assert reader.pending <= BLOCK_SIZE_MAX + 1024
    assert [m for m in reader.feed(encode_block("x(1)")) if isinstance(m, Block)][-1].good


@pytest.mark.parametrize(
    "pattern", [b"/", b"\x02", b"\x01R5\x02", b"/a", b"\x02a", b"\x06", b"\x06051", b"\x03"]
)
@pytest.mark.parametrize("piece", [1, 1024])
@pytest.mark.skipif(sys.gettrace() is not None, reason="slowed down by a tracer")
def test_no_input_takes_long(pattern: bytes, piece: int) -> None:
    kib = 48 if piece > 1 else 4
    stream = pattern * (kib * 1024 // len(pattern))
    began = time.process_time()
    reader = MessageReader(both_ways=True)
    for at in range(0, len(stream), piece):
        reader.feed(stream[at : at + piece])
    reader.idle()
    assert (time.process_time() - began) / kib < 0.05, "10 ms a KiB, and room for a busy machine"


def test_what_cannot_be_sent_is_our_fault() -> None:
    with pytest.raises(LocalProtocolError):
        encode_command("R5", "1.8.0(\x03)")
    with pytest.raises(LocalProtocolError):
        encode_request("1!\r\n/?2")


@settings(max_examples=20)
@given(st.integers(0, 10))
def test_idle_gives_up_what_waits(size: int) -> None:
    reader = MessageReader()
    reader.feed(b"\x02" + b"1" * size)
    assert reader.in_block
    assert reader.idle() == []
    assert reader.pending == 0

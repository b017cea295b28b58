"""General block transfer: any cut into blocks, repeats, gaps, no end."""

import pytest
from hypothesis import given, strategies as st

from protocols.dlms.gbt import JOINED_SIZE_MAX, Block, BlockJoiner, decode_block, encode_block
from protocols.errors import RemoteProtocolError

blocks = st.builds(
    Block, st.booleans(), st.booleans(), st.integers(0, 63), st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFF), st.binary(max_size=300),
)  # fmt: skip


def cut(apdu: bytes, size: int) -> list[Block]:
    pieces = [apdu[at : at + size] for at in range(0, len(apdu), size)]
    last = len(pieces)
    return [Block(n == last, n < last, 1, n, 0, piece) for n, piece in enumerate(pieces, start=1)]


@given(blocks)
def test_there_and_back(block: Block) -> None:
    assert decode_block(encode_block(block)) == block


@given(st.binary(min_size=1, max_size=500), st.integers(1, 100), st.data())
def test_blocks_join_whatever_is_repeated(apdu: bytes, size: int, data: st.DataObject) -> None:
    joiner = BlockJoiner()
    sent = cut(apdu, size)
    for block in sent[:-1]:
        for _ in range(data.draw(st.integers(1, 3))):
            assert joiner.take(block) is None
        assert joiner.open
    assert joiner.take(sent[-1]) == apdu
    assert not joiner.open


def test_a_gap_is_told_and_the_next_transfer_works() -> None:
    joiner = BlockJoiner()
    first, _, third = cut(bytes(30), 10)
    assert joiner.take(first) is None
    with pytest.raises(RemoteProtocolError) as refused:
        joiner.take(third)
    assert refused.value.category == "gbt-gap"
    assert [joiner.take(block) for block in cut(b"abcdef", 3)] == [None, b"abcdef"]


def test_a_transfer_that_begins_anew_drops_the_old_one() -> None:
    joiner = BlockJoiner()
    for block in cut(bytes(30), 10)[:2]:
        joiner.take(block)
    assert [joiner.take(block) for block in cut(b"abcdef", 3)] == [None, b"abcdef"]


def test_a_transfer_without_end_is_bounded() -> None:
    joiner = BlockJoiner()
    most = JOINED_SIZE_MAX // 1000
    for number in range(1, most + 1):
        assert joiner.take(Block(False, False, 1, number, 0, bytes(1000))) is None
    with pytest.raises(RemoteProtocolError) as refused:
        joiner.take(Block(False, False, 1, most + 1, 0, bytes(1000)))
    assert refused.value.category == "size"
    assert not joiner.open


@given(st.lists(blocks, max_size=8))
def test_any_blocks_are_a_protocol_error_or_an_apdu(sent: list[Block]) -> None:
    joiner = BlockJoiner()
    for block in sent:
        try:
            joiner.take(block)
        except RemoteProtocolError:
            assert not joiner.open

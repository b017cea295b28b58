"""The Merkle tree: known values, told again as RFC 6962 defines them, and every path."""

import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given, settings, strategies as st

from hes.store.merkle import BLOCK, LEFT, RIGHT, Step, Tree, root_by


def told_again(values: Sequence[bytes]) -> bytes:
    """RFC 6962, 2.1: split at the largest power of two below the number of values."""
    if not values:
        return hashlib.sha256(b"").digest()
    if len(values) == 1:
        return hashlib.sha256(b"\x00" + values[0]).digest()
    split = 1
    while 2 * split < len(values):
        split *= 2
    return hashlib.sha256(
        b"\x01" + told_again(values[:split]) + told_again(values[split:])
    ).digest()


def test_known_roots() -> None:
    """Of the test vectors that logs of certificates use: leaves '', 00, 10, 20 21, ..."""
    tree = Tree()
    tree.take([b"", b"\x00"])
    assert tree.root().hex() == "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    assert Tree().root() == hashlib.sha256(b"").digest()


@given(st.lists(st.binary(min_size=1, max_size=4), max_size=40), st.data())
def test_every_path_leads_to_the_root(values: list[bytes], data: st.DataObject) -> None:
    wanted = data.draw(st.sets(st.integers(0, max(0, len(values) - 1)), max_size=5))
    tree = Tree(wanted)
    cut = data.draw(st.integers(0, len(values)))
    tree.take(values[:cut])
    tree.take(values[cut:])
    root = tree.root()
    assert root == told_again(values)
    for place in wanted if values else ():
        assert root_by(values[place], tree.paths[place]) == root
        assert root_by(values[place] + b"x", tree.paths[place]) != root


@given(st.integers(0, 3 * BLOCK + 3), st.sets(st.integers(0, 3 * BLOCK), max_size=3))
@settings(max_examples=20)
def test_whole_blocks_are_folded_at_once_and_give_the_same(size: int, wanted: set[int]) -> None:
    values = [bytes([n % 251, n // 251]) for n in range(size)]
    tree = Tree(wanted)
    tree.take(values)
    root = tree.root()
    assert root == told_again(values)
    for place in wanted:
        if place < size:
            assert root_by(values[place], tree.paths[place]) == root


@pytest.mark.parametrize("side", [LEFT, RIGHT])
def test_sides_matter(side: str) -> None:
    other = hashlib.sha256(b"other").digest()
    leaf = hashlib.sha256(b"\x00a").digest()
    pair = other + leaf if side == LEFT else leaf + other
    assert root_by(b"a", [Step(side, other)]) == hashlib.sha256(b"\x01" + pair).digest()

"""A Merkle tree over the values of the hash chain, as RFC 6962 (section 2.1) builds it.

The root of a day proves any single event of that day by some 25 hashes, where a plain digest would
want the values of all the others::

    leaf = SHA-256(0x00 | value)        node = SHA-256(0x01 | left | right)

The left part of a node holds the largest power of two of leaves that leaves something for the
right. Values come one by one; of those before, one hash for each height is kept.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

LEFT: Final = "L"
RIGHT: Final = "R"
BLOCK: Final = 1024


class Step(NamedTuple):
    """One hash on the way from a leaf to the root."""

    side: str
    """Whether it stands to the ``LEFT`` or to the ``RIGHT`` of what is known."""
    hash: bytes


class _Part(NamedTuple):
    """A whole subtree of 2^height leaves."""

    height: int
    hash: bytes
    wanted: list[int]
    """Places of the leaves in it whose paths are asked for."""


class Tree:
    """Folds values into a root, and notes the paths of some of them."""

    def __init__(self, wanted: Iterable[int] = ()) -> None:
        """Take the places of the values, counted from 0, whose paths are wanted."""
        self.paths: dict[int, list[Step]] = {place: [] for place in wanted}
        """Whole once ``root`` was called."""
        self._wanted = sorted(self.paths)
        self._parts: list[_Part] = []
        self._size = 0

    def take(self, values: Sequence[bytes]) -> None:
        """Take the next values."""
        at = 0
        while at < len(values):
            size = self._block(len(values) - at)
            if size > 1:
                self._add(_Part(size.bit_length() - 1, _root_of(values[at : at + size]), []))
            else:
                wanted = [self._size] if self._size in self.paths else []
                self._add(_Part(0, sha256(b"\x00" + values[at]).digest(), wanted))
            self._size += size
            at += size

    def _block(self, left: int) -> int:
        """Return how many of the next ``left`` leaves are a whole subtree that nobody wants."""
        size = BLOCK
        while size > 1 and (size > left or self._size % size or self._is_wanted(self._size, size)):
            size >>= 1
        return size

    def _is_wanted(self, first: int, size: int) -> bool:
        """Whether one of ``size`` leaves from place ``first`` on is wanted."""
        at = bisect_left(self._wanted, first)
        return at < len(self._wanted) and self._wanted[at] < first + size

    def _add(self, part: _Part) -> None:
        parts = self._parts
        while parts and parts[-1].height == part.height:
            part = self._joined(parts.pop(), part)
        parts.append(part)

    def root(self) -> bytes:
        """Return the root of what was taken; nothing may be taken afterwards."""
        if not self._parts:
            return sha256(b"").digest()
        while len(self._parts) > 1:
            right = self._parts.pop()
            self._parts.append(self._joined(self._parts.pop(), right))
        return self._parts[0].hash

    def _joined(self, left: _Part, right: _Part) -> _Part:
        for place in left.wanted:
            self.paths[place].append(Step(RIGHT, right.hash))
        for place in right.wanted:
            self.paths[place].append(Step(LEFT, left.hash))
        joined = sha256(b"\x01" + left.hash + right.hash).digest()
        return _Part(left.height + 1, joined, left.wanted + right.wanted)


def _root_of(values: Sequence[bytes]) -> bytes:
    """Return the root of 2^n values, level by level: half the time of doing it leaf by leaf."""
    level = [sha256(b"\x00" + value).digest() for value in values]
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=True)
        level = [sha256(b"\x01" + left + right).digest() for left, right in pairs]
    return level[0]


def root_by(value: bytes, path: Iterable[Step]) -> bytes:
    """Return the root that a value and its path lead to."""
    known = sha256(b"\x00" + value).digest()
    for side, other in path:
        pair = other + known if side == LEFT else known + other
        known = sha256(b"\x01" + pair).digest()
    return known

"""Messages that come again: a push is repeated until it is confirmed, and must count once.

A ciphered push carries an invocation counter. A counter is taken once: when it is above all before,
or within a short window below and not seen yet, since store-and-forward modems deliver out of order
(the anti-replay window of RFC 4303, 3.4.3). A plain push is known again by a digest of its bytes.
"""

import hashlib
from typing import Final

import msgspec

WINDOW: Final = 32
DIGEST_SIZE: Final = 6
"""Nothing makes it smaller: 288 octets of the day of a meter that pushes. One new message in
2 ** 48 / DIGESTS_KEPT, 5 * 10 ** 12, is taken for a repeat: of a million meters one in 280
years."""
_HASH_SIZE: Final = 8
"""Older events hold all of it."""
DIGESTS_KEPT: Final = 56
"""A modem queues fewer unconfirmed messages for one meter than that. One string of 336 bytes holds
them: a list of strings takes seven times the memory, and each look at it a walk through all."""


class CounterWindow(msgspec.Struct, array_like=True):
    """The highest counter taken, and which of the ``WINDOW`` before it were."""

    highest: int = -1
    seen: int = 0
    """Bit n is set when ``highest - n`` was taken."""

    def accepts(self, counter: int) -> bool:
        """Whether ``counter`` was not taken yet and is not too old to know."""
        if counter > self.highest:
            return True
        behind = self.highest - counter
        return behind < WINDOW and not self.seen >> behind & 1

    def take(self, counter: int) -> None:
        """Remember ``counter``."""
        if counter > self.highest:
            self.seen = (self.seen << min(counter - self.highest, WINDOW) | 1) & (1 << WINDOW) - 1
            self.highest = counter
        elif self.highest - counter < WINDOW:
            self.seen |= 1 << (self.highest - counter)


def digest_of(message: bytes) -> bytes:
    """Return the ``DIGEST_SIZE`` bytes by which a message is known again."""
    return hashlib.blake2b(message, digest_size=_HASH_SIZE).digest()[:DIGEST_SIZE]


def remember(digests: bytes, digest: bytes) -> bytes:
    """Return ``digests`` with one more, and without the oldest above ``DIGESTS_KEPT``."""
    return (digests + digest[:DIGEST_SIZE])[-DIGESTS_KEPT * DIGEST_SIZE :]


def shortened(digests: bytes) -> bytes:
    """Return digests of this size, one behind the other, made of whole hashes."""
    starts = range(0, len(digests), _HASH_SIZE)
    return b"".join([digests[at : at + DIGEST_SIZE] for at in starts])


def is_repeat(digests: bytes, digest: bytes) -> bool:
    """Whether this message came before."""
    at = digests.find(digest)
    while at % DIGEST_SIZE and at >= 0:  # the end of one and the beginning of the next
        at = digests.find(digest, at + 1)
    return at >= 0

"""Ciphering of APDUs: AES-GCM with a 12-byte tag, as all security suites have it (IEC 62056-5-3).

Layout of a protected message::

    security control | invocation counter(4) | ciphertext or plaintext | tag(12)

The initialisation vector is the sender's system title and the counter; it must never come twice
with one key, so counters are the caller's business: written down before they are used.
"""

from functools import lru_cache
from hmac import compare_digest
from typing import Final

import msgspec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from protocols.errors import LocalProtocolError, RemoteProtocolError

AUTHENTICATED: Final = 0x10
ENCRYPTED: Final = 0x20
BROADCAST_KEY: Final = 0x40
COMPRESSED: Final = 0x80
SUITE: Final = 0x0F
"""The bits of a security control that name the suite: 0 and 1 with keys of 128 bits, 2 of 256."""
TAG_SIZE: Final = 12
TITLE_SIZE: Final = 8
KEYS_CACHED: Final = 4096


class Keys(msgspec.Struct, frozen=True):
    """The keys of one meter; a dedicated key lives as long as its association."""

    encryption: bytes
    authentication: bytes = b""
    dedicated: bytes = b""
    short_suite: int = 0
    """The security suite of keys of 16 bytes: 0 or 1, which a key does not tell."""

    @property
    def suite(self) -> int:
        """The security suite of messages under these keys."""
        return 2 if len(self.encryption) == 32 else self.short_suite

    def __repr__(self) -> str:
        return "Keys(...)"


class SecurityHeader(msgspec.Struct, frozen=True):
    """What stands in front of a protected message."""

    control: int
    counter: int


@lru_cache(maxsize=KEYS_CACHED)
def _cipher(key: bytes) -> AESGCM:
    return AESGCM(key)


def parse_header(message: bytes) -> SecurityHeader:
    """Return the header of a protected message.

    Raises:
        RemoteProtocolError: ``truncated``.

    """
    if len(message) < 5:
        raise RemoteProtocolError("truncated", f"a security header in {len(message)} bytes")
    return SecurityHeader(message[0], int.from_bytes(message[1:5]))


def protect(
    plain: bytes, *, title: bytes, control: int, counter: int, key: bytes, ak: bytes
) -> bytes:
    """Return the protected form of ``plain``; ``title`` is the sender's.

    Raises:
        LocalProtocolError: wrong sizes, or nothing to protect with.

    """
    if len(title) != TITLE_SIZE or not 0 <= counter <= 0xFFFFFFFF:
        raise LocalProtocolError("security", "a system title has 8 bytes, a counter 32 bits")
    head = bytes((control,)) + counter.to_bytes(4)
    vector = title + head[1:]
    cipher = _cipher(key)
    match control & (AUTHENTICATED | ENCRYPTED):
        case 0x30:
            sealed = cipher.encrypt(vector, plain, head[:1] + ak)
            return head + sealed[:-4]  # the tag is cut to 12 of 16 bytes
        case 0x20:
            return head + cipher.encrypt(vector, plain, None)[:-16]
        case 0x10:
            tag = cipher.encrypt(vector, b"", head[:1] + ak + plain)
            return head + plain + tag[:TAG_SIZE]
        case _:
            return head + plain


def unprotect(
    message: bytes, *, title: bytes, key: bytes, ak: bytes
) -> tuple[SecurityHeader, bytes]:
    """Return the header and the plain text; the tag was verified when there is one.

    Raises:
        RemoteProtocolError: ``auth-tag``: wrong key or altered; ``truncated``; ``compressed``.

    """
    header = parse_header(message)
    if header.control & COMPRESSED:
        raise RemoteProtocolError("compressed", "compressed messages are not supported")
    if len(title) != TITLE_SIZE:
        raise RemoteProtocolError("system-title", f"a system title of {len(title)} bytes")
    kind = header.control & (AUTHENTICATED | ENCRYPTED)
    if kind & AUTHENTICATED and len(message) < 5 + TAG_SIZE:
        raise RemoteProtocolError("truncated", "an authenticated message without a whole tag")
    vector = title + message[1:5]
    cipher = _cipher(key)
    if kind == 0x30:
        # GCM is counter mode: encrypting the ciphertext gives the plain text, and encrypting that
        # again gives the whole tag, of which only 12 bytes travel.
        plain = cipher.encrypt(vector, message[5:-TAG_SIZE], None)[:-16]
        tag = cipher.encrypt(vector, plain, message[:1] + ak)[-16:-4]
    elif kind == 0x10:
        plain = message[5:-TAG_SIZE]
        tag = cipher.encrypt(vector, b"", message[:1] + ak + plain)[:TAG_SIZE]
    elif kind == 0x20:
        return header, cipher.encrypt(vector, message[5:], None)[:-16]
    else:
        return header, message[5:]
    if not compare_digest(tag, message[-TAG_SIZE:]):
        raise RemoteProtocolError("auth-tag", "the authentication tag is wrong")
    return header, plain


def gmac_token(challenge: bytes, *, title: bytes, counter: int, keys: Keys) -> bytes:
    """Return the answer to an HLS-GMAC challenge: control, counter, tag (IEC 62056-5-3, HLS 5)."""
    return protect(
        b"", title=title, control=AUTHENTICATED | keys.suite, counter=counter,
        key=keys.encryption, ak=keys.authentication + challenge,
    )  # fmt: skip


def check_gmac_token(token: bytes, challenge: bytes, *, title: bytes, keys: Keys) -> int:
    """Return the counter of the peer's answer to our challenge.

    Raises:
        RemoteProtocolError: ``auth-tag``: the peer does not have the keys.

    """
    if len(token) != 5 + TAG_SIZE or token[0] & ~SUITE != AUTHENTICATED:
        raise RemoteProtocolError("auth-tag", "the answer to the challenge is no GMAC token")
    header, _ = unprotect(
        token, title=title, key=keys.encryption, ak=keys.authentication + challenge
    )
    return header.counter

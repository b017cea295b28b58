"""Firmware of modems over HML/1: what is offered, who vouches for it, and how far a modem is.

The maker signs version, size and SHA-256 with Ed25519 off line; the head-end only passes that on.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from protocols.errors import RemoteProtocolError
from protocols.hml1.kinds import OfferTag
from protocols.hml1.tlv import encode_tlv, number, text

SHA_SIZE: Final = 32
SIGNATURE_SIZE: Final = 64
IMAGE_SIZE_MAX: Final = 64 * 1024 * 1024
PART_SIZE_MAX: Final = 1020
"""Bytes of the image in one FW_DATA: with their offset they fill a frame."""


class Offer(msgspec.Struct, frozen=True):
    """What a modem is told of a firmware."""

    version: str
    size: int
    sha256: bytes
    signature: bytes


class Firmware(msgspec.Struct, frozen=True):
    """A firmware with its image; one object serves all modems."""

    offer: Offer
    image: bytes

    def part(self, offset: int, size: int) -> bytes:
        """Return the bytes that a modem pulls; nothing behind the end."""
        return self.image[offset : offset + min(size, PART_SIZE_MAX)]


def signed_part(version: str, size: int, digest: bytes) -> bytes:
    """Return what the maker signs."""
    return version.encode("ascii") + size.to_bytes(4) + digest


def firmware_of(version: str, image: bytes, signature: bytes) -> Firmware:
    """Return the firmware to offer; the signature comes from its maker."""
    return Firmware(Offer(version, len(image), sha256(image).digest(), signature), image)


def encode_offer(offer: Offer) -> bytes:
    """Return the payload of a FW_OFFER."""
    return encode_tlv(
        {
            OfferTag.VERSION: offer.version.encode("ascii"),
            OfferTag.SIZE: offer.size.to_bytes(4),
            OfferTag.SHA256: offer.sha256,
            OfferTag.SIGNATURE: offer.signature,
        }
    )


def decode_offer(values: Mapping[int, bytes]) -> Offer:
    """Return the offer.

    Raises:
        RemoteProtocolError: something is missing or has a wrong size.

    """
    version, size = text(values, OfferTag.VERSION), number(values, OfferTag.SIZE)
    digest = values.get(OfferTag.SHA256, b"")
    seal = values.get(OfferTag.SIGNATURE, b"")
    if not version or not size or size > IMAGE_SIZE_MAX:
        raise RemoteProtocolError("firmware", "an offer without version or with a size beyond use")
    if len(digest) != SHA_SIZE or len(seal) != SIGNATURE_SIZE:
        raise RemoteProtocolError("firmware", "an offer without hash or signature")
    return Offer(version, size, digest, seal)


def is_vouched_for(offer: Offer, maker: bytes) -> bool:
    """Return whether the maker, known by his public key of 32 bytes, signed this offer."""
    try:
        key = Ed25519PublicKey.from_public_bytes(maker)
        key.verify(offer.signature, signed_part(offer.version, offer.size, offer.sha256))
    except (InvalidSignature, ValueError):
        return False
    return True


class Download:
    """A firmware on its way into a modem; survives connections, because the modem pulls."""

    __slots__ = ("_have", "offer")

    def __init__(self, offer: Offer) -> None:
        self.offer = offer
        self._have = bytearray()

    @property
    def offset(self) -> int:
        """Bytes that are here."""
        return len(self._have)

    @property
    def is_whole(self) -> bool:
        """Whether all bytes are here; whether they are right, ``is_right`` tells."""
        return self.offset == self.offer.size

    @property
    def is_right(self) -> bool:
        """Whether the hash is that of the offer."""
        return sha256(self._have).digest() == self.offer.sha256

    def wanted(self) -> tuple[int, int]:
        """Return offset and size of the next part to pull."""
        return self.offset, min(PART_SIZE_MAX, self.offer.size - self.offset)

    def take(self, offset: int, data: bytes) -> bool:
        """Add a part; False when it is not the one that is wanted."""
        if offset != self.offset or not data or len(data) > self.wanted()[1]:
            return False
        self._have += data
        return True

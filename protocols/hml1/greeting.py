"""HELLO and WELCOME: what both sides say of themselves when they meet."""

import msgspec

from protocols.errors import RemoteProtocolError
from protocols.hml1.handshake import NONCE_SIZE
from protocols.hml1.kinds import Tag
from protocols.hml1.tlv import decode_tlv, encode_tlv, number, signed, text
from protocols.links.base import IDENTITY_SIZE_MAX
from protocols.links.notices import ModemTold


class Greeting(msgspec.Struct, frozen=True):
    """A HELLO."""

    told: ModemTold
    nonce: bytes
    next_record: int | None

    @property
    def oldest(self) -> int | None:
        """Number of the oldest record that the modem still has; None when it did not say."""
        queued = self.told.records_queued
        if self.next_record is None or queued is None or queued > self.next_record:
            return None
        return self.next_record - queued


class Welcome(msgspec.Struct, frozen=True):
    """A WELCOME."""

    nonce: bytes
    proof: bytes | None
    utc_s: int | None
    ping_s: int | None
    stored: int | None


def decode_greeting(payload: bytes) -> Greeting:
    """Return a HELLO.

    Raises:
        RemoteProtocolError: it has no readable id or no nonce.

    """
    values = decode_tlv(payload)
    name, nonce = text(values, Tag.ID), values.get(Tag.NONCE, b"")
    if not name or len(name) > IDENTITY_SIZE_MAX or len(nonce) != NONCE_SIZE:
        raise RemoteProtocolError("hello", "a HELLO without a readable id or without a nonce")
    told = ModemTold(
        modem_id=name,
        iccid=text(values, Tag.ICCID),
        model=text(values, Tag.MODEL),
        firmware=text(values, Tag.FIRMWARE),
        boot_count=number(values, Tag.BOOT_COUNT),
        boot_reason=number(values, Tag.BOOT_REASON),
        config_hash=values.get(Tag.CONFIG_HASH),
        rssi_dbm=signed(values, Tag.RSSI_DBM),
        records_queued=number(values, Tag.QUEUED),
        next_record=number(values, Tag.RECORD_NUMBER),
    )
    return Greeting(told, nonce, told.next_record)


def encode_welcome(
    *, nonce: bytes, proof: bytes, utc_s: int | None, ping_s: int, stored: int | None
) -> bytes:
    """Return the payload of a WELCOME; what is not known is left out."""
    values: dict[int, bytes] = {Tag.NONCE: nonce, Tag.PROOF: proof}
    if utc_s is not None:
        values[Tag.UTC_S] = utc_s.to_bytes(4)
    values[Tag.PING_S] = ping_s.to_bytes(2)
    if stored is not None:
        values[Tag.RECORD_NUMBER] = stored.to_bytes(8)
    return encode_tlv(values)


def decode_welcome(payload: bytes) -> Welcome:
    """Return a WELCOME.

    Raises:
        RemoteProtocolError: it has no nonce.

    """
    values = decode_tlv(payload)
    nonce = values.get(Tag.NONCE, b"")
    if len(nonce) != NONCE_SIZE:
        raise RemoteProtocolError("welcome", "a WELCOME without a nonce")
    return Welcome(
        nonce,
        values.get(Tag.PROOF),
        number(values, Tag.UTC_S),
        number(values, Tag.PING_S),
        number(values, Tag.RECORD_NUMBER),
    )

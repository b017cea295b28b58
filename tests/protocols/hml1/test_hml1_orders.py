"""Settings with rollback, and firmware: signed, resumable, verified."""

from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hml1_bench import Wire, flash

from protocols.errors import RemoteProtocolError
from protocols.hml1.firmware import (
    IMAGE_SIZE_MAX,
    Firmware,
    Offer,
    decode_offer,
    firmware_of,
    is_vouched_for,
    signed_part,
)
from protocols.hml1.frame import Frame, FrameReader, encode_frame
from protocols.hml1.kinds import ConfigState, FirmwareState, Kind, OfferTag, Reason, Setting
from protocols.hml1.modem import FirmwareReady, SettingsChanged
from protocols.hml1.settings import ModemSettings
from protocols.hml1.tlv import encode_tlv
from protocols.links.notices import ConfigApplied, FirmwareStatus, Nak

MAKER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = MAKER.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
IMAGE = bytes(at * 31 & 0xFF for at in range(5000))


def firmware(version: str = "2.0", image: bytes = IMAGE) -> Firmware:
    part = signed_part(version, len(image), sha256(image).digest())
    return firmware_of(version, image, MAKER.sign(part))


def statuses(wire: Wire) -> list[int]:
    return [told.status for told in wire.said(FirmwareStatus)]


# -- settings


def test_a_change_is_applied_and_the_next_session_keeps_it() -> None:
    wire = Wire().connect()
    kept = wire.modem.flash.settings
    wire.down(wire.link.config_set({Setting.SERVER: b"new:7010"}))
    assert wire.said(ConfigApplied) == [ConfigApplied(ConfigState.APPLIED, kept.hash)]
    assert wire.ordered(SettingsChanged)
    assert wire.hung_up == ["new settings"]
    assert kept.on_trial
    wire.connect()
    assert not kept.on_trial
    wire.now_s = 10_000
    wire.do(wire.modem.due(wire.now_s))
    assert kept.active[Setting.SERVER] == b"new:7010"


def test_a_change_that_brings_no_session_is_taken_back_after_ten_minutes() -> None:
    wire = Wire().connect()
    wire.down(wire.link.config_set({Setting.SERVER: b"nowhere:1"}))
    wire.modem.lost()
    assert wire.modem.due(599.9) == []
    wire.do(wire.modem.due(600.0))
    assert wire.modem.flash.settings.active[Setting.SERVER] == b"old:7010"
    assert wire.hung_up[-1] == "the new settings brought no session"


def test_two_changes_in_a_row_go_back_to_the_same_beginning() -> None:
    kept = ModemSettings({1: b"a", 2: b"b"})
    before = kept.hash
    kept.change({1: b"x"}, 0.0)
    kept.change({2: b"y"}, 500.0)
    assert not kept.roll_back_if_due(1099.0)
    assert kept.roll_back_if_due(1100.0)
    assert (kept.active, kept.hash) == ({1: b"a", 2: b"b"}, before)
    assert not kept.roll_back_if_due(9999.0)


def test_the_hash_does_not_depend_on_the_order() -> None:
    assert ModemSettings({1: b"a", 2: b"b"}).hash == ModemSettings({2: b"b", 1: b"a"}).hash
    assert ModemSettings({1: b"a"}).hash != ModemSettings({1: b"b"}).hash


def test_an_order_without_a_signature_changes_nothing() -> None:
    for kind in (Kind.CFG_SET, Kind.FW_OFFER):
        wire = Wire().connect()
        wire.down(encode_frame(Frame(kind, encode_tlv({1: b"evil:1"}), seq=60)))
        assert [nak.reason for nak in wire.said(Nak)] == [Reason.SIGNATURE]
        assert wire.modem.flash.settings.active[Setting.SERVER] == b"old:7010"
        assert not wire.modem.flash.settings.on_trial


def test_an_empty_order_is_refused() -> None:
    wire = Wire().connect()
    wire.down(wire.link.config_set({}))
    assert wire.said(ConfigApplied)[0].status == ConfigState.REFUSED
    assert wire.hung_up == []


# -- firmware


def test_a_firmware_is_pulled_verified_and_reported() -> None:
    wire = Wire(maker=PUBLIC).connect()
    wire.down(wire.link.offer_firmware(firmware()))
    assert statuses(wire) == [FirmwareState.OFFERED, FirmwareState.VERIFIED]
    assert wire.ordered(FirmwareReady) == [FirmwareReady("2.0")]
    wire.do(wire.modem.firmware_runs("2.0"))
    wire.run()
    assert wire.said(FirmwareStatus)[-1] == FirmwareStatus(
        status=FirmwareState.APPLIED, version="2.0"
    )


def test_a_firmware_that_did_not_start_is_reported_rolled_back() -> None:
    wire = Wire(maker=PUBLIC).connect()
    wire.do(wire.modem.firmware_runs("1.0", rolled_back=True))
    wire.run()
    assert statuses(wire) == [FirmwareState.ROLLED_BACK]
    assert Wire(maker=PUBLIC).modem.firmware_runs("1.0") == []


def test_a_download_goes_on_where_the_connection_broke() -> None:
    kept = flash()
    wire = Wire(kept, maker=PUBLIC).connect()
    offered = firmware()
    wire.to_modem.append(wire.link.offer_firmware(offered))
    for _ in range(3):
        wire.do(wire.modem.receive(b"".join(wire.to_modem), 0))
        wire.to_modem.clear()
        wire._take(wire.link.receive(b"".join(wire.to_head_end)))
        wire.to_head_end.clear()
    assert kept.download is not None
    had = kept.download.offset
    assert 0 < had < len(IMAGE)
    wire.connect()  # pulls at once, and is told that nothing is offered in this session
    assert kept.download.offset == had
    wire.down(wire.link.offer_firmware(offered))
    assert statuses(wire)[-2:] == [FirmwareState.DOWNLOADING, FirmwareState.VERIFIED]
    told = [s for s in wire.said(FirmwareStatus) if s.status == FirmwareState.DOWNLOADING]
    assert told[0].offset == had


def test_a_firmware_of_somebody_else_is_refused() -> None:
    wire = Wire(maker=bytes(32)).connect()
    wire.down(wire.link.offer_firmware(firmware()))
    assert statuses(wire) == [FirmwareState.REFUSED]
    assert wire.modem.flash.download is None


def test_an_image_that_is_not_the_signed_one_is_refused() -> None:
    good = firmware()
    wire = Wire(maker=PUBLIC).connect()
    wire.down(wire.link.offer_firmware(Firmware(good.offer, IMAGE[:-1] + b"!")))
    assert statuses(wire)[-1] == FirmwareState.REFUSED
    assert wire.ordered(FirmwareReady) == []


@pytest.mark.parametrize("what", ["version", "size", "hash", "signature", "key"])
def test_whatever_is_changed_under_the_makers_signature_shows(what: str) -> None:
    offer, key = firmware().offer, PUBLIC
    version, size, digest, seal = offer.version, offer.size, offer.sha256, offer.signature
    match what:
        case "version":
            version = "2.1"
        case "size":
            size += 1
        case "hash":
            digest = bytes(32)
        case "signature":
            seal = bytes(64)
        case "key":
            key = b"short"
    assert is_vouched_for(offer, PUBLIC)
    assert not is_vouched_for(Offer(version, size, digest, seal), key)


def test_parts_that_were_not_asked_for_are_not_taken() -> None:
    idle = Wire().connect()
    assert idle.modem.receive(encode_frame(Frame(Kind.FW_DATA, bytes(10), seq=60)), 0) == []
    wire = Wire(maker=PUBLIC).connect()
    wire.to_modem.append(wire.link.offer_firmware(firmware()))
    wire.do(wire.modem.receive(b"".join(wire.to_modem), 0))
    for seq, payload in [(70, b"\0\0\0\1abc"), (71, b"\0\0\0\0"), (72, bytes(1025))]:
        wire.modem.receive(encode_frame(Frame(Kind.FW_DATA, payload, seq=seq)), 0)
    assert wire.modem.flash.download is not None
    assert wire.modem.flash.download.offset == 0


def test_a_part_that_got_lost_is_asked_for_again() -> None:
    wire = Wire(maker=PUBLIC).connect()
    wire.to_modem.append(wire.link.offer_firmware(firmware()))
    wire.do(wire.modem.receive(wire.to_modem.pop(), 0))
    wire._take(wire.link.receive(wire.to_head_end.pop()))
    wire.to_modem.clear()
    assert wire.modem.next_due_s == 30.0
    wire.now_s = 30.0
    wire.do(wire.modem.due(wire.now_s))
    wire.run()
    assert statuses(wire)[-1] == FirmwareState.VERIFIED
    assert wire.modem.next_due_s == 120.0


@pytest.mark.parametrize("pull", ["0000ffff0010", "000000000000"])
def test_a_pull_beyond_the_end_or_of_nothing_is_refused(pull: str) -> None:
    wire = Wire(maker=PUBLIC).connect()
    wire.link.offer_firmware(firmware())
    said = wire.link.receive(encode_frame(Frame(Kind.FW_PULL, bytes.fromhex(pull), seq=60)))
    frame = FrameReader().feed(said[0].data)[0]  # type: ignore[union-attr]
    assert (frame.kind, frame.payload) == (Kind.NAK, bytes((Reason.NOT_NOW,)))


@pytest.mark.parametrize("wrong", [
    {OfferTag.VERSION: b""}, {OfferTag.SIZE: b"\0\0\0\0"}, {OfferTag.SHA256: b"1"},
    {OfferTag.SIGNATURE: b""}, {OfferTag.SIZE: (IMAGE_SIZE_MAX + 1).to_bytes(4)},
])  # fmt: skip
def test_an_offer_that_lacks_something_is_malformed(wrong: dict[int, bytes]) -> None:
    good = {OfferTag.VERSION: b"2", OfferTag.SIZE: b"\0\0\0\1", OfferTag.SHA256: bytes(32),
            OfferTag.SIGNATURE: bytes(64)}  # fmt: skip
    assert decode_offer(good).size == 1
    with pytest.raises(RemoteProtocolError):
        decode_offer(good | wrong)

import pytest
from hypothesis import given, strategies as st
from link_tools import cuts, feed, pieces_of

from protocols.errors import LocalProtocolError, RemoteProtocolError
from protocols.links.base import Heartbeat, Identified, LinkSettings, MeterBytes
from protocols.links.prot import ProtLink
from protocols.prot.stuffing import (
    Registration,
    Unstuffer,
    decode_registration,
    encode_registration,
    stuff,
)
from protocols.prot.translate import translate

REGISTRATION = bytes.fromhex("01020304") + b"13800138000" + bytes.fromhex("00 0a000005 00")
NAME = Identified("13800138000", "registration")


def link() -> ProtLink:
    return ProtLink(LinkSettings())


def opened() -> ProtLink:
    made = link()
    made.receive(REGISTRATION)
    return made


@pytest.mark.parametrize("size", range(1, 24))
def test_registers_however_it_arrives(size: int) -> None:
    assert feed(link(), cuts(REGISTRATION + b"/ABC", size)) == [NAME, MeterBytes(b"/ABC")]


def test_wire_form_of_the_escapes() -> None:
    assert stuff(bytes.fromhex("01 fd 02 fe 03")) == bytes.fromhex("01 fded 02 fdee 03")
    assert stuff(bytes.fromhex("fdee")) == bytes.fromhex("fdedee")
    assert opened().wrap(b"\xfe\xfe\xfe\xfe\x68") == bytes.fromhex("fdee fdee fdee fdee 68")


def test_a_bare_fe_is_a_heartbeat_and_never_a_wake_up_byte() -> None:
    assert opened().receive(b"\xfe") == [Heartbeat()]
    said = feed(opened(), [bytes.fromhex("fdeefdeefdeefdee68")])
    assert said == [MeterBytes(b"\xfe\xfe\xfe\xfe\x68")]


def test_a_heartbeat_inside_an_answer_leaves_the_answer_whole() -> None:
    events = opened().receive(b"\x68\x11\xfe\x22\x16")
    assert events == [MeterBytes(b"\x68\x11\x22\x16"), Heartbeat()]
    assert opened().receive(b"\xfd\xfe\xee") == [MeterBytes(b"\xfe"), Heartbeat()]


def test_an_escape_cut_in_two_waits_for_its_second_half() -> None:
    made = opened()
    assert made.receive(b"\x01\xfd") == [MeterBytes(b"\x01")]
    assert made.idle() == []
    assert made.receive(b"\xed\x02") == [MeterBytes(b"\xfd\x02")]


@given(st.data(), st.binary(max_size=300))
def test_any_bytes_survive_the_way_however_they_are_cut(data: st.DataObject, raw: bytes) -> None:
    said = feed(link(), data.draw(pieces_of(REGISTRATION + stuff(raw))))
    assert said == ([NAME, MeterBytes(raw)] if raw else [NAME])


@given(st.binary(max_size=300))
def test_garbage_is_a_remote_error_or_nothing(raw: bytes) -> None:
    try:
        link().receive(raw)
    except RemoteProtocolError:
        pass
    opened().receive(raw)


@given(st.binary(max_size=300))
def test_the_carry_is_never_more_than_one_byte(raw: bytes) -> None:
    unstuffer = Unstuffer()
    for piece in cuts(raw):
        unstuffer.feed(piece)
        assert unstuffer.pending <= 1


@pytest.mark.parametrize("at", [4, 9, 14, 15, 20])
def test_a_wrong_byte_is_refused_as_soon_as_it_is_here(at: int) -> None:
    broken = REGISTRATION[:at] + b"\x41" + REGISTRATION[at + 1 :]
    with pytest.raises(RemoteProtocolError, match="no PROT registration"):
        link().receive(broken[: at + 1])


def test_a_modem_without_a_phone_number_is_called_by_its_id() -> None:
    raw = REGISTRATION.replace(b"13800138000", b"0" * 11)
    assert link().receive(raw) == [Identified("04030201", "registration")]


def test_the_registration_goes_both_ways() -> None:
    told = Registration(bytes.fromhex("01020304"), "13800138000", "10.0.0.5")
    assert decode_registration(REGISTRATION) == told
    assert encode_registration(told) == REGISTRATION
    with pytest.raises(LocalProtocolError):
        encode_registration(Registration(b"1", "138", "10.0.0.5"))


def test_the_translator_tells_the_parts() -> None:
    told = translate({"protocol": "prot", "raw_hex": (REGISTRATION + b"\x01\xfe").hex()})
    assert (told["ok"], told["phone"], told["ip"]) == (True, "13800138000", "10.0.0.5")
    assert (told["data"], told["heartbeats"], told["sniff"]) == ("01", 1, "four-faith-prot")
    assert translate({"raw_hex": "0102"})["error"] == "truncated"

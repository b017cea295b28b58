"""Which link is it? Decided by checks, at any cut, never too early and never too late."""

from typing import Any

import pytest
from hypothesis import given, strategies as st
from vectors_folder import REASON, load

from hes.decoding import find_translators
from protocols.hml1.kinds import Kind
from protocols.hml1.peer import Peer
from protocols.links.base import LinkKind, LinkSettings, Verdict
from protocols.links.classify import classify
from protocols.links.registry import KINDS, detect

AUTO = LinkSettings()
TRANSLATORS = find_translators()
DECIDED_WITHIN = 64
FIRST = {
    "prot": bytes.fromhex("01020304") + b"13800138000" + bytes.fromhex("000a00000500"),
    "ddp": b"\x7b\x01\x00\x16" + b"13700137000" + bytes.fromhex("0a00000713887b"),
    "gdw376": bytes.fromhex("683200320068c90133420000027300000100b516"),
    "dlt698": bytes.fromhex("681e00810534120000000000ddda010500007807ea0b1c060a0b0c01590a5e16"),
    "forcecontrol": b"\xaa\x01" + b"13700137000" + b"\r",
    "dsmr4": b"E0099000000000042," + bytes.fromhex("00000010"),
    "hml1": Peer(None).send(Kind.HELLO, bytes(20)),
    "dlms-push": bytes.fromhex("00010001000100080f00000001000000"),
    "mode-d": b"/SIM5\\@TEST4711\r\n\r\n1.8.0(1*kWh)\r\n!\r\n",
}
# An id of PROT is four arbitrary bytes: also those with which other links begin.
CLOTHES = {
    f"prot dressed as {start.hex()}": start.ljust(4, b"\0") + FIRST["prot"][4:]
    for start in (b"\x68", b"\x7b\x09\x00\x10", b"\x89\x10\x01", b"\xfe\x68", b"\xaa\x01",
                  b"1234", b"/ABC", b"\x7e\xa0\x12\x34", b"\x00\x01\x00\x01")
}  # fmt: skip
WIRE_NAMES = {
    "four-faith-prot": "prot", "ddp": "ddp", "q/gdw-376.1": "gdw376", "dlt698.45": "dlt698",
    "forcecontrol-bridge": "forcecontrol", "dsmr4-alarm": "dsmr4", "hml1": "hml1",
    "dlms-wrapper": "dlms-push", "hdlc": "dlms-push", "iec62056-21": "mode-d",
}  # fmt: skip


def name_of(found: LinkKind | Verdict) -> str:
    return found.name if isinstance(found, LinkKind) else found.value


def verdicts(first: bytes) -> list[str]:
    return [name_of(detect(first[:size], AUTO)) for size in range(1, len(first) + 1)]


def check(first: bytes, right: str) -> None:
    """More until it is decided, then right for ever, and decided early enough."""
    seen = verdicts(first)
    assert set(seen) <= {"more", right}, seen
    assert seen[-1] == right
    decided = seen.index(right)
    assert decided < DECIDED_WITHIN
    assert set(seen[decided:]) == {right}


@pytest.mark.parametrize("name", FIRST)
def test_every_link_is_found_at_every_cut(name: str) -> None:
    check(FIRST[name], name)


@pytest.mark.parametrize("first", CLOTHES.values(), ids=CLOTHES.keys())
def test_prot_with_any_id_is_prot(first: bytes) -> None:
    check(first, "prot")


def test_ddp_without_an_address_is_ddp_though_prot_begins_so() -> None:
    check(b"\x7b\x01\x00\x16" + b"13700137000" + bytes(6) + b"\x7b", "ddp")
    first = b"\x7b\x01\x00\x16" + FIRST["prot"][4:]
    assert name_of(detect(first + b"\xfe", AUTO)) == "prot"


@pytest.mark.parametrize("name", ["gdw376", "dlt698"])
def test_wake_up_bytes_in_front_change_nothing(name: str) -> None:
    check(b"\xfe\xfe\xfe\xfe" + FIRST[name], name)


@pytest.mark.parametrize("name", ["gdw376", "dlt698", "hml1"])
def test_no_damaged_head_is_taken_for_a_link(name: str) -> None:
    first = FIRST[name]
    for at in range(12):
        for flip in (0x01, 0x80):
            damaged = first[:at] + bytes((first[at] ^ flip,)) + first[at + 1 :]
            assert KINDS[name].sniff(damaged, AUTO) is not Verdict.YES, (at, flip)


def test_a_meter_of_dlt645_is_none_of_the_links() -> None:
    frame = bytes.fromhex("fefefefe 68 123456789012 68 11 04 33333433")
    body = frame.lstrip(b"\xfe")
    whole = frame + bytes((sum(body) & 0xFF, 0x16))
    assert set(verdicts(whole)) <= {"more", "no"}
    assert verdicts(whole + whole)[-1] == "no"
    assert classify(whole) == "dlt645"


RAW = LinkSettings(registration=r"(?P<modem_id>\d{15})")
IMEI = b"861234567890123"


def test_a_weaker_sign_is_held_while_a_stronger_one_may_still_show() -> None:
    hdlc = b"\x7e\xa0\x12\x34"
    for settings in (AUTO, RAW):
        assert detect(hdlc, settings) is Verdict.MORE, "it may be the id of a modem of PROT"
        assert name_of(detect(hdlc, settings, ended=True)) == "dlms-push"
        assert name_of(detect(hdlc + b"\x10", settings)) == "dlms-push"
    assert detect(IMEI, RAW) is Verdict.MORE
    assert name_of(detect(IMEI, RAW, ended=True)) == "raw"
    assert name_of(detect(IMEI + b"\r", RAW)) == "raw"
    assert name_of(detect(IMEI + b"\0\x0a\0\0\5\0", RAW)) == "prot"


def test_the_end_of_the_bytes_makes_no_link_of_what_is_none() -> None:
    for size in range(1, 21):
        found = detect(FIRST["prot"][:size], AUTO, ended=True)
        assert found in {Verdict.MORE, Verdict.NO}


def test_nothing_is_held_beyond_the_limit() -> None:
    text = LinkSettings(registration=r"[\x00-\xff](?P<modem_id>.{200})")
    assert detect(b"\xfe" * (DECIDED_WITHIN - 1), AUTO) is Verdict.MORE
    assert detect(b"\xfe" * DECIDED_WITHIN, AUTO) is Verdict.NO
    assert detect(b"\xfe" * DECIDED_WITHIN, text) is Verdict.MORE, "its text may be longer"
    assert name_of(detect(b"\xfe" * 201, text)) == "raw"


@pytest.mark.parametrize("name", FIRST)
def test_kinds_that_are_left_out_are_not_found(name: str) -> None:
    without = LinkSettings(left_out=(name,))
    assert name_of(detect(FIRST[name], without, ended=True)) != name


@given(st.binary(min_size=1, max_size=200))
def test_any_bytes_have_a_verdict_within_the_limit(first: bytes) -> None:
    found = detect(first, AUTO)
    if len(first) >= 200:
        assert found is not Verdict.MORE
    assert classify(first)


@given(st.sampled_from(sorted(FIRST)), st.binary(max_size=80))
def test_what_follows_the_first_message_changes_nothing(name: str, behind: bytes) -> None:
    if name != "dsmr4":
        assert name_of(detect(FIRST[name] + behind, AUTO)) == name


def test_broken_frames_are_named_by_their_looks() -> None:
    assert classify(FIRST["gdw376"][:-2] + b"\0\0") == "q/gdw-376.1"
    assert classify(FIRST["dlt698"][:-10]) == "dlt698.45"
    assert classify(b"\x68" + bytes(6) + b"\x68\x11") == "dlt645"
    assert classify(b"\x7b\x01\x00\x17" + b"13700137000") == "ddp"
    assert classify(b"LOGIN:7") == "ascii-registration"
    assert classify(b"/ABC5x\r\n") == "iec62056-21"
    assert classify(b"\x7e\xa0\x07\x03\x21\x93\x0f\x01\x7e") == "hdlc"
    assert classify(b"\x01\x02\x03") == "unknown"
    assert classify(b"") == "unknown"


ENTRIES = [
    entry
    for entry in load("meters.json")
    if entry["expected"].get("valid") and entry["expected"].get("sniff") in WIRE_NAMES
]
CASES = [pytest.param(entry, id=entry["name"]) for entry in ENTRIES] or [
    pytest.param({}, marks=pytest.mark.skip(reason=REASON), id="no-vectors")
]


@pytest.mark.parametrize("entry", CASES)
def test_recorded_first_bytes_are_told_right_at_every_cut(entry: dict[str, Any]) -> None:
    check(bytes.fromhex(entry["raw_hex"]), WIRE_NAMES[entry["expected"]["sniff"]])


@pytest.mark.parametrize(
    ("protocol", "broken", "looks"),
    [
        ("q/gdw-376.1", FIRST["gdw376"][:-2] + b"\0\x16", "q/gdw-376.1"),
        ("dlt698.45", FIRST["dlt698"][:-3] + b"\0\0\x16", "dlt698.45"),
        ("hongdian-ddp", FIRST["ddp"].replace(b"\x00\x16", b"\x00\x17"), "ddp"),
        ("four-faith-prot", FIRST["prot"][:20], "unknown"),
        ("dsmr4-push", FIRST["dsmr4"][:-1], "ascii-registration"),
        ("smr5-push", FIRST["dlms-push"], "dlms-wrapper"),
    ],
)
def test_what_is_refused_is_told_with_what_it_looks_like(
    protocol: str, broken: bytes, looks: str
) -> None:
    told = TRANSLATORS[protocol]({"hex": broken.hex(), "protocol": protocol})
    assert (told["ok"], told["sniff"], "error" in told) == (False, looks, True)
    told = TRANSLATORS[protocol]({"hex": "no hex", "protocol": protocol})
    assert (told["error"], "sniff" in told) == ("hex", False)

"""ACCESS: reading, writing and calling in one request, and answers that do not fit it."""

from typing import Any

import pytest
from dlms_bench import NOW, RULES, Bench
from dlms_messages import TIME
from dlms_scripted import NOT_POSSIBLE, Scripted
from hypothesis import given, strategies as st

from protocols.dlms import acse, apdu_access, axdr_encode as ax
from protocols.dlms.acse import Mechanism
from protocols.dlms.apdu import decode_apdu
from protocols.dlms.apdu_access import (
    ENTRIES_MAX,
    Accessed,
    AccessItem,
    AccessRequest,
    Verb,
    encode_request,
    encode_response,
)
from protocols.dlms.cosem import Attribute, by_entry, obis_bytes
from protocols.errors import MeterRefused, ProtocolError, RemoteProtocolError

CLOCK = Attribute(8, obis_bytes("0.0.1.0.0.255"), 2)
SHIFT = Attribute(8, obis_bytes("0.0.1.0.0.255"), 6)
NAME = Attribute(1, obis_bytes("0.0.42.0.0.255"), 2)
NONE = Attribute(3, obis_bytes("1.0.99.9.9.255"), 2)
BUFFER = Attribute(7, obis_bytes("1.0.99.1.0.255"), 2)
CAN = (0x00FE1F | acse.ACCESS | acse.GENERAL_BLOCKS).to_bytes(3)
ITEMS = (
    AccessItem(Verb.GET, NAME),
    AccessItem(Verb.GET, NONE),
    AccessItem(Verb.SET, CLOCK, data=ax.octets(RULES.encode(NOW.replace(hour=5)))),
    AccessItem(Verb.ACTION, SHIFT, data=ax.i16(60)),
    AccessItem(Verb.GET_SELECTED, BUFFER, by_entry(1, 2)),
    AccessItem(Verb.SET_SELECTED, BUFFER, by_entry(1, 2), ax.u8(1)),
)


def test_known_bytes() -> None:
    """Written down by hand from the layout of the service."""
    asked = encode_request(AccessRequest(0xC0000001, None, (AccessItem(Verb.GET, NAME),)))
    assert asked.hex() == "d9c0000001000101000100002a0000ff020100"
    told = encode_response(0xC0000001, None, [(Verb.GET, 0, ax.u8(7))])
    assert told.hex() == "dac00000010000011107010100"
    answer = decode_apdu(told)
    assert answer.results == (Accessed(Verb.GET, 0, 7),)
    timed = decode_apdu(encode_request(AccessRequest(1, TIME, ITEMS)))
    assert (timed.time, timed.items) == (TIME, ITEMS)
    assert timed.items[3].value == 60


@pytest.mark.parametrize("framing", ["hdlc", "wrapper"])
@pytest.mark.parametrize("auth", [Mechanism.LOW, Mechanism.GMAC])
@pytest.mark.parametrize("dedicated", [False, True])
@pytest.mark.parametrize("max_pdu", [1024, 96])
def test_everything_at_once(framing: str, auth: Mechanism, dedicated: bool, max_pdu: int) -> None:
    bench = Bench(framing, auth, conformance=CAN, dedicated=dedicated, max_pdu=max_pdu)
    bench.associate()
    before = bench.meter.requests
    results = bench.run(bench.client.access(ITEMS))
    assert [(r.verb, r.result) for r in results] == [
        (Verb.GET, 0), (Verb.GET, 4), (Verb.SET, 0), (Verb.ACTION, 0), (Verb.GET, 0), (Verb.SET, 3),
    ]  # fmt: skip
    assert results[0].value == b"SIM20001234"
    assert [len(row) for row in results[4].value] == [6, 6]
    assert all(results[n].value is None for n in (1, 2, 3, 5))
    assert bench.meter.clock.drift_s == 60 - 3600
    assert (bench.meter.requests - before == 1) is (max_pdu == 1024)


def test_a_meter_that_does_not_know_it_is_not_asked() -> None:
    bench = Bench("wrapper").associate()
    before = bench.meter.requests
    with pytest.raises(MeterRefused, match="does not do the ACCESS service"):
        bench.run(bench.client.access(ITEMS))
    assert bench.meter.requests == before


def test_a_request_that_does_not_fit_is_not_sent() -> None:
    bench = Bench("wrapper", conformance=(0x00FE1F | acse.ACCESS).to_bytes(3), max_pdu=128)
    bench.associate()
    with pytest.raises(MeterRefused, match="and no blocks"):
        bench.run(bench.client.access(ITEMS * 3))


@pytest.mark.parametrize(("reply", "error", "words"), [
    (NOT_POSSIBLE, MeterRefused, "refused the request"),
    (encode_response(1, None, []), RemoteProtocolError, "0 results for 1 requests"),
    (encode_response(2, None, [(Verb.GET, 0, ax.NULL)]), ProtocolError, "no answer"),
    (bytes.fromhex("c401c10000"), ProtocolError, "no answer"),
    (bytes.fromhex("da00000001000001000101") + b"\x04\x00", RemoteProtocolError, "left|kind"),
    (bytes.fromhex("da000000010000010001040000"), RemoteProtocolError, "of kind 4"),
    (bytes.fromhex("da00000001000001000201000100"), RemoteProtocolError, "2 entries beside 1"),
])  # fmt: skip
def test_what_is_no_answer(reply: bytes, error: Any, words: str) -> None:
    scripted = Scripted(lambda _: reply)
    scripted.client.agreed = acse.InitiateResponse(conformance=CAN, max_pdu=500)
    with pytest.raises(error, match=words):
        scripted.run(scripted.client.access(ITEMS[:1]))


@pytest.mark.parametrize("raw", [
    "d9000000010001" "06" "000100002a0000ff02" "01" "00",
    "d9000000010001" "00" "000100002a0000ff02" "01" "00",
    "d9000000010001" "01" "000100002a0000ff02" "02" "0000",
])  # fmt: skip
def test_requests_that_are_none(raw: str) -> None:
    with pytest.raises(RemoteProtocolError):
        decode_apdu(bytes.fromhex(raw))


def test_a_list_is_bounded() -> None:
    many = (AccessItem(Verb.GET, NAME),) * (ENTRIES_MAX + 1)
    with pytest.raises(RemoteProtocolError, match="list of 256"):
        decode_apdu(encode_request(AccessRequest(1, None, many)))


@given(st.sampled_from([b"\xd9", b"\xda"]), st.binary(max_size=60))
def test_garbage_is_a_remote_error_or_nothing(tag: bytes, noise: bytes) -> None:
    try:
        decode_apdu(tag + noise)
    except RemoteProtocolError:
        pass


def test_stray_answers_of_another_kind_are_passed_over() -> None:
    scripted = Scripted(lambda _: None)
    scripted.client.agreed = acse.InitiateResponse(conformance=CAN, max_pdu=500)
    told = apdu_access.encode_response(1, None, [(Verb.GET, 0, ax.u8(7))])
    scripted._reply = lambda apdu: told if apdu[0] != 0xD9 else None
    with pytest.raises(ProtocolError, match="no answer"):
        scripted.run(scripted.client.get(NAME))

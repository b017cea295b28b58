"""GET, SET, ACTION, notifications and refusals: there and back, every cut, every wrong choice."""

from typing import Any

import pytest
from dlms_messages import CLOCK, PROFILE, ROW, TIME, ciphered_apdus, plain_apdus
from examples import many
from hypothesis import given, settings, strategies as st

from protocols.dlms import (
    apdu_action,
    apdu_errors,
    apdu_get,
    apdu_push,
    apdu_set,
    axdr_encode as ax,
)
from protocols.dlms.apdu import DECODERS, decode_apdu
from protocols.dlms.cosem import Attribute, Refused, Selection, by_entry, by_range, obis_bytes
from protocols.errors import RemoteProtocolError

ALL = plain_apdus() | ciphered_apdus()

attributes = st.builds(
    Attribute, st.integers(0, 0xFFFF), st.binary(min_size=6, max_size=6), st.integers(-128, 127)
)
selections = st.none() | st.builds(by_entry, st.integers(0, 99), st.integers(0, 99))
invokes = st.integers(0, 255)
blocks = st.integers(0, 2**32 - 1)
raws = st.binary(max_size=300)
values = st.sampled_from([ax.NULL, ax.u32(5), ROW, ax.octets(bytes(200))])

MESSAGES = st.one_of(
    st.builds(apdu_get.GetRequest, invokes, attributes, selections).map(
        lambda a: (apdu_get.encode_request(a), a)
    ),
    st.builds(apdu_get.GetNext, invokes, blocks).map(lambda a: (apdu_get.encode_request(a), a)),
    st.builds(
        apdu_get.GetList, invokes,
        st.lists(st.tuples(attributes, selections), max_size=200).map(tuple),
    ).map(lambda a: (apdu_get.encode_request(a), a)),
    st.builds(apdu_get.GetBlock, invokes, st.booleans(), blocks, raws).map(
        lambda a: (apdu_get.encode_block(a), a)
    ),
    st.builds(
        apdu_get.GetBlock, invokes, st.booleans(), blocks, st.just(b""), st.integers(0, 255)
    ).map(lambda a: (apdu_get.encode_block(a), a)),
    st.builds(apdu_set.SetRequest, invokes, attributes, selections, values).map(
        lambda a: (apdu_set.encode_request(a), a)
    ),
    st.builds(
        apdu_set.SetFirstBlock, invokes, attributes, selections, st.booleans(), blocks, raws
    ).map(lambda a: (apdu_set.encode_request(a), a)),
    st.builds(apdu_set.SetBlock, invokes, st.booleans(), blocks, raws).map(
        lambda a: (apdu_set.encode_request(a), a)
    ),
    st.builds(apdu_set.SetResponse, invokes, st.integers(0, 255)).map(
        lambda a: (apdu_set.encode_response(a), a)
    ),
    st.builds(
        apdu_set.SetBlockResponse, invokes, blocks, st.none() | st.integers(0, 255)
    ).map(lambda a: (apdu_set.encode_response(a), a)),
    st.builds(apdu_action.ActionRequest, invokes, attributes, st.none() | values).map(
        lambda a: (apdu_action.encode_request(a), a)
    ),
    st.builds(
        apdu_action.ActionFirstBlock, invokes, attributes, st.booleans(), blocks, raws
    ).map(lambda a: (apdu_action.encode_request(a), a)),
    st.builds(apdu_action.ActionBlock, invokes, st.booleans(), blocks, raws).map(
        lambda a: (apdu_action.encode_request(a), a)
    ),
    st.builds(
        apdu_push.DataNotificationConfirm, blocks, st.none() | st.just(TIME)
    ).map(lambda a: (apdu_push.encode_confirm(a), a)),
    st.builds(
        apdu_errors.ExceptionResponse, st.integers(0, 255), st.just(6), st.none() | blocks
    ).map(lambda a: (apdu_errors.encode_exception(a), a)),
)  # fmt: skip


@given(MESSAGES)
def test_there_and_back(sample: tuple[bytes, Any]) -> None:
    encoded, message = sample
    assert decode_apdu(encoded) == message


@pytest.mark.parametrize("name", ALL)
def test_every_cut_is_truncated_and_every_added_byte_is_trailing(name: str) -> None:
    apdu = ALL[name]
    decode_apdu(apdu)
    for at in range(len(apdu)):
        if name == "exception" and at == 3:
            continue  # the counter is optional
        with pytest.raises(RemoteProtocolError) as refused:
            decode_apdu(apdu[:at])
        assert refused.value.category == "truncated", at
    with pytest.raises(RemoteProtocolError) as refused:
        decode_apdu(apdu + b"\0")
    assert refused.value.category == "trailing"


@settings(max_examples=many(2))
@given(st.sampled_from(sorted(ALL)), st.data())
def test_changed_bytes_are_a_protocol_error_or_a_message(name: str, data: st.DataObject) -> None:
    raw = bytearray(ALL[name])
    for at in data.draw(st.lists(st.integers(0, len(raw) - 1), min_size=1, max_size=4)):
        raw[at] = data.draw(st.integers(0, 255))
    end = data.draw(st.integers(0, len(raw)))
    for apdu in (bytes(raw), bytes(raw[:end]), bytes(raw[:end] + raw[end + 1 :])):
        try:
            decode_apdu(apdu)
        except RemoteProtocolError:
            pass


@given(st.sampled_from(sorted(DECODERS)), st.binary(max_size=200))
def test_garbage_behind_a_good_tag(tag: int, noise: bytes) -> None:
    try:
        decode_apdu(bytes((tag,)) + noise)
    except RemoteProtocolError:
        pass


@pytest.mark.parametrize(("raw", "category"), [
    ("", "truncated"), ("ee", "apdu-tag"), ("05010203", "apdu-tag"), ("c0", "truncated"),
    ("c004c1", "choice"), ("c409c1", "choice"), ("c401c102", "choice"), ("c109c1", "choice"),
    ("c506c1", "choice"), ("c309c1", "choice"), ("c709c1", "choice"), ("c401c1000e", "data-tag"),
    ("c403c184ffffffff00", "truncated"), ("c003c105", "truncated"), ("0f000000010b", "date-time"),
    ("c205", "choice"), ("c20103010203" + "00" * 9, "date-time"), ("c20903010203", "date-time"),
    ("db0741424344454647" + "05" + "3000000001", "system-title"), ("c8043000000001", "trailing"),
    ("c80430000000", "truncated"), ("e0800001", "truncated"), ("e08000010000" + "80", "length"),
])  # fmt: skip
def test_refused_with_its_category(raw: str, category: str) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        decode_apdu(bytes.fromhex(raw))
    assert refused.value.category == category


def test_known_requests() -> None:
    """The bytes that every meter knows: clock, load profile by range, the first of the blocks."""
    assert apdu_get.encode_request(apdu_get.GetRequest(0xC1, CLOCK)).hex() == (
        "c001c100080000010000ff0200"
    )
    ranged = apdu_get.GetRequest(0xC1, PROFILE, by_range(CLOCK.obis, TIME, TIME))
    assert apdu_get.encode_request(ranged).hex() == (
        "c001c1" "0007" "0100630100ff" "02" "01" "01" "0204"
        "0204" "120008" "09060000010000ff" "0f02" "120000"
        f"090c{TIME.hex()}" f"090c{TIME.hex()}" "0100"
    )  # fmt: skip
    assert by_entry(1, 0).encode().hex() == "02020406000000010600000000120001120000"
    assert apdu_get.encode_request(apdu_get.GetNext(0xC1, 1)).hex() == "c002c100000001"


def test_values_and_refusals() -> None:
    got = decode_apdu(apdu_get.encode_list_response(1, [ax.u32(5), Refused(3), ax.octets(b"ab")]))
    assert got.results == (5, Refused(3), b"ab")
    assert decode_apdu(apdu_get.encode_response(1, Refused(250))).result == Refused(250)
    assert [str(Refused(code)) for code in (3, 4, 250, 99)] == [
        "read-write-denied", "object-undefined", "other-reason", "data-access-result 99",
    ]  # fmt: skip
    listed = decode_apdu(plain_apdus()["set-list"])
    assert [a for a, _ in listed.wanted] == [CLOCK, PROFILE]
    assert listed.wanted[1][1] == by_entry(1, 2)
    assert listed.data == (ax.u8(1), ax.octets(TIME))
    assert decode_apdu(plain_apdus()["list-was-set"]).results == (0, 3)
    assert decode_apdu(plain_apdus()["set"]).value == TIME
    assert decode_apdu(plain_apdus()["call"]).parameter == -5
    assert decode_apdu(plain_apdus()["call-bare"]).parameter is None
    returned = decode_apdu(bytes.fromhex("c701c100010103"))
    assert (returned.result, returned.returned, returned.value) == (0, True, Refused(3))
    assert str(CLOCK) == "8/0.0.1.0.0.255/2"
    assert obis_bytes("1.0.99.1.0.255") == PROFILE.obis


def test_notifications() -> None:
    push = decode_apdu(bytes.fromhex("0f400000010c" + TIME.hex() + "1105"))
    assert (push.confirmed, push.time, push.body, push.quirk) == (True, TIME, 5, None)
    tagged = decode_apdu(bytes.fromhex("0f00000001090c" + TIME.hex() + "1105"))
    assert (tagged.confirmed, tagged.time, tagged.quirk) == (False, TIME, "datetime-with-tag-09")
    bare = decode_apdu(bytes.fromhex("0f0000000100020211050300"))
    assert (bare.time, bare.body) == (None, [5, False])
    with pytest.raises(RemoteProtocolError):
        decode_apdu(bytes.fromhex("0f0000000109"))
    for head, time in (("00", None), ("010c" + TIME.hex(), TIME), ("090c" + TIME.hex(), TIME)):
        event = decode_apdu(bytes.fromhex("c2" + head) + CLOCK.encode() + ax.u16(7))
        assert (event.time, event.attribute, event.value) == (time, CLOCK, 7)
    made = apdu_push.encode_event_notification(TIME, CLOCK, ax.u16(7))
    assert decode_apdu(made).time == TIME


@given(
    st.lists(st.sampled_from([ax.u32(1), ax.octets(b"abc"), ax.f32(1.1), ROW, ax.NULL]), max_size=9)
)
def test_a_push_of_known_layout_is_what_the_usual_way_gives(parts: list[bytes]) -> None:
    body = ax.structure(*parts)
    push = decode_apdu(apdu_push.encode_data_notification(1, None, body))
    got = decode_apdu(apdu_get.encode_response(1, body))
    assert push.body == got.result


def test_refusals_tell_why() -> None:
    assert str(apdu_errors.ExceptionResponse(1, 2)) == "service not allowed, service not supported"
    assert str(apdu_errors.ExceptionResponse(9, 9)) == "state error 9, service error 9"
    counter = decode_apdu(bytes.fromhex("d8010600000100"))
    assert str(counter) == "service not allowed, invocation counter error, next counter 256"
    assert str(decode_apdu(b"\x0e\x01\x06\x01")) == (
        "confirmed service error 1/6/1 (initiate: initiate, DLMS version too low)"
    )


def test_a_selection_keeps_its_bytes() -> None:
    raw = bytes.fromhex("c001c100070100630100ff020102020211011102")
    assert decode_apdu(raw).selection == Selection(2, bytes.fromhex("020211011102"))

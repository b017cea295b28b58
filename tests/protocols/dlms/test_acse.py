"""Association messages: known bytes, there and back, every cut, what other makers write."""

import pytest
from dlms_messages import plain_apdus
from hypothesis import given, strategies as st

from protocols.dlms import acse, ber
from protocols.dlms.acse import Aare, Aarq, InitiateRequest, InitiateResponse, Release
from protocols.dlms.apdu import decode_apdu
from protocols.errors import RemoteProtocolError

octets = st.binary(max_size=64)
optional = st.none() | octets
key = st.none() | st.binary(min_size=1, max_size=32)
challenges = st.binary(min_size=1, max_size=64)

aarqs = st.one_of(
    st.builds(
        Aarq, context=st.integers(1, 4), system_title=optional, user_information=optional
    ),
    st.builds(
        Aarq, context=st.integers(1, 4), system_title=optional, mechanism=st.integers(1, 7),
        authentication_value=challenges, user_information=st.none() | st.binary(max_size=200),
    ),
)  # fmt: skip
aares = st.one_of(
    st.builds(
        Aare, context=st.integers(1, 4), result=st.integers(0, 2), diagnostic=st.integers(0, 14),
        diagnostic_by_provider=st.booleans(), system_title=optional, user_information=optional,
    ),
    st.builds(
        Aare, system_title=optional, mechanism=st.integers(1, 7), authentication_value=challenges,
        user_information=optional,
    ),
)  # fmt: skip
initiate_requests = st.builds(
    InitiateRequest, dedicated_key=key, response_allowed=st.booleans(), version=st.integers(0, 255),
    conformance=st.binary(min_size=3, max_size=3), max_pdu=st.integers(0, 0xFFFF),
)  # fmt: skip
initiate_responses = st.builds(
    InitiateResponse, version=st.integers(0, 255), conformance=st.binary(min_size=3, max_size=3),
    max_pdu=st.integers(0, 0xFFFF), vaa=st.integers(0, 0xFFFF),
)  # fmt: skip
releases = st.builds(
    Release, response=st.booleans(), reason=st.none() | st.integers(0, 30),
    user_information=optional,
)  # fmt: skip


@given(aarqs)
def test_aarq_there_and_back(aarq: Aarq) -> None:
    assert decode_apdu(acse.encode_aarq(aarq)) == aarq


@given(aares)
def test_aare_there_and_back(aare: Aare) -> None:
    assert decode_apdu(acse.encode_aare(aare)) == aare


@given(releases)
def test_release_there_and_back(release: Release) -> None:
    assert decode_apdu(acse.encode_release(release)) == release


@given(initiate_requests, initiate_responses)
def test_terms_there_and_back(request: InitiateRequest, response: InitiateResponse) -> None:
    assert decode_apdu(acse.encode_initiate_request(request)) == request
    assert decode_apdu(acse.encode_initiate_response(response)) == response


def test_known_request_with_a_password() -> None:
    """AARQ of the Green Book's shape: LN without ciphering, LLS, conformance 60FE5F, PDU 1200."""
    aarq = acse.encode_aarq(
        Aarq(
            mechanism=acse.Mechanism.LOW,
            authentication_value=b"12345678",
            user_information=acse.encode_initiate_request(InitiateRequest(max_pdu=1200)),
        )
    )
    assert aarq.hex() == (
        "6036" "a109060760857405080101" "8a020780" "8b0760857405080201" "ac0a80083132333435363738"
        "be10040e01000000065f1f0400" "60fe5f" "04b0"
    )  # fmt: skip


def test_terms_without_a_service() -> None:
    terms = acse.InitiateResponse(conformance=bytes.fromhex("60fe5f"), max_pdu=500)
    less = terms.without(acse.MULTIPLE_REFERENCES)
    assert terms.allows(acse.MULTIPLE_REFERENCES)
    assert not less.allows(acse.MULTIPLE_REFERENCES)
    assert less.conformance.hex() == "60fc5f"


@pytest.mark.parametrize(
    "name", ["aarq", "aare", "rlrq", "rlre", "initiate-request", "initiate-response"]
)
def test_every_cut_and_every_added_byte_is_refused(name: str) -> None:
    apdu = plain_apdus()[name]
    assert decode_apdu(apdu)
    for at in range(len(apdu)):
        with pytest.raises(RemoteProtocolError) as refused:
            decode_apdu(apdu[:at])
        assert refused.value.category == "truncated"
    with pytest.raises(RemoteProtocolError) as refused:
        decode_apdu(apdu + b"\0")
    assert refused.value.category == "trailing"


def test_older_meters_write_the_conformance_tag_in_one_byte() -> None:
    assert decode_apdu(bytes.fromhex("0800065f040000181902000007")) == InitiateResponse(
        conformance=bytes.fromhex("001819"), max_pdu=512
    )
    request = decode_apdu(bytes.fromhex("01000000065f04000018190200"))
    assert request.conformance == bytes.fromhex("001819")


def test_quality_of_service_is_passed_over() -> None:
    assert decode_apdu(bytes.fromhex("080100065f1f040000501f01f40007")).max_pdu == 500
    request = decode_apdu(bytes.fromhex("0100000105065f1f040000501f01f4"))
    assert request.max_pdu == 500


def test_whether_an_answer_is_wanted() -> None:
    for raw, wanted in (("0000", True), ("000100", False), ("0001ff", True)):
        apdu = bytes.fromhex("01" + raw + "00065f1f040000501f01f4")
        assert decode_apdu(apdu).response_allowed is wanted


@pytest.mark.parametrize(("raw", "category"), [
    ("6100", "acse"), ("610aa1080606608574050801", "acse"), ("6109a107060560857405ff", "acse"),
    ("610ba109060760857405080201", "acse"), ("6104a1020600", "acse"), ("6080", "length"),
    ("6002a105", "truncated"), ("6203800100ff", "trailing"), ("0100000006610400001819ffff", "acse"),
    ("0800065f1e04000018190200" "0007", "acse"), ("01" "01" "20" "0000", "truncated"),
])  # fmt: skip
def test_refused_with_its_category(raw: str, category: str) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        decode_apdu(bytes.fromhex(raw))
    assert refused.value.category == category


def test_meters_that_leave_out_what_is_optional() -> None:
    bare = decode_apdu(bytes.fromhex("6105a203020100"))
    assert bare == Aare(context=0)
    untagged = decode_apdu(bytes.fromhex("610fa203020100a4084b464d6700000001"))
    assert untagged.system_title == bytes.fromhex("4b464d6700000001")


def test_the_password_is_kept_even_if_it_looks_like_a_field() -> None:
    aarq = Aarq(mechanism=1, authentication_value=b"\x80\x01A")
    assert decode_apdu(acse.encode_aarq(aarq)) == aarq


def test_more_fields_than_there_are_is_no_loop() -> None:
    body = b"\x80\x01\x00" * 1000
    apdu = ber.field(0x62, body)
    assert decode_apdu(apdu) == Release(response=False, reason=0)


@given(st.sampled_from([0x60, 0x61, 0x62, 0x63, 0x01, 0x08]), st.binary(max_size=100), st.data())
def test_garbage_is_a_protocol_error_or_a_message(
    tag: int, noise: bytes, data: st.DataObject
) -> None:
    part = data.draw(st.sampled_from([0xA1, 0xA2, 0xA3, 0xBE, 0xAC, 0x8B]))
    body = ber.field(part, noise) + b"\xa2\x00"
    for apdu in (bytes((tag,)) + noise, ber.field(tag, noise), ber.field(tag, body)):
        try:
            decode_apdu(apdu)
        except RemoteProtocolError:
            pass


def test_conformance_bits() -> None:
    """Bit 14 is multiple references, 21 selective access, 11 block transfer with GET."""
    terms = InitiateResponse(conformance=bytes.fromhex("000200"), max_pdu=0)
    assert terms.allows(acse.MULTIPLE_REFERENCES)
    assert not terms.allows(acse.SELECTIVE_ACCESS)
    assert InitiateResponse(conformance=bytes.fromhex("000004"), max_pdu=0).allows(
        acse.SELECTIVE_ACCESS
    )
    assert InitiateResponse(conformance=bytes.fromhex("001000"), max_pdu=0).allows(acse.BLOCK_GET)

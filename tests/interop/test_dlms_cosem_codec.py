"""Our codec and that of dlms-cosem 21.3.2 say the same, for the types that both know.

Its decoder has no bit-strings, texts, floats, BCD, compact arrays or don't-care, and its encoder no
arrays, booleans, GET responses or lengths above 127; those are left to our own tests. It takes what
is cut off for shorter values, so that only whole messages can be compared.
"""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from dlms_cosem import dlms_data, utils
from dlms_cosem.hdlc import frames
from dlms_cosem.hdlc.address import HdlcAddress
from dlms_cosem.protocol import acse as their_acse, xdlms
from dlms_cosem.protocol.wrappers import WrapperProtocolDataUnit
from dlms_cosem.security import SecurityControlField, decrypt, encrypt, gmac
from dlms_cosem.time import datetime_from_bytes, datetime_to_bytes
from dlms_cosem_peer import attribute
from examples import many
from hypothesis import given, settings as hypothesis_settings, strategies as st

from protocols.dlms import acse, apdu_get, apdu_set, axdr_encode as ax, hdlc
from protocols.dlms.apdu import decode_apdu
from protocols.dlms.axdr import decode_all
from protocols.dlms.cosem import Attribute, Refused
from protocols.dlms.cosem_time import decode_time, encode_time
from protocols.dlms.security import Keys, gmac_token, protect, unprotect
from protocols.dlms.wrapper import encode_wpdu

FIRST = datetime(2000, 1, 1, tzinfo=UTC).replace(tzinfo=None)
LAST = FIRST.replace(year=2090)
KEYS = Keys(bytes(range(16)), bytes(range(16, 32)))
TITLE = b"DLC\0\0\0\0\1"
D = dlms_data


def both(ours: Any, theirs: Any, low: int, high: int) -> st.SearchStrategy[tuple[bytes, bytes]]:
    return st.integers(low, high).map(lambda n: (ours(n), theirs(n).to_bytes()))


NUMBERS = st.one_of(
    both(ax.i8, D.IntegerData, -128, 127), both(ax.i16, D.LongData, -(2**15), 2**15 - 1),
    both(ax.i32, D.DoubleLongData, -(2**31), 2**31 - 1),
    both(ax.i64, D.Long64Data, -(2**63), 2**63 - 1),
    both(ax.u8, D.UnsignedIntegerData, 0, 255), both(ax.u16, D.UnsignedLongData, 0, 2**16 - 1),
    both(ax.u32, D.DoubleLongUnsignedData, 0, 2**32 - 1),
    both(ax.u64, D.UnsignedLong64Data, 0, 2**64 - 1), both(ax.enum, D.EnumData, 0, 255),
)  # fmt: skip
OCTETS = st.binary(max_size=127).map(lambda b: (ax.octets(b), D.OctetStringData(b).to_bytes()))


@given(st.one_of(NUMBERS, OCTETS))
def test_encoders_agree(encoded: tuple[bytes, bytes]) -> None:
    ours, theirs = encoded
    assert ours == theirs


LEAVES = st.one_of(
    NUMBERS.map(lambda pair: pair[0]), st.binary(max_size=300).map(ax.octets),
    st.booleans().map(ax.boolean), st.just(ax.NULL),
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=6).map(lambda parts: ax.array(*parts)),
        st.lists(inner, max_size=6).map(lambda parts: ax.structure(*parts)),
    ),
    max_leaves=30,
)


def plain(value: Any) -> Any:
    if isinstance(value, list):
        return [plain(part) for part in value]
    return bytes(value) if isinstance(value, bytearray) else value


@hypothesis_settings(max_examples=many(0.6))
@given(VALUES)
def test_decoders_agree(encoded: bytes) -> None:
    parser = D.DlmsDataParser()
    (theirs,) = parser.parse(encoded)
    assert plain(theirs.to_python()) == decode_all(encoded)


@hypothesis_settings(max_examples=5)
@given(st.integers(130, 400))
def test_decoders_agree_on_long_lists(count: int) -> None:
    encoded = ax.array(*[ax.structure(ax.u16(n), ax.octets(bytes(n))) for n in range(count)])
    assert plain(utils.parse_as_dlms_data(encoded)) == decode_all(encoded)


@given(
    st.datetimes(FIRST, LAST, timezones=st.just(UTC)),
    st.integers(-12, 14).filter(bool),
)
def test_times_agree(instant: datetime, hours: int) -> None:
    """But for deviation 0, which it reads as no time zone at all."""
    instant = instant.replace(microsecond=instant.microsecond // 10_000 * 10_000)
    theirs, status = datetime_from_bytes(encode_time(instant, utc_offset_min=hours * 60))
    assert (theirs, status.invalid) == (instant, False)
    local = instant.astimezone(timezone(timedelta(hours=hours)))
    assert decode_time(datetime_to_bytes(local)) == instant


CLOCK = Attribute(8, bytes((0, 0, 1, 0, 0, 255)), 2)
THEIR_CLOCK = attribute(8, "0.0.1.0.0.255", 2)


def test_requests_agree() -> None:
    get = xdlms.GetRequestNormal(cosem_attribute=THEIR_CLOCK).to_bytes()
    assert decode_apdu(get) == apdu_get.GetRequest(get[2], CLOCK)
    assert apdu_get.encode_request(apdu_get.GetRequest(get[2], CLOCK)) == get
    after = xdlms.GetRequestNext(block_number=7).to_bytes()
    assert apdu_get.encode_request(apdu_get.GetNext(after[2], 7)) == after
    write = xdlms.SetRequestNormal(cosem_attribute=THEIR_CLOCK, data=ax.u8(5)).to_bytes()
    assert apdu_set.encode_request(apdu_set.SetRequest(write[2], CLOCK, None, ax.u8(5))) == write


@hypothesis_settings(max_examples=many(0.6))
@given(VALUES)
def test_responses_agree(value: bytes) -> None:
    theirs = xdlms.GetResponseNormal.from_bytes(apdu_get.encode_response(0xC1, value))
    assert bytes(theirs.data) == value


@pytest.mark.parametrize("code", [1, 2, 3, 4, 9, 11, 12, 13, 14, 15, 250])
def test_refusals_agree(code: int) -> None:
    apdu = apdu_get.encode_response(0xC1, Refused(code))
    assert xdlms.GetResponseNormalWithError.from_bytes(apdu).error.value == code


@given(
    st.binary(max_size=300),
    st.integers(0, 2**32 - 1),
    st.sampled_from([(True, False), (True, True)]),
)
def test_ciphering_agrees(data: bytes, counter: int, kinds: tuple[bool, bool]) -> None:
    """Encrypted only, it makes no security header; so the two that carry a tag are compared."""
    authenticated, encrypted = kinds
    control = SecurityControlField(
        security_suite=0, authenticated=authenticated, encrypted=encrypted
    )
    raw_control = control.to_bytes()[0]
    arguments = {
        "security_control": control, "system_title": TITLE, "invocation_counter": counter,
        "key": KEYS.encryption, "auth_key": KEYS.authentication,
    }  # fmt: skip
    message = protect(
        data, title=TITLE, control=raw_control, counter=counter, key=KEYS.encryption,
        ak=KEYS.authentication,
    )  # fmt: skip
    if encrypted:
        assert encrypt(plain_text=data, **arguments) == message[5:]
        assert decrypt(cipher_text=message[5:], **arguments) == data
    _, opened = unprotect(message, title=TITLE, key=KEYS.encryption, ak=KEYS.authentication)
    assert opened == data


@given(st.binary(min_size=8, max_size=64), st.integers(0, 2**32 - 1))
def test_challenges_agree(challenge: bytes, counter: int) -> None:
    control = SecurityControlField(security_suite=0, authenticated=True, encrypted=False)
    theirs = gmac(
        security_control=control, system_title=TITLE, invocation_counter=counter,
        key=KEYS.encryption, auth_key=KEYS.authentication, challenge=challenge,
    )  # fmt: skip
    assert gmac_token(challenge, title=TITLE, counter=counter, keys=KEYS)[5:] == theirs


@given(st.binary(max_size=300), st.integers(0, 0xFFFF), st.integers(0, 0xFFFF))
def test_wrappers_agree(apdu: bytes, source: int, destination: int) -> None:
    theirs = WrapperProtocolDataUnit.from_bytes(encode_wpdu(source, destination, apdu))
    header = theirs.wrapper_header
    assert (header.source_wport, header.destination_wport, bytes(theirs.data)) == (
        source,
        destination,
        apdu,
    )
    assert theirs.to_bytes() == encode_wpdu(source, destination, apdu)


@given(st.binary(min_size=1, max_size=120), st.integers(0, 7), st.integers(0, 7), st.booleans())
def test_frames_agree(payload: bytes, sent: int, received: int, segmented: bool) -> None:
    server = HdlcAddress(logical_address=1, physical_address=17, address_type="server")
    client = HdlcAddress(logical_address=16, physical_address=None, address_type="client")
    theirs = frames.InformationFrame(
        destination_address=server, source_address=client, payload=payload,
        send_sequence_number=sent, receive_sequence_number=received, segmented=segmented,
        final=True,
    )  # fmt: skip
    ours = hdlc.encode_frame(
        hdlc.encode_address(1, 17, 2), hdlc.encode_address(16, None, 1),
        hdlc.information_control(sent, received), payload, segmented=segmented,
    )  # fmt: skip
    assert theirs.to_bytes() == ours


def test_associations_agree() -> None:
    terms = acse.encode_initiate_response(
        acse.InitiateResponse(conformance=b"\0\x50\x1f", max_pdu=500)
    )
    aare = their_acse.ApplicationAssociationResponse.from_bytes(
        acse.encode_aare(acse.Aare(user_information=terms))
    )
    assert aare.result.value == 0
    assert aare.user_information.content.server_max_receive_pdu_size == 500
    assert decode_apdu(aare.to_bytes()).result == 0
    request = acse.encode_aarq(
        acse.Aarq(user_information=acse.encode_initiate_request(acse.InitiateRequest(max_pdu=1200)))
    )
    aarq = their_acse.ApplicationAssociationRequest.from_bytes(request)
    assert aarq.user_information.content.client_max_receive_pdu_size == 1200

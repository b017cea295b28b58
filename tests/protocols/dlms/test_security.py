"""Ciphering: known answers, tags, counters, who sent it, and what cannot be opened."""

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from dlms_messages import KEYS, TIME, TITLE, ciphered_apdus, plain_apdus
from hypothesis import given, strategies as st

from protocols.dlms import apdu_ciphered, axdr_encode as ax
from protocols.dlms.apdu import decode_apdu
from protocols.dlms.apdu_ciphered import GENERAL_DED, GENERAL_GLO, encode_ciphered
from protocols.dlms.apdu_push import encode_data_notification
from protocols.dlms.opened import open_ciphered
from protocols.dlms.security import (
    AUTHENTICATED,
    Keys,
    check_gmac_token,
    gmac_token,
    parse_header,
    protect,
    unprotect,
)
from protocols.errors import LocalProtocolError, RemoteProtocolError

PUSH = encode_data_notification(1, TIME, ax.u32(5))
KEY, AK = KEYS.encryption, KEYS.authentication


def sealed(plain: bytes = PUSH, control: int = 0x30, counter: int = 7, key: bytes = KEY) -> bytes:
    return protect(plain, title=TITLE, control=control, counter=counter, key=key, ak=AK)


def test_known_answer_of_the_green_book() -> None:
    """The worked example of IEC 62056-5-3, GET of the clock, authenticated and encrypted."""
    keys = Keys(bytes(range(16)), bytes(range(0xD0, 0xE0)))
    title = bytes.fromhex("4d4d4d0000bc614e")
    plain = bytes.fromhex("c0010000080000010000ff0200")
    whole = protect(
        plain, title=title, control=0x30, counter=0x01234567, key=keys.encryption,
        ak=keys.authentication,
    )  # fmt: skip
    assert whole.hex() == "3001234567411312ff935a47566827c467bc7d825c3be4a77c3fcc056b6b"


@given(st.binary(max_size=300), st.sampled_from([0x10, 0x20, 0x30]), st.integers(0, 2**32 - 1))
def test_there_and_back_and_as_gcm_says(plain: bytes, control: int, counter: int) -> None:
    message = sealed(plain, control, counter)
    header, opened = unprotect(message, title=TITLE, key=KEY, ak=AK)
    assert (header.control, header.counter, opened) == (control, counter, plain)
    vector = TITLE + counter.to_bytes(4)
    aad = bytes((control,)) + AK
    expected = {
        0x30: AESGCM(KEY).encrypt(vector, plain, aad)[:-4],
        0x20: AESGCM(KEY).encrypt(vector, plain, b"")[:-16],
        0x10: plain + AESGCM(KEY).encrypt(vector, b"", aad + plain)[:12],
    }
    assert message == bytes((control,)) + counter.to_bytes(4) + expected[control]


@given(st.sampled_from([0x10, 0x30]), st.binary(max_size=40), st.data())
def test_any_changed_bit_breaks_the_tag(control: int, plain: bytes, data: st.DataObject) -> None:
    message = bytearray(sealed(plain, control))
    message[data.draw(st.integers(1, len(message) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(RemoteProtocolError) as refused:
        unprotect(bytes(message), title=TITLE, key=KEY, ak=AK)
    assert refused.value.category == "auth-tag"


@pytest.mark.parametrize("control", [0x10, 0x30])
def test_wrong_key_wrong_ak_wrong_title(control: int) -> None:
    message = sealed(control=control)
    for title, key, ak in ((TITLE, AK, AK), (TITLE, KEY, KEY), (b"TSTTSTTS", KEY, AK)):
        with pytest.raises(RemoteProtocolError) as refused:
            unprotect(message, title=title, key=key, ak=ak)
        assert refused.value.category == "auth-tag"


def test_sizes() -> None:
    message = sealed()
    for at in range(5 + 12):
        with pytest.raises(RemoteProtocolError) as refused:
            unprotect(message[:at], title=TITLE, key=KEY, ak=AK)
        assert refused.value.category == "truncated"
    with pytest.raises(RemoteProtocolError, match="7 bytes"):
        unprotect(message, title=TITLE[:7], key=KEY, ak=AK)
    with pytest.raises(RemoteProtocolError, match="compressed"):
        unprotect(b"\xb0" + message[1:], title=TITLE, key=KEY, ak=AK)
    for title, counter in ((TITLE[:7], 1), (TITLE, -1), (TITLE, 2**32)):
        with pytest.raises(LocalProtocolError):
            protect(PUSH, title=title, control=0x30, counter=counter, key=KEY, ak=AK)
    assert unprotect(b"\0\0\0\0\1ab", title=TITLE, key=KEY, ak=AK)[1] == b"ab"
    assert protect(b"ab", title=TITLE, control=0, counter=1, key=KEY, ak=AK) == b"\0\0\0\0\1ab"


def test_header() -> None:
    header = parse_header(sealed(counter=0x01020304))
    assert (header.control, header.counter) == (0x30, 0x01020304)
    assert "00" not in repr(KEYS)


# -- challenges


@given(st.binary(min_size=8, max_size=64), st.integers(0, 2**32 - 1))
def test_challenge_there_and_back(challenge: bytes, counter: int) -> None:
    token = gmac_token(challenge, title=TITLE, counter=counter, keys=KEYS)
    assert len(token) == 17
    assert check_gmac_token(token, challenge, title=TITLE, keys=KEYS) == counter
    for other in (challenge[::-1] + b"x", challenge[:-1]):
        with pytest.raises(RemoteProtocolError):
            check_gmac_token(token, other, title=TITLE, keys=KEYS)


@pytest.mark.parametrize("token", [b"", bytes(17), b"\x30" + bytes(16), b"\x10" + bytes(15)])
def test_what_is_no_token(token: bytes) -> None:
    with pytest.raises(RemoteProtocolError) as refused:
        check_gmac_token(token, b"K56iVagY", title=TITLE, keys=KEYS)
    assert refused.value.category == "auth-tag"


# -- whole messages


@pytest.mark.parametrize("name", ciphered_apdus())
def test_each_protected_form_opens(name: str) -> None:
    ciphered = decode_apdu(ciphered_apdus()[name])
    assert ciphered.dedicated == ("ded" in name)
    opened = open_ciphered(ciphered, KEYS, TITLE)
    known = dict.fromkeys(("general-glo", "general-ded"), "push")
    plain = plain_apdus()[known.get(name) or name[4:]]
    assert (opened.plain_bytes, opened.counter, opened.control) == (plain, 5, 0x30)
    assert opened.plain == decode_apdu(plain)
    assert opened.system_title == TITLE


def test_the_sender_named_in_the_message_counts() -> None:
    ciphered = decode_apdu(ciphered_apdus()["general-glo"])
    assert open_ciphered(ciphered, KEYS, b"OTHEROTH").system_title == TITLE
    with pytest.raises(RemoteProtocolError) as refused:
        open_ciphered(decode_apdu(ciphered_apdus()["glo-got"]), KEYS, None)
    assert refused.value.category == "system-title"


def test_a_key_that_we_do_not_have_is_a_protocol_error() -> None:
    without = Keys(KEY, AK)
    for tag in (GENERAL_DED, 0xD4):
        title = TITLE if tag == GENERAL_DED else None
        ciphered = decode_apdu(encode_ciphered(tag, sealed(key=KEYS.dedicated), title))
        with pytest.raises(RemoteProtocolError) as refused:
            open_ciphered(ciphered, without, TITLE)
        assert refused.value.category == "key-unknown"


def test_a_protected_message_inside_another_is_refused() -> None:
    inner = encode_ciphered(GENERAL_GLO, sealed(), TITLE)
    outer = encode_ciphered(GENERAL_GLO, sealed(inner), TITLE)
    with pytest.raises(RemoteProtocolError) as refused:
        open_ciphered(decode_apdu(outer), KEYS, None)
    assert refused.value.category == "security"


def test_malformed_contents_are_a_protocol_error() -> None:
    for plain in (b"", b"\xee", PUSH[:-1], PUSH + b"\0"):
        message = encode_ciphered(GENERAL_GLO, sealed(plain), TITLE)
        with pytest.raises(RemoteProtocolError):
            open_ciphered(decode_apdu(message), KEYS, None)


def test_tags_of_the_standard() -> None:
    """IEC 62056-5-3: glo-get-request 200, glo-action-response 207, ded- the same plus 8."""
    assert apdu_ciphered.GLO[0xC0] == 200
    assert apdu_ciphered.GLO[0xC7] == 207
    assert apdu_ciphered.DED[0xC4] == 212
    assert AUTHENTICATED == 0x10

"""General-ciphering: the fields in front are under the tag, and the key may be none of ours."""

from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from dlms_messages import KEYS, TIME, TITLE
from hypothesis import given, strategies as st

from protocols.dlms import axdr_encode as ax
from protocols.dlms.apdu import decode_apdu
from protocols.dlms.apdu_push import encode_data_notification
from protocols.dlms.opened import open_ciphered
from protocols.dlms.push_reader import PushFrame, PushReader
from protocols.dlms.security import Keys
from protocols.dlms.translate import translate
from protocols.dlms.wrapper import encode_wpdu
from protocols.errors import RemoteProtocolError

PUSH = encode_data_notification(9, TIME, ax.structure(ax.u32(77), ax.octets(b"meter")))
ABSENT = b"\x00"
UNICAST, BROADCAST = b"\x01\x00\x00", b"\x01\x00\x01"
WRAPPED = b"\x01\x01\x00\x18" + bytes(24)
AGREED = b"\x01\x02\x01\x01\x81\x80" + bytes(128)
AK_NAME = {"ek": KEYS.encryption.hex(), "ak": KEYS.authentication.hex()}


def field(value: bytes) -> bytes:
    return bytes((len(value),)) + value


def message(
    key_info: bytes = ABSENT, *, control: int = 0x30, title: bytes = TITLE, time: bytes = b"",
    other: bytes = b"", transaction: bytes = b"\x01\x02\x03\x04\x05\x06\x07\x08",
) -> bytes:  # fmt: skip
    """Return the push, sealed as the standard says, without a word of ours."""
    front = b"".join(map(field, (transaction, title, b"HES\0\0\0\0\x01", time, other)))
    head = bytes((control,)) + (3).to_bytes(4)
    aad = head[:1] + KEYS.authentication + front
    cipher = AESGCM(KEYS.encryption)
    sealed = {
        0x30: lambda: cipher.encrypt(TITLE + head[1:], PUSH, aad)[:-4],
        0x20: lambda: cipher.encrypt(TITLE + head[1:], PUSH, None)[:-16],
        0x10: lambda: PUSH + cipher.encrypt(TITLE + head[1:], b"", aad + PUSH)[:12],
    }[control]()
    return b"\xdd" + front + key_info + field(head + sealed)


def refused(apdu: bytes, title: bytes | None = TITLE) -> str:
    with pytest.raises(RemoteProtocolError) as problem:
        open_ciphered(decode_apdu(apdu), KEYS, title)
    return problem.value.category


@pytest.mark.parametrize("control", [0x10, 0x20, 0x30])
@pytest.mark.parametrize("key_info", [ABSENT, UNICAST, BROADCAST])
@pytest.mark.parametrize("time", [b"", TIME])
def test_it_opens_under_the_key_of_the_meter(control: int, key_info: bytes, time: bytes) -> None:
    ciphered = decode_apdu(message(key_info, control=control, time=time, other=b"more"))
    opened = open_ciphered(ciphered, KEYS, None)
    assert (opened.plain_bytes, opened.system_title) == (PUSH, TITLE)
    assert (opened.counter, opened.control) == (3, control)


@given(st.sampled_from([0x10, 0x30]), st.data())
def test_a_changed_bit_anywhere_never_opens(control: int, data: st.DataObject) -> None:
    whole = bytearray(message(control=control, time=TIME))
    presence = len(whole) - len(PUSH) - 5 - 12 - 2  # of a key: it is not under the tag
    at = data.draw(st.integers(1, len(whole) - 1).filter(lambda at: at != presence))
    whole[at] ^= 1 << data.draw(st.integers(0, 7))
    assert refused(bytes(whole))


@pytest.mark.parametrize("key_info", [WRAPPED, AGREED])
def test_a_key_for_one_message_is_none_of_ours(key_info: bytes) -> None:
    assert refused(message(key_info)) == "key-unknown"
    told: Any = translate({"framing": "apdu", "hex": message(key_info).hex(), "keys": AK_NAME})
    (shown,) = told["apdus"]
    assert (shown["apdu"]["plain"], shown["apdu"]["security"]["system_title"]) == (
        None, TITLE.hex(),
    )  # fmt: skip


def test_the_sender_may_be_known_by_the_connection_alone() -> None:
    nameless = message(title=b"")
    assert open_ciphered(decode_apdu(nameless), KEYS, TITLE).plain_bytes == PUSH
    assert refused(nameless, None) == "system-title"
    assert refused(message(title=TITLE[:7])) == "system-title"


def test_malformed_ones_are_refused() -> None:
    assert refused(message(b"\x01\x03\x00")) == "choice"
    whole = message(UNICAST)
    assert refused(whole + b"\0") == "trailing"
    assert {refused(whole[:size]) for size in range(1, len(whole))} == {"truncated"}
    without = Keys(KEYS.encryption, KEYS.authentication)
    assert open_ciphered(decode_apdu(whole), without, None).plain_bytes == PUSH


def test_it_is_told_and_it_is_a_push() -> None:
    told: Any = translate({"framing": "apdu", "hex": message().hex(), "keys": AK_NAME})
    apdu = told["apdus"][0]["apdu"]
    assert apdu["security"] == {
        "tag": 0xDD, "system_title": TITLE.hex(), "security_control": 0x30, "invocation_counter": 3,
    }  # fmt: skip
    assert (apdu["plain_hex"], apdu["plain"]["body"][0]) == (PUSH.hex(), 77)
    heard: list[PushFrame] = []
    PushReader(heard.append, lambda *_: None).feed(encode_wpdu(1, 103, message()))
    assert [frame.apdu for frame in heard] == [message()]

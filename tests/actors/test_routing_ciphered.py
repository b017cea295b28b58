"""Ciphered messages: whose they are, and which are no pushes at all."""

import msgspec
import pytest

from actors.directory import Directory
from actors.routing import ANSWER, Unroutable, route
from hes.devices import Device
from hes.ids import MeterId, ModemId
from protocols.dlms import apdu_get, axdr_encode as ax
from protocols.dlms.apdu_ciphered import GENERAL_GLO, GLO_EVENT, encode_ciphered
from protocols.dlms.apdu_push import (
    EventNotification,
    encode_data_notification,
    encode_event_notification,
)
from protocols.dlms.cosem import Attribute
from protocols.dlms.push_reader import PushFrame
from protocols.dlms.security import protect

TITLE, OTHER = b"MTR\x00\x00\x00\x00\x07", b"MTR\x00\x00\x00\x00\x08"
MODEM = ModemId("9")
EVENT = encode_event_notification(None, Attribute(1, bytes((0, 0, 96, 11, 0, 255)), 2), ax.u8(1))


def device(name: str, title: bytes) -> Device:
    key = name.encode() * 16
    return Device(
        meter_id=MeterId(name), modem_id=MODEM, auth="gmac", encryption_key=key,
        authentication_key=key, system_title=title,
    )  # fmt: skip


DIRECTORY = Directory([device("7", TITLE), device("8", OTHER)])


def frame(plain: bytes, tag: int, *, key: bytes = b"8" * 16, title: bytes = OTHER) -> PushFrame:
    message = protect(plain, title=title, control=0x30, counter=5, key=key, ak=key)
    apdu = encode_ciphered(tag, message, title if tag == GENERAL_GLO else None)
    return PushFrame(apdu, 1, None, lambda answer: answer)


def test_an_event_under_the_global_key_is_known_by_the_key_that_opens_it() -> None:
    routed = route(DIRECTORY, MODEM, frame(EVENT, GLO_EVENT))
    assert [found.meter_id for found in routed.meters] == ["8"]
    assert isinstance(routed.plain, EventNotification)
    assert routed.counter == 5


def test_it_is_nobodys_where_the_connection_tells_no_modem() -> None:
    with pytest.raises(Unroutable):
        route(DIRECTORY, None, frame(EVENT, GLO_EVENT))


def test_a_wrong_key_is_kept_as_such() -> None:
    with pytest.raises(Unroutable) as caught:
        route(DIRECTORY, MODEM, frame(EVENT, GLO_EVENT, key=b"x" * 16))
    assert caught.value.reason == "auth-tag"


def test_an_answer_in_the_form_of_a_push_is_none() -> None:
    value = apdu_get.encode_response(0xC1, ax.u32(1))
    with pytest.raises(Unroutable) as caught:
        route(DIRECTORY, MODEM, frame(value, GENERAL_GLO))
    assert caught.value.reason == ANSWER


@pytest.mark.parametrize("control", [0x10, 0x30])
def test_what_nobody_can_verify_is_no_reading(control: int) -> None:
    """An encryption key opens it, but the list has no authentication key: it may be anybody's."""
    whole = device("8", OTHER)
    bare = msgspec.structs.replace(whole, authentication_key=b"")
    key = whole.encryption_key
    push = encode_data_notification(1, None, ax.u32(7))
    message = protect(push, title=OTHER, control=control, counter=5, key=key, ak=key)
    said = PushFrame(encode_ciphered(GENERAL_GLO, message, OTHER), 1, None, lambda answer: answer)
    assert route(Directory([whole]), MODEM, said).counter == 5
    with pytest.raises(Unroutable, match="not verified: meter 8 has no authentication key") as bad:
        route(Directory([bare]), MODEM, said)
    assert bad.value.reason == "auth-tag"


@pytest.mark.parametrize("key", [b"8" * 16, b"n" * 16, b"x" * 16])
def test_of_a_meter_that_may_have_new_keys_both_count(key: bytes) -> None:
    doubtful = msgspec.structs.replace(
        device("8", OTHER), next_encryption_key=b"n" * 16, next_authentication_key=b"n" * 16
    )
    directory = Directory([doubtful])
    if key == b"x" * 16:
        with pytest.raises(Unroutable):
            route(directory, MODEM, frame(EVENT, GENERAL_GLO, key=key))
    else:
        assert route(directory, MODEM, frame(EVENT, GENERAL_GLO, key=key)).counter == 5


def test_the_counter_of_what_is_not_protected_counts_for_nothing() -> None:
    push = encode_data_notification(1, None, ax.u32(7))
    message = protect(push, title=OTHER, control=0, counter=0xFFFFFFFF, key=b"8" * 16, ak=b"")
    said = PushFrame(encode_ciphered(GENERAL_GLO, message, OTHER), 1, None, lambda answer: answer)
    assert route(DIRECTORY, MODEM, said).counter is None

"""Ciphered messages: whose they are, and which are no pushes at all."""

import pytest

from actors.directory import Directory
from actors.routing import ANSWER, Unroutable, route
from hes.devices import Device
from hes.ids import MeterId, ModemId
from protocols.dlms import apdu_get, axdr_encode as ax
from protocols.dlms.apdu_ciphered import GENERAL_GLO, GLO_EVENT, encode_ciphered
from protocols.dlms.apdu_push import EventNotification, encode_event_notification
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

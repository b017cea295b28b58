"""Answers that come late, twice, or to nobody's question are never taken for the right one."""

from collections.abc import Callable
from typing import Any

import pytest
from pump import converse

from protocols.dlms import acse, apdu_get, axdr_encode as ax
from protocols.dlms.acse import Mechanism
from protocols.dlms.apdu import decode_apdu
from protocols.dlms.apdu_ciphered import GENERAL_GLO, encode_ciphered
from protocols.dlms.apdu_errors import ExceptionResponse, encode_exception
from protocols.dlms.apdu_get import GetBlock
from protocols.dlms.apdu_push import encode_data_notification
from protocols.dlms.client import ClientSettings, DlmsClient
from protocols.dlms.cosem import Attribute
from protocols.dlms.requester import Requester
from protocols.dlms.security import Keys, protect
from protocols.dlms.timers import DlmsTimers
from protocols.dlms.wrapper import WrapperReader, encode_wpdu
from protocols.dlms.wrapper_link import WrapperLink
from protocols.errors import MeterRefused, MeterSilent, RemoteProtocolError

ENERGY = Attribute(3, bytes((1, 0, 1, 8, 0, 255)), 2)
AARE = acse.encode_aare(
    acse.Aare(
        user_information=acse.encode_initiate_response(
            acse.InitiateResponse(conformance=bytes.fromhex("00101d"), max_pdu=256)
        )
    )
)
TIMERS = DlmsTimers(release_s=1.0)
KEYS = Keys(b"e" * 16, b"a" * 16)
TITLE = b"MTR\x00\x00\x00\x00\x07"


def wire(answers: Callable[[bytes], list[bytes]]) -> Callable[[bytes], bytes]:
    """Return a meter at wPort 1 that sends these APDUs to each of ours."""
    reader = WrapperReader()

    def answer(data: bytes) -> bytes:
        reader.receive_data(data)
        out = b""
        while (wpdu := reader.next_wpdu()) is not None:
            out += b"".join(encode_wpdu(1, wpdu.source, apdu) for apdu in answers(wpdu.apdu))
        return out

    return answer


def client_of(**settings: Any) -> DlmsClient:
    return DlmsClient(
        WrapperLink(1, 1, TIMERS), ClientSettings(timers=TIMERS, **settings),
        counter=iter(range(1, 1000)).__next__, challenge=lambda: b"c" * 16,
    )  # fmt: skip


def value(invoke: int, number: int) -> bytes:
    return apdu_get.encode_response(invoke, ax.u32(number))


@pytest.mark.parametrize("piece", [0, 1, 7])
def test_a_late_value_of_an_earlier_request_is_passed_over(piece: int) -> None:
    def meter(apdu: bytes) -> list[bytes]:
        if apdu[0] == acse.AARQ_TAG:
            return [value(0xC5, 666), AARE]
        return [AARE, value(apdu[2] - 1, 667), value(apdu[2], 42)]

    client = client_of()
    converse(client.associate(), wire(meter), piece=piece)
    assert converse(client.get(ENERGY), wire(meter), piece=piece) == 42


def test_each_request_has_an_invoke_id_of_its_own_and_the_blocks_of_a_value_share_one() -> None:
    asked: list[tuple[int, int]] = []

    def meter(apdu: bytes) -> list[bytes]:
        asked.append((apdu[1], apdu[2]))
        raw = ax.octets(b"0123456789")
        if apdu[1] == apdu_get.NEXT:
            first = apdu_get.encode_block(GetBlock(apdu[2], False, 1, raw[:4]))
            return [first, apdu_get.encode_block(GetBlock(apdu[2], True, 2, raw[4:]))]
        return [apdu_get.encode_block(GetBlock(apdu[2], False, 1, raw[:4]))]

    client = client_of()
    converse(client.associate(), wire(lambda _: [AARE]))
    for _ in range(2):
        assert converse(client.get(ENERGY), wire(meter)) == b"0123456789"
    (_, one), (_, again), (_, two), _ = asked
    assert one == again != two


def test_a_meter_that_sends_only_strays_is_given_up() -> None:
    client = client_of()
    converse(client.associate(), wire(lambda _: [AARE]))
    with pytest.raises(RemoteProtocolError, match="no answer among them"):
        converse(client.get(ENERGY), wire(lambda apdu: [value(apdu[2] ^ 8, 1)] * 40))


def test_a_refusal_of_the_whole_request_has_no_invoke_id_and_counts() -> None:
    client = client_of()
    converse(client.associate(), wire(lambda _: [AARE]))
    refused = encode_exception(ExceptionResponse(1, 1))
    with pytest.raises(MeterRefused, match="service not allowed"):
        converse(client.get(ENERGY), wire(lambda _: [refused]))


# -- protected answers


def sealed(counter: int, plain: bytes, tag: int = GENERAL_GLO, keys: Keys = KEYS) -> bytes:
    message = protect(
        plain, title=TITLE, control=0x30, counter=counter, key=keys.encryption,
        ak=keys.authentication,
    )  # fmt: skip
    return encode_ciphered(tag, message, TITLE if tag == GENERAL_GLO else None)


def requester() -> Requester:
    made = Requester(
        WrapperLink(1, 1, TIMERS), title=b"HES00001", keys=KEYS,
        counter=iter(range(1, 99)).__next__,
    )  # fmt: skip
    made.ciphered = True
    made.meter_title = TITLE
    return made


def ask(asker: Requester, *answers: bytes) -> Any:
    request = apdu_get.encode_request(apdu_get.GetRequest(asker.next_invoke(), ENERGY))
    return converse(asker.service(request), wire(lambda _: list(answers)))


def test_an_answer_may_come_in_the_general_form_among_pushes_in_the_same_form() -> None:
    push = encode_data_notification(7, None, ax.structure(ax.u32(1)))
    stranger = sealed(9, value(0xC1, 13), keys=Keys(b"x" * 16, b"y" * 16))
    answer = ask(requester(), sealed(5000, push), stranger, sealed(2, value(0xC1, 42)))
    assert answer.result == 42


def test_the_same_protected_answer_twice_is_taken_once() -> None:
    asker = requester()
    first = sealed(3, value(0xC1, 1), 0xCC)
    assert ask(asker, first).result == 1
    assert ask(asker, first, sealed(4, value(0xC2, 2), 0xCC)).result == 2


def test_an_answer_under_a_wrong_key_is_an_error() -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        ask(requester(), sealed(3, value(0xC1, 1), 0xCC, Keys(b"x" * 16, b"y" * 16)))
    assert caught.value.category == "auth-tag"


# -- letting go


def test_over_the_wrapper_the_meter_is_told_that_the_association_ends() -> None:
    asked: list[Any] = []

    def meter(apdu: bytes) -> list[bytes]:
        asked.append(decode_apdu(apdu))
        released = acse.encode_release(acse.Release(response=True, reason=0))
        return [AARE] if apdu[0] == acse.AARQ_TAG else [released]

    client = client_of()
    converse(client.associate(), wire(meter))
    assert converse(client.release(), wire(meter)) is True
    assert asked[1:] == [acse.Release(response=False, reason=0)]


def test_a_meter_that_does_not_answer_a_release_is_let_go_all_the_same() -> None:
    client = client_of()
    converse(client.associate(), wire(lambda _: [AARE]))
    assert converse(client.release(), wire(lambda _: [])) is False


def test_a_meter_that_is_not_told_is_not_asked() -> None:
    client = client_of()
    converse(client.associate(), wire(lambda _: [AARE]))
    assert list(client.release(tell=False)) == []


def test_under_keys_the_release_proves_who_asks_for_it() -> None:
    asked: list[bytes] = []

    def meter(apdu: bytes) -> list[bytes]:
        asked.append(apdu)
        return []

    client = client_of(auth=Mechanism.GMAC, keys=KEYS)
    assert converse(client.let_go(), wire(meter)) is False
    information = decode_apdu(asked[0]).user_information
    assert decode_apdu(information).header.control == 0x30


def test_silence_is_silence() -> None:
    with pytest.raises(MeterSilent):
        converse(client_of().associate(), wire(lambda _: [value(0xC1, 1)]))

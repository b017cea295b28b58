"""Faults that servers were seen to have, and that are lived with: nothing wrong is ever taken."""

from collections.abc import Callable
from typing import Any

import pytest
from pump import converse

from protocols.dlms import acse, apdu_get, axdr_encode as ax
from protocols.dlms.apdu import decode_apdu
from protocols.dlms.client import ClientSettings, DlmsClient
from protocols.dlms.cosem import Attribute, DataAccessError, Refused
from protocols.dlms.timers import DlmsTimers
from protocols.dlms.wrapper import WrapperReader, encode_wpdu
from protocols.dlms.wrapper_link import WrapperLink
from protocols.errors import MeterNonsense, MeterSilent, RemoteProtocolError

ENERGY = Attribute(3, bytes((1, 0, 1, 8, 0, 255)), 2)
UNKNOWN = Attribute(3, bytes((1, 0, 9, 9, 9, 255)), 2)
SHIFT = Attribute(8, bytes((0, 0, 1, 0, 0, 255)), 6)
AARE = acse.encode_aare(
    acse.Aare(
        user_information=acse.encode_initiate_response(
            acse.InitiateResponse(conformance=bytes.fromhex("00121d"), max_pdu=512)
        )
    )
)
NO = Refused(DataAccessError.OBJECT_UNDEFINED)
ALWAYS = 0xC1
"""The invoke id of every refusal."""


class Server:
    """A meter over the wrapper: knows one register, and refuses under its one invoke id."""

    def __init__(self) -> None:
        self.before: Callable[[bytes], list[bytes]] = lambda _: []
        """What comes in front of the answer."""
        self.asked: list[bytes] = []
        self._reader = WrapperReader()
        self.client = DlmsClient(
            WrapperLink(1, 1, DlmsTimers()), ClientSettings(), counter=lambda: 1, challenge=bytes
        )
        self.run(self.client.associate())

    def wire(self, data: bytes) -> bytes:
        self._reader.receive_data(data)
        wpdu = self._reader.next_wpdu()
        assert wpdu is not None
        self.asked.append(wpdu.apdu)
        answers = [*self.before(wpdu.apdu), self.answer(wpdu.apdu)]
        return b"".join(encode_wpdu(1, 1, apdu) for apdu in answers if apdu)

    def answer(self, apdu: bytes) -> bytes:
        if apdu[0] == acse.AARQ_TAG:
            return AARE
        if apdu[1] == apdu_get.WITH_LIST:
            # A value, and the choice of a reason without the reason.
            return bytes((0xC4, 3, apdu[2], 2, 0)) + ax.u32(42) + b"\x01"
        known = apdu[3:12] == ENERGY.encode()[:9]
        return apdu_get.encode_response(*((apdu[2], ax.u32(42)) if known else (ALWAYS, NO)))

    def run(self, dialogue: Any) -> Any:
        return converse(dialogue, self.wire)


def test_a_list_that_is_cut_off_is_asked_for_one_by_one() -> None:
    server = Server()
    assert server.run(server.client.get_list([ENERGY, UNKNOWN])) == [42, NO]
    assert [apdu[1] for apdu in server.asked[1:]] == [3, 1, 1]


def test_one_value_that_is_cut_off_is_nonsense() -> None:
    server = Server()
    server.answer = lambda apdu: bytes((0xC4, 1, apdu[2], 0, 6, 0))  # type: ignore[method-assign]
    with pytest.raises(MeterNonsense) as caught:
        server.run(server.client.get(ENERGY))
    assert caught.value.category == "truncated"


def test_a_refusal_under_any_invoke_id_is_one() -> None:
    server = Server()
    for number in range(40):
        wanted = ENERGY if number % 5 == 3 else UNKNOWN
        assert server.run(server.client.get(wanted)) == (42 if wanted is ENERGY else NO)


def test_a_refusal_that_may_be_the_one_before_is_waited_behind() -> None:
    """Delivered twice, it must not cost the value that follows."""
    server = Server()
    server.client.requester.invoke_id = 1
    server.before = lambda apdu: [apdu_get.encode_response(ALWAYS, NO)] if apdu[2] == 0xC2 else []
    assert server.run(server.client.get(ENERGY)) == 42
    assert not server.client.requester._misnumbers
    server.client.requester.invoke_id = 1
    server.before = lambda _: []
    assert server.run(server.client.get(UNKNOWN)) == NO, "and when nothing follows it was ours"


def test_a_refusal_that_may_be_of_an_earlier_conversation_is_none_of_ours() -> None:
    server = Server()
    server.client.requester.late = True
    server.before = lambda _: [apdu_get.encode_response(0xC9, NO)]
    assert server.run(server.client.get(ENERGY)) == 42
    server.before = lambda _: []
    with pytest.raises(MeterSilent):
        server.run(server.client.get(UNKNOWN))


@pytest.mark.parametrize("code", [0, 1, 12])
def test_the_result_of_a_method_that_leaves_out_what_it_returns(code: int) -> None:
    server = Server()
    server.answer = lambda apdu: bytes((0xC7, 1, apdu[2], code))  # type: ignore[method-assign]
    assert server.run(server.client.action(SHIFT, ax.i16(5))) == code
    server.answer = lambda apdu: bytes((0xC7, 1, apdu[2]))  # type: ignore[method-assign]
    with pytest.raises(MeterNonsense):
        server.run(server.client.action(SHIFT, ax.i16(5)))
    with pytest.raises(RemoteProtocolError):
        decode_apdu(bytes((0xC7, 1, 0xC1, code)))  # in a capture it is what it is


@pytest.mark.parametrize("size", [8, 16, 64])
def test_lengths_that_leave_out_the_head_of_the_field_inside(size: int) -> None:
    aare = acse.Aare(
        context=3, diagnostic=14, system_title=b"GRX\0\0\0\0\1", mechanism=5,
        authentication_value=bytes(range(1, size + 1)), user_information=b"\x08\0",
    )  # fmt: skip
    right = acse.encode_aare(aare)
    wrong = right.replace(b"\xa4\x0a\x04\x08", b"\xa4\x08\x04\x08")
    wrong = wrong.replace(bytes((0xAA, size + 2, 0x80, size)), bytes((0xAA, size, 0x80, size)))
    assert right != wrong
    assert decode_apdu(wrong) == decode_apdu(right) == aare
    end = wrong.index(0xAA) + 4 + size
    with pytest.raises(RemoteProtocolError):
        decode_apdu(wrong[:1] + bytes((end - 3,)) + wrong[2 : end - 1])

"""Keys of one association alone, the counters of each key, and what was recorded before."""

from collections.abc import Iterator
from typing import Any

import pytest
from dlms_bench import KEYS, NOW, TITLE, Bench, check_profile, check_registers

from protocols.dlms import acse, apdu_get, axdr_encode as ax
from protocols.dlms.acse import Mechanism
from protocols.dlms.apdu import decode_apdu
from protocols.dlms.apdu_ciphered import (
    DEDICATED,
    GENERAL_DED,
    GLO,
    GLO_INITIATE_REQUEST,
    Ciphered,
    encode_ciphered,
)
from protocols.dlms.association import Association
from protocols.dlms.client import ClientSettings, DlmsClient
from protocols.dlms.cosem import Attribute, obis_bytes
from protocols.dlms.opened import open_ciphered
from protocols.dlms.security import Keys, protect
from protocols.dlms.wrapper import encode_wpdu
from protocols.errors import MeterSilent, RemoteProtocolError

ENERGY = Attribute(3, obis_bytes("1.0.1.8.0.255"), 2)
KEY = bytes(range(64, 80))
HES = b"HES\0\0\0\0\1"


def ciphered_of(sent: list[bytes]) -> Iterator[Ciphered]:
    """Yield the protected services in what was sent over the wrapper."""
    for data in sent:
        apdu = decode_apdu(data[8:])
        if isinstance(apdu, Ciphered):
            yield apdu


@pytest.mark.parametrize("framing", ["hdlc", "wrapper"])
@pytest.mark.parametrize("auth", [Mechanism.GMAC, Mechanism.SHA256])
def test_meters_are_read_under_a_key_of_the_association(framing: str, auth: Mechanism) -> None:
    bench = Bench(framing, auth, ciphered=True, dedicated=True).associate()
    check_registers(bench)
    check_profile(bench)
    bench.run(bench.client.release())
    assert bench.client.state is Association.CLOSED


def test_the_key_travels_protected_and_is_used_once_the_meter_is_believed() -> None:
    bench = Bench("wrapper", Mechanism.GMAC, dedicated=True).associate()
    aarq = decode_apdu(bench.line.sent[0][8:])
    assert KEY not in bench.line.sent[0]
    initiate = open_ciphered(decode_apdu(aarq.user_information), KEYS, HES).plain
    assert initiate.dedicated_key == KEY
    assert aarq.user_information[0] == GLO_INITIATE_REQUEST
    bench.run(bench.client.get(ENERGY))
    proof, service = ciphered_of(bench.line.sent[1:])
    assert not proof.dedicated
    assert service.tag in DEDICATED


def test_each_key_has_counters_of_its_own() -> None:
    """The global ones are written down before; those of a key that dies with it need not be."""
    bench = Bench("wrapper", Mechanism.GMAC, dedicated=True)
    for _ in range(2):
        bench.associate()
        used = next(bench.counters)
        for _ in range(5):
            bench.run(bench.client.get(ENERGY))
        assert next(bench.counters) == used + 1, "reading took none of the global counters"
        counters = [c.header.counter for c in ciphered_of(bench.line.sent) if c.dedicated]
        assert counters[-5:] == [1, 2, 3, 4, 5]
        bench.run(bench.client.release())


def test_without_protection_there_is_no_such_key() -> None:
    bench = Bench("wrapper", Mechanism.LOW, dedicated=True).associate()
    aarq = decode_apdu(bench.line.sent[0][8:])
    assert decode_apdu(aarq.user_information).dedicated_key is None
    assert bench.client.requester.dedicated == b""


def test_an_old_counter_under_the_dedicated_key_is_refused_by_the_meter() -> None:
    bench = Bench("wrapper", Mechanism.GMAC, dedicated=True).associate()
    bench.run(bench.client.get(ENERGY))
    again = bench.line.sent[-1][8:]
    answer = decode_apdu(bench.meter.server.answer(again, 1) or b"")
    assert (answer.service_error, answer.invocation_counter) == (6, 2)


def sealed(counter: int, plain: bytes, tag: int, key: bytes) -> bytes:
    message = protect(
        plain, title=TITLE, control=0x30, counter=counter, key=key, ak=KEYS.authentication
    )
    title = TITLE if tag == GENERAL_DED else None
    return encode_wpdu(1, 1, encode_ciphered(tag, message, title))


def value(client: DlmsClient, number: int) -> bytes:
    """Return the answer to the next request of a client."""
    return apdu_get.encode_response(0xC0 | (client.requester.invoke_id + 1) % 16, ax.u32(number))


@pytest.mark.parametrize("tag", [0xD4, GENERAL_DED])
def test_an_answer_under_the_dedicated_key_once_only(tag: int) -> None:
    bench = Bench("wrapper", Mechanism.GMAC, dedicated=True).associate()
    bench.line.answer = lambda _: sealed(7, value(bench.client, -1 & 0xFF), tag, KEY)
    first = sealed(7, value(bench.client, 1), tag, KEY)
    bench.line.answer = lambda _: first
    assert bench.run(bench.client.get(ENERGY)) == 1
    replay = sealed(7, value(bench.client, 2), tag, KEY)
    bench.line.answer = lambda _: replay
    with pytest.raises(MeterSilent):
        bench.run(bench.client.get(ENERGY))
    later = sealed(8, value(bench.client, 3), tag, KEY)
    bench.line.answer = lambda _: replay + later
    assert bench.run(bench.client.get(ENERGY)) == 3


def test_a_counter_counts_only_behind_a_right_tag() -> None:
    """A forged answer with a huge counter must not shut out the true ones."""
    bench = Bench("wrapper", Mechanism.GMAC).associate()
    highest = dict(bench.client.requester._meter_counters)
    forged = sealed(0xFFFFFFFF, value(bench.client, 1), GLO[0xC4], b"x" * 16)
    bench.line.answer = lambda _: forged
    with pytest.raises(RemoteProtocolError) as refused:
        bench.run(bench.client.get(ENERGY))
    assert refused.value.category == "auth-tag"
    assert bench.client.requester._meter_counters == highest
    bench.line.answer = bench.meter.receive
    energy = bench.meter.objects.consumption.energy_wh(NOW)
    assert bench.run(bench.client.get(ENERGY)) == energy


@pytest.mark.parametrize("in_the_open", [False, True])
def test_answers_recorded_in_an_earlier_association_are_old(in_the_open: bool) -> None:
    """The meter's proof answers our challenge, so it is new; what is older has a lower counter."""
    bench = Bench("wrapper", Mechanism.GMAC).associate()
    recorded: list[bytes] = []
    bench.line.back = lambda _, data: [recorded.append(data) or data]  # type: ignore[func-returns-value]
    bench.run(bench.client.get(ENERGY))
    invoke = bench.client.requester.invoke_id
    bench.line.back = lambda _, data: [data]
    bench.run(bench.client.release())
    if in_the_open:
        answer = bench.line.answer

        def opened(data: bytes) -> bytes:
            found = decode_apdu(answer(data)[8:])
            if not isinstance(found, Ciphered):
                return encode_wpdu(1, 1, acse.encode_aare(found))
            return encode_wpdu(1, 1, open_ciphered(found, KEYS, TITLE).plain_bytes)

        bench.line.answer = opened
    bench.associate()
    bench.line.answer = lambda _: recorded[0]
    bench.client.requester.invoke_id = invoke - 1
    with pytest.raises(MeterSilent):
        bench.run(bench.client.get(ENERGY))


def test_a_client_without_such_a_key_keeps_to_the_global_one() -> None:
    settings = ClientSettings(auth=Mechanism.GMAC, keys=KEYS)
    bench: Any = Bench("wrapper", Mechanism.GMAC)
    client = DlmsClient(
        bench.carrier, settings, counter=lambda: next(bench.counters), challenge=lambda: b"c" * 16
    )
    bench.run(client.associate())
    assert client.requester.keys() == Keys(KEYS.encryption, KEYS.authentication)
    assert not any(c.dedicated for c in ciphered_of(bench.line.sent))


def test_answers_are_younger_than_the_proof() -> None:
    """Where the proof comes in the open, its own counter says how old the rest may be."""
    bench = Bench("wrapper", Mechanism.GMAC).associate()
    bench.client.requester.proved(500)
    tag = GLO[0xC4]
    bench.line.answer = lambda _: sealed(500, value(bench.client, 1), tag, KEYS.encryption)
    with pytest.raises(MeterSilent):
        bench.run(bench.client.get(ENERGY))
    later = sealed(501, value(bench.client, 2), tag, KEYS.encryption)
    bench.line.answer = lambda _: later
    assert bench.run(bench.client.get(ENERGY)) == 2
    bench.client.requester.proved(7)
    bench.line.answer = lambda _: sealed(501, value(bench.client, 3), tag, KEYS.encryption)
    with pytest.raises(MeterSilent):
        bench.run(bench.client.get(ENERGY))


def test_the_proof_that_comes_in_the_open_is_taken_note_of() -> None:
    bench = Bench("wrapper", Mechanism.GMAC)
    answer = bench.line.answer
    noted: list[int] = []

    def opened(data: bytes) -> bytes:
        found = decode_apdu(answer(data)[8:])
        if not isinstance(found, Ciphered):
            return encode_wpdu(1, 1, acse.encode_aare(found))
        plain = open_ciphered(found, KEYS, TITLE).plain
        noted.append(int.from_bytes(plain.value[1:5]))
        return encode_wpdu(1, 1, open_ciphered(found, KEYS, TITLE).plain_bytes)

    bench.line.answer = opened
    bench.associate()
    assert bench.client.requester._meter_counters == {False: noted[0]}

"""The client and meters that refuse an association, or lie about who they are."""

from collections.abc import Callable
from typing import Any

import pytest
from dlms_bench import KEYS, TITLE, Bench, check_registers
from dlms_scripted import NOT_POSSIBLE, SERVICE_ERROR, Reply, Scripted

from protocols.dlms import acse, apdu_action, apdu_get, axdr_encode as ax
from protocols.dlms.acse import Mechanism
from protocols.dlms.apdu import decode_apdu
from protocols.dlms.apdu_ciphered import GLO, GLO_INITIATE_RESPONSE, encode_ciphered
from protocols.dlms.association import Association
from protocols.dlms.client import (
    ClientSettings,
    CounterTooLow,
    DlmsClient,
)
from protocols.dlms.cosem import Attribute, obis_bytes
from protocols.dlms.opened import open_ciphered
from protocols.dlms.security import Keys, gmac_token, protect
from protocols.dlms.wrapper import encode_wpdu
from protocols.errors import (
    LocalProtocolError,
    MeterRefused,
    ProtocolError,
    RemoteProtocolError,
)

SWAPPED = Keys(KEYS.authentication, KEYS.encryption)
ENERGY = Attribute(3, obis_bytes("1.0.1.8.0.255"), 2)
CLOCK = Attribute(8, obis_bytes("0.0.1.0.0.255"), 2)
BOTH = pytest.mark.parametrize("framing", ["hdlc", "wrapper"])


@BOTH
def test_wrong_password(framing: str) -> None:
    bench = Bench(framing, password=b"87654321")
    with pytest.raises(MeterRefused, match="authentication failure"):
        bench.associate()
    assert bench.client.state is Association.LINKED
    bench.run(bench.client.release())
    assert bench.client.state is Association.CLOSED


@BOTH
@pytest.mark.parametrize(
    "keys", [Keys(KEYS.authentication, KEYS.authentication), Keys(KEYS.encryption, KEYS.encryption)]
)
def test_wrong_key(framing: str, keys: Keys) -> None:
    bench = Bench(framing, Mechanism.GMAC, keys=keys)
    with pytest.raises(ProtocolError):
        bench.associate()
    assert bench.client.state is not Association.ASSOCIATED


@BOTH
def test_a_counter_that_is_too_low_tells_where_to_jump(framing: str) -> None:
    bench = Bench(framing, Mechanism.GMAC)
    bench.meter.server.client_counter = 5000
    with pytest.raises(CounterTooLow) as refused:
        bench.associate()
    assert refused.value.wanted == 5000
    bench.run(bench.client.release())
    bench.counters = iter(range(refused.value.wanted, 10_000))
    bench.associate()
    check_registers(bench)


@BOTH
def test_a_client_that_the_meter_does_not_know(framing: str) -> None:
    bench = Bench(framing, Mechanism.NONE)
    bench.meter.server.identity = Bench("hdlc", Mechanism.LOW).meter.server.identity
    with pytest.raises(MeterRefused, match="mechanism required"):
        bench.associate()


def aare(**fields: Any) -> Reply:
    terms = acse.encode_initiate_response(
        acse.InitiateResponse(conformance=b"\0\x50\x1f", max_pdu=500)
    )
    return lambda _: acse.encode_aare(acse.Aare(**({"user_information": terms} | fields)))


@pytest.mark.parametrize(("reply", "error", "words"), [
    (lambda _: NOT_POSSIBLE, MeterRefused, "service not allowed"),
    (lambda _: SERVICE_ERROR, MeterRefused, "confirmed service error"),
    (aare(result=1, diagnostic=99), MeterRefused, "diagnostic 99"),
    (aare(result=2), MeterRefused, "null"),
    (aare(result=1, diagnostic=2), MeterRefused, "context not supported"),
    (
        aare(result=1, diagnostic=2, diagnostic_by_provider=True), MeterRefused,
        "no common ACSE version",
    ),
    (aare(result=1, diagnostic=13, diagnostic_by_provider=True), MeterRefused, "diagnostic 13"),
    (aare(diagnostic=14), MeterRefused, "authentication required"),
    (aare(user_information=None), RemoteProtocolError, "without its terms"),
    (aare(user_information=SERVICE_ERROR), MeterRefused, "confirmed service error"),
    (aare(user_information=b"\x0f\0\0\0\1\0\0"), RemoteProtocolError, "no answer"),
    (aare(user_information=b"\xee"), RemoteProtocolError, "unknown APDU tag"),
])  # fmt: skip
def test_associations_that_do_not_come_about(
    reply: Reply, error: type[Exception], words: str
) -> None:
    scripted = Scripted(reply, associate=False)
    with pytest.raises(error, match=words):
        scripted.run(scripted.client.associate())
    assert scripted.client.state is not Association.ASSOCIATED
    scripted.run(scripted.client.release())
    assert scripted.client.state is Association.CLOSED


def impostor(
    *, title: bytes = TITLE, keys: Keys = KEYS, challenge: bytes = b"P6wRJ21F" * 2,
    proof: Callable[[bytes, bytes], bytes] | None = None, result: int = 0, echo: bool = False,
) -> Reply:  # fmt: skip
    """Return a meter that goes through HLS-GMAC as it is told."""
    seen: dict[str, bytes] = {}
    counters = iter(range(1, 1000))

    def seal(plain: bytes) -> bytes:
        return protect(plain, title=title, control=0x30, counter=next(counters),
                       key=keys.encryption, ak=keys.authentication)  # fmt: skip

    def reply(apdu: bytes) -> bytes:
        request = decode_apdu(apdu)
        if isinstance(request, acse.Aarq):
            seen["challenge"] = request.authentication_value or b""
            terms = acse.encode_initiate_response(
                acse.InitiateResponse(conformance=b"\0\x50\x1f", max_pdu=500)
            )
            return acse.encode_aare(acse.Aare(
                context=3, diagnostic=14, system_title=title, mechanism=5,
                authentication_value=seen["challenge"] if echo else challenge,
                user_information=encode_ciphered(GLO_INITIATE_RESPONSE, seal(terms)),
            ))  # fmt: skip
        token = gmac_token(seen["challenge"], title=title, counter=next(counters), keys=keys)
        token = proof(token, apdu) if proof else token
        plain = apdu_action.encode_response(0xC1, result, ax.octets(token))
        return encode_ciphered(GLO[plain[0]], seal(plain))

    return reply


def test_the_meter_of_the_bench_is_believed() -> None:
    scripted = Scripted(impostor(), Mechanism.GMAC, associate=False)
    scripted.run(scripted.client.associate())
    assert scripted.client.state is Association.ASSOCIATED


def test_the_proof_may_come_in_the_open_and_nothing_else() -> None:
    """Some meters answer the challenge without ciphering; the token is proof enough."""
    told = impostor()

    def in_the_open(apdu: bytes) -> bytes:
        answer = told(apdu) or b""
        if apdu[0] == acse.AARQ_TAG:
            return answer
        return open_ciphered(decode_apdu(answer), KEYS, TITLE).plain_bytes

    scripted = Scripted(in_the_open, Mechanism.GMAC, associate=False)
    scripted.run(scripted.client.associate())
    assert scripted.client.state is Association.ASSOCIATED
    value = apdu_get.encode_response(0xC2, ax.u32(5))
    scripted.bench.line.answer = lambda _: encode_wpdu(1, 1, value)
    with pytest.raises(RemoteProtocolError, match="not ciphered"):
        scripted.run(scripted.client.get(ENERGY))


def test_late_answers_are_passed_over_while_associating() -> None:
    bench = Bench("wrapper")
    stale = encode_wpdu(1, 1, apdu_get.encode_response(0xC5, ax.u32(666)))
    bench.line.back = lambda _, data: [stale, stale + data]
    bench.associate()
    bench = Bench("wrapper")
    bench.line.answer = lambda _: stale * 40
    with pytest.raises(RemoteProtocolError, match="no answer among them"):
        bench.associate()


@pytest.mark.parametrize(("reply", "error", "words"), [
    (impostor(keys=SWAPPED), RemoteProtocolError, "tag is wrong"),
    (impostor(proof=lambda token, _: bytes(17)), RemoteProtocolError, "no GMAC token"),
    (impostor(proof=lambda t, _: t[:5] + t[16:4:-1]), RemoteProtocolError, "tag is wrong"),
    (impostor(result=3), MeterRefused, "action result 3"),
    (impostor(challenge=b"short"), RemoteProtocolError, "challenge of 5 bytes"),
    (impostor(challenge=bytes(65)), RemoteProtocolError, "challenge of 65 bytes"),
    (impostor(echo=True), RemoteProtocolError, "our own challenge"),
    (impostor(title=b"HES\0\0\0\0\1"), RemoteProtocolError, "our own challenge or title"),
    (impostor(title=b"short"), LocalProtocolError, "8 bytes"),
])  # fmt: skip
def test_who_does_not_prove_the_key_is_not_believed(
    reply: Reply, error: type[Exception], words: str
) -> None:
    if error is LocalProtocolError:
        with pytest.raises(error, match=words):
            Scripted(reply, Mechanism.GMAC, associate=False).bench.associate()
        return
    scripted = Scripted(reply, Mechanism.GMAC, associate=False)
    with pytest.raises(error, match=words):
        scripted.run(scripted.client.associate())
    assert scripted.client.state is not Association.ASSOCIATED


def test_a_client_without_keys_cannot_ask_for_protection() -> None:
    bench = Bench("wrapper", Mechanism.GMAC)
    settings = ClientSettings(auth=Mechanism.GMAC)
    client = DlmsClient(bench.carrier, settings, counter=lambda: 1, challenge=lambda: bytes(8))
    with pytest.raises(LocalProtocolError, match="needs keys"):
        bench.run(client.associate())

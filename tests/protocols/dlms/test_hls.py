"""High level security: digests that are known, meters that prove themselves, and those that lie."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest
from dlms_bench import PASSWORD, TITLE, Bench, check_profile, check_registers
from dlms_scripted import Reply, Scripted
from hypothesis import given, strategies as st

from protocols.dlms import acse, apdu_action, axdr_encode as ax
from protocols.dlms.acse import Mechanism
from protocols.dlms.apdu import decode_apdu
from protocols.dlms.association import Association
from protocols.dlms.client import ClientSettings, DlmsClient
from protocols.dlms.hls import DIGESTS, SPOKEN, Side, check_digest_proof, digest_proof
from protocols.errors import LocalProtocolError, MeterRefused, RemoteProtocolError

CLIENT = Side(b"HES\0\0\0\0\1", b"K56iVagY" * 2)
METER = Side(TITLE, b"P6wRJ21F" * 2)
DIGEST = pytest.mark.parametrize("auth", [Mechanism.MD5, Mechanism.SHA1, Mechanism.SHA256])
TERMS = acse.encode_initiate_response(acse.InitiateResponse(conformance=b"\0\x50\x1f", max_pdu=500))


def test_known_digests() -> None:
    """Of texts whose digests are known to everybody: challenge and secret make up ``abc``."""
    asker, prover = Side(b"", b"ab"), Side(b"", b"")
    assert digest_proof(Mechanism.MD5, b"c", prover, asker).hex() == (
        "900150983cd24fb0d6963f7d28e17f72"
    )
    assert digest_proof(Mechanism.SHA1, b"c", prover, asker).hex() == (
        "a9993e364706816aba3e25717850c26c9cd0d89d"
    )
    parts = digest_proof(Mechanism.SHA256, b"a", Side(b"b", b""), Side(b"", b"c"))
    assert parts.hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_the_order_of_what_is_digested() -> None:
    """SHA-256: secret, the prover's title, the asker's, the asker's challenge, the prover's."""
    text = b"secret" + CLIENT.title + METER.title + METER.challenge + CLIENT.challenge
    assert digest_proof(Mechanism.SHA256, b"secret", CLIENT, METER) == hashlib.sha256(text).digest()
    assert digest_proof(Mechanism.SHA256, b"secret", METER, CLIENT) != hashlib.sha256(text).digest()


@DIGEST
@given(st.binary(max_size=40))
def test_only_the_right_digest_is_believed(auth: Mechanism, proof: bytes) -> None:
    right = digest_proof(auth, PASSWORD, METER, CLIENT)
    check_digest_proof(right, auth, PASSWORD, prover=METER, asker=CLIENT)
    for wrong in (proof, right[:-1], digest_proof(auth, b"other", METER, CLIENT)):
        with pytest.raises(RemoteProtocolError) as refused:
            check_digest_proof(wrong, auth, PASSWORD, prover=METER, asker=CLIENT)
        assert refused.value.category == "auth-tag"


@DIGEST
@pytest.mark.parametrize("ciphered", [False, True])
@pytest.mark.parametrize("framing", ["hdlc", "wrapper"])
def test_meters_that_know_the_secret_are_read(
    framing: str, auth: Mechanism, ciphered: bool
) -> None:
    bench = Bench(framing, auth, ciphered=ciphered).associate()
    check_registers(bench)
    check_profile(bench, hours=2)
    bench.run(bench.client.release())
    assert bench.client.state is Association.CLOSED


@DIGEST
@pytest.mark.parametrize("ciphered", [False, True])
def test_a_wrong_secret(auth: Mechanism, ciphered: bool) -> None:
    bench = Bench("wrapper", auth, ciphered=ciphered, password=b"87654321")
    with pytest.raises(MeterRefused, match="did not accept our key"):
        bench.associate()
    assert bench.client.state is not Association.ASSOCIATED


def test_titles_travel_where_the_proof_needs_them() -> None:
    titles = {}
    for auth in (Mechanism.MD5, Mechanism.SHA1, Mechanism.SHA256):
        bench = Bench("wrapper", auth).associate()
        titles[auth] = decode_apdu(bench.line.sent[0][8:]).system_title
    assert titles == {Mechanism.MD5: None, Mechanism.SHA1: None, Mechanism.SHA256: CLIENT.title}


# -- meters that do not know it, or want something else


def liar(proof: Callable[[bytes], bytes], *, title: bytes | None = TITLE, **fields: Any) -> Reply:
    """Return a meter that answers our challenge as it is told."""
    seen: list[bytes] = []

    def reply(apdu: bytes) -> bytes:
        request = decode_apdu(apdu)
        if isinstance(request, acse.Aarq):
            seen.append(request.authentication_value or b"")
            made: dict[str, Any] = {
                "diagnostic": 14, "system_title": title, "mechanism": request.mechanism,
                "authentication_value": METER.challenge, "user_information": TERMS,
            }  # fmt: skip
            return acse.encode_aare(acse.Aare(**(made | fields)))
        return apdu_action.encode_response(request.invoke, 0, ax.octets(proof(seen[0])))

    return reply


def right(challenge: bytes) -> bytes:
    return digest_proof(Mechanism.SHA256, PASSWORD, METER, Side(CLIENT.title, challenge))


def associate(reply: Reply, auth: Mechanism = Mechanism.SHA256) -> Scripted:
    scripted = Scripted(reply, auth, associate=False)
    scripted.run(scripted.client.associate())
    return scripted


def test_the_meter_of_these_tests_is_believed() -> None:
    assert associate(liar(right)).client.state is Association.ASSOCIATED


@pytest.mark.parametrize(("reply", "words"), [
    (liar(lambda _: bytes(32)), "answer to the challenge is wrong"),
    (liar(lambda _: b""), "answer to the challenge is wrong"),
    (liar(lambda c: hashlib.sha256(c).digest()), "answer to the challenge is wrong"),
    (liar(right, authentication_value=b"short"), "challenge of 5 bytes"),
    (liar(right, authentication_value=CLIENT.challenge), "our own challenge"),
    (liar(right, title=CLIENT.title), "our own challenge or title"),
    (liar(right, title=None), "answer to the challenge is wrong"),
    (liar(right, user_information=None), "without its terms"),
])  # fmt: skip
def test_who_does_not_prove_the_secret_is_not_believed(reply: Reply, words: str) -> None:
    scripted = Scripted(reply, Mechanism.SHA256, associate=False)
    with pytest.raises(RemoteProtocolError, match=words):
        scripted.run(scripted.client.associate())
    assert scripted.client.state is not Association.ASSOCIATED


SHORT = acse.encode_initiate_response(
    acse.InitiateResponse(conformance=b"\x1c\0\0", max_pdu=500, vaa=0xFA00)
)


@pytest.mark.parametrize(("fields", "words"), [
    ({"mechanism": 7}, r"another mechanism than ours; it wants .* 7 \(ECDSA\)"),
    ({"mechanism": 7, "result": 1, "diagnostic": 11},
     r"mechanism not recognised; it wants authentication mechanism 7 \(ECDSA\)"),
    ({"mechanism": 99, "result": 1, "diagnostic": 11}, r"mechanism 99 \(\?\)"),
    ({"result": 1, "diagnostic": 13}, r"\(authentication failure\)"),
    ({"context": 2}, "names its objects by addresses"),
    ({"context": 4, "result": 1, "diagnostic": 2}, "names its objects by addresses"),
    ({"user_information": SHORT}, "names its objects by addresses"),
])  # fmt: skip
def test_what_we_do_not_speak_is_told(fields: dict[str, Any], words: str) -> None:
    scripted = Scripted(liar(right, **fields), Mechanism.SHA256, associate=False)
    with pytest.raises(MeterRefused, match=words):
        scripted.run(scripted.client.associate())
    assert scripted.client.state is Association.LINKED


@pytest.mark.parametrize("auth", sorted(set(Mechanism) - SPOKEN))
def test_mechanisms_that_we_do_not_speak_are_refused_before_anything_is_sent(
    auth: Mechanism,
) -> None:
    bench = Bench("wrapper", Mechanism.LOW)
    settings = ClientSettings(auth=auth)
    client = DlmsClient(bench.carrier, settings, counter=lambda: 1, challenge=lambda: bytes(8))
    with pytest.raises(MeterRefused, match=f"mechanism {auth.value} .{auth.name}. is not"):
        bench.run(client.associate())
    assert bench.line.sent == []
    assert auth not in DIGESTS


def test_protection_with_a_password_alone_wants_keys_too() -> None:
    bench = Bench("wrapper", Mechanism.LOW)
    settings = ClientSettings(auth=Mechanism.LOW, protected=True)
    client = DlmsClient(bench.carrier, settings, counter=lambda: 1, challenge=bytes)
    with pytest.raises(LocalProtocolError, match="needs keys"):
        bench.run(client.associate())

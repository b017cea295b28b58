"""Security suites 1 and 2: the same ciphering, with the suite named in each message."""

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from protocols.dlms.carrier import Answer
from protocols.dlms.requester import Requester
from protocols.dlms.security import Keys, check_gmac_token, gmac_token
from protocols.errors import RemoteProtocolError

SHORT, LONG = bytes(range(16)), bytes(range(32))
TITLE = b"HES\0\0\0\0\1"
SUITES = [(0, SHORT, 0), (1, SHORT, 1), (2, LONG, 0), (2, LONG, 1)]


def opened(message: bytes, key: bytes, ak: bytes, also: bytes = b"") -> bytes:
    """Open a message another way than the product does: by a cipher that verifies 12 octets."""
    mode = modes.GCM(TITLE + message[1:5], message[-12:], min_tag_length=12)
    decryptor = Cipher(algorithms.AES(key), mode).decryptor()
    decryptor.authenticate_additional_data(message[:1] + ak + also)
    return decryptor.update(message[5:-12]) + decryptor.finalize()


@pytest.mark.parametrize(("suite", "key", "short"), SUITES)
def test_requests_name_the_suite(suite: int, key: bytes, short: int) -> None:
    counters = iter(range(7, 99))
    requester = Requester(
        _Nowhere(), title=TITLE, keys=Keys(key, key, short_suite=short),
        counter=lambda: next(counters),
    )  # fmt: skip
    message = requester.protect(b"\xc0\x01\xc1")
    assert message[:5] == bytes((0x30 | suite, 0, 0, 0, 7))
    assert opened(message, key, key) == b"\xc0\x01\xc1"
    requester.dedicated = bytes(reversed(key))
    under_own = requester._under_dedicated(b"\xc0\x01\xc1")
    assert under_own[0] == 0x30 | suite
    assert opened(under_own, bytes(reversed(key)), key) == b"\xc0\x01\xc1"


@pytest.mark.parametrize(("suite", "key", "short"), SUITES)
def test_the_proof_of_a_key_names_it_too(suite: int, key: bytes, short: int) -> None:
    keys = Keys(key, key, short_suite=short)
    token = gmac_token(b"challenge", title=TITLE, counter=9, keys=keys)
    assert token[0] == 0x10 | suite
    assert opened(token, key, key, b"challenge") == b""
    with pytest.raises(InvalidTag):
        opened(token, key, key, b"another")
    # A meter may name another suite than we did: its tag says whether it means it.
    assert check_gmac_token(token, b"challenge", title=TITLE, keys=Keys(key, key)) == 9
    for wrong in (0x30, 0x20, 0x00, 0x90):
        with pytest.raises(RemoteProtocolError):
            check_gmac_token(
                bytes((wrong | suite,)) + token[1:], b"challenge", title=TITLE, keys=keys
            )


class _Nowhere:
    """A carrier that is not used."""

    numbered = False

    def ask(self, apdu: bytes, *, wait_s: float | None = None) -> Answer:
        raise NotImplementedError

    stream = hear = connect = disconnect = ask

"""Opening a protected message whose keys are at hand."""

from typing import Any, Final

import msgspec

from protocols.dlms import apdu_action
from protocols.dlms.apdu import decode_apdu
from protocols.dlms.apdu_ciphered import Ciphered
from protocols.dlms.security import AUTHENTICATED, TAG_SIZE, Keys, unprotect
from protocols.errors import MeterNonsense, RemoteProtocolError

CALLED: Final = bytes((apdu_action.RESPONSE, 1))
CALLED_SIZE: Final = 5
"""Of a normal answer to the call of a method that returns nothing."""


class Opened(msgspec.Struct, frozen=True):
    """A message with its protection taken off; its tag, if it had one, was right."""

    system_title: bytes
    counter: int
    control: int
    plain_bytes: bytes
    plain: Any
    verified: bool = True
    """Whether the tag was right, if there is one; False: nobody could look at it."""


def open_ciphered(ciphered: Ciphered, keys: Keys, title: bytes | None) -> Opened:
    """Return what ``ciphered`` holds; ``title`` is the sender's where the message names none.

    Raises:
        RemoteProtocolError: ``auth-tag``: wrong key or altered; ``key-unknown``: we have none.
        MeterNonsense: the contents are malformed.

    """
    sender = ciphered.system_title or title
    if sender is None:
        raise RemoteProtocolError("system-title", "nobody knows the system title of the sender")
    key = keys.dedicated if ciphered.dedicated else keys.encryption
    if not key or ciphered.own_key:
        raise RemoteProtocolError("key-unknown", "there is no key for this kind of protection")
    header, plain = unprotect(
        ciphered.message, title=sender, key=key, ak=keys.authentication + ciphered.context
    )
    apdu = decode_whole(plain)
    if isinstance(apdu, Ciphered):
        raise RemoteProtocolError("security", "a protected message inside a protected one")
    return Opened(sender, header.counter, header.control, plain, apdu)


def decode_whole(apdu: bytes) -> Any:
    """Return an APDU of which nothing can be missing, since it came in frames with checks.

    Raises:
        MeterNonsense: it is none; its sender made it so, and can be talked to all the same.

    """
    if len(apdu) == CALLED_SIZE - 1 and apdu.startswith(CALLED):
        apdu += b"\0"  # seen: a result of a method that does not say that nothing follows
    try:
        return decode_apdu(apdu)
    except RemoteProtocolError as problem:
        raise MeterNonsense(problem.category, str(problem)) from None


def open_unverified(ciphered: Ciphered, keys: Keys, title: bytes | None) -> Opened | None:
    """Return what a message holds without a look at its tag, for who has no authentication key.

    For people who look at captures, never for readings. None: it is no message, so that the key is
    surely wrong.
    """
    control = ciphered.header.control
    bare = bytes((control & ~AUTHENTICATED,)) + ciphered.message[1:-TAG_SIZE]
    try:
        opened = open_ciphered(msgspec.structs.replace(ciphered, message=bare), keys, title)
    except RemoteProtocolError:
        return None
    return msgspec.structs.replace(opened, control=control, verified=False)

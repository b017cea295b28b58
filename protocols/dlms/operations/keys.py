"""Gives a meter new keys (class 64, method 2), each wrapped by its master key (RFC 3394)."""

from collections.abc import Callable

from protocols.dlms.classes.security_setup import (
    KEY_SIZES,
    KEY_TRANSFER,
    SECURITY_SETUP,
    USUAL_OBIS,
    KeyId,
    key_transfer,
)
from protocols.dlms.client import Dialogue, DlmsClient
from protocols.dlms.operations.access import call, read_field
from protocols.errors import LocalProtocolError, MeterRefused, SessionRefused


def transfer_keys(
    client: DlmsClient, keys: dict[KeyId, bytes], master: bytes, *, sending: Callable[[], None]
) -> Dialogue[None]:
    """Give new keys to the meter; it counts with them from the next association on.

    ``sending`` is called just before they are sent: who hears no answer afterwards cannot know
    whether the meter has taken them.

    Raises:
        MeterRefused: the meter does not take them.
        LocalProtocolError: a key of a size that its security suite does not have; nothing was sent.

    """
    suite = yield from _suite(client)
    if suite not in KEY_SIZES:
        raise LocalProtocolError("keys", f"the meter is of security suite {suite}, not known here")
    parameter = key_transfer(keys, master, suite=suite)
    sending()
    yield from call(client, SECURITY_SETUP, USUAL_OBIS, KEY_TRANSFER, parameter)


def _suite(client: DlmsClient) -> Dialogue[int]:
    """Return the security suite; 0, which most meters have, of one that does not tell."""
    try:
        suite: int = yield from read_field(client, SECURITY_SETUP, USUAL_OBIS, "suite")
    except SessionRefused:  # a counter that is too low, too
        raise
    except MeterRefused:
        return 0
    return suite

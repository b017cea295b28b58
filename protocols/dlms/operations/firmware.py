"""Carries an image transfer over an association, for as long as one conversation may take."""

from collections.abc import Callable

from protocols.dlms.classes.image_transfer import IMAGE_TRANSFER
from protocols.dlms.client import Dialogue, DlmsClient
from protocols.dlms.cosem import CLASS_DATA, Attribute, obis_bytes
from protocols.dlms.operations.access import pause
from protocols.dlms.operations.image_session import ImageSession

FIRMWARE_VERSION = Attribute(CLASS_DATA, obis_bytes("1.0.0.2.0.255"), 2)


def transfer(
    client: DlmsClient, session: ImageSession, obis: bytes, *, enough: Callable[[], bool]
) -> Dialogue[None]:
    """Go on with a transfer until it has ended, or ``enough`` says so between two questions.

    Raises:
        ProtocolError: the conversation broke; the session goes on in the next one.

    """
    session.look_again()
    while not session.ended and not enough():
        ask = session.ask()
        if ask.after_s:
            yield from pause(ask.after_s)
        name = IMAGE_TRANSFER.attribute(obis, ask.index)
        if ask.method:
            answer = yield from client.action(name, ask.parameter)
        elif ask.parameter:
            answer = yield from client.set(name, ask.parameter)
        else:
            answer = yield from client.get(name)
        session.told(answer)


def read_version(client: DlmsClient) -> Dialogue[str]:
    """Return the firmware that the meter says it runs; empty when it does not tell."""
    value = yield from client.get(FIRMWARE_VERSION)
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value if isinstance(value, str) else ""

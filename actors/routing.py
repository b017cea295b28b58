"""Whose message is this? From the surest sign to the weakest, and never by a guess.

1. A system title in the header, or a key that opens the message: proof or nearly so.
2. A modem with one meter: it is that one's.
3. A name inside the message that is a meter's in the device list.
4. The address on the line, when just one meter of the modem has it.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from actors.directory import Directory
from hes.devices import Device
from hes.ids import ModemId
from hes.key_change import changed, in_doubt
from protocols.dlms.apdu import decode_apdu
from protocols.dlms.apdu_ciphered import Ciphered
from protocols.dlms.apdu_push import DataNotification, EventNotification
from protocols.dlms.opened import Opened, open_ciphered
from protocols.dlms.push import identities_of, items_of
from protocols.dlms.push_reader import PushFrame
from protocols.dlms.security import AUTHENTICATED, ENCRYPTED, Keys
from protocols.errors import RemoteProtocolError
from protocols.links.alarm_push import alarm_event, smr5_alarm

KEYS_TRIED_MAX: Final = 64
"""A concentrator has no more meters behind it; bounds the work that a stranger can cause."""
ANSWER: Final = "answer"
"""The reason for what was asked for: some meters answer in the form that pushes have."""


class Unroutable(Exception):
    """The message is kept as it is: ``reason`` is one word, the text a sentence."""

    def __init__(self, reason: str, detail: str, title: str | None = None) -> None:
        super().__init__(detail)
        self.reason = reason
        self.title = title


class Routed(msgspec.Struct, frozen=True):
    """A message and the meters that it may be from: the first that takes it has it."""

    meters: list[Device]
    plain: DataNotification | EventNotification
    counter: int | None
    """Of a ciphered message, whose tag was right."""
    title: bytes | None


def route(directory: Directory, modem: ModemId | None, frame: PushFrame) -> Routed:
    """Return what ``frame`` holds and whose it is.

    Raises:
        Unroutable: nobody's, or unreadable.

    """
    try:
        apdu = decode_apdu(frame.apdu)
    except RemoteProtocolError as problem:
        raise Unroutable("malformed", str(problem)) from None
    if isinstance(apdu, Ciphered):
        return _open(directory, modem, apdu)
    plain = _push(apdu)
    sender = _sender(directory, modem, frame, plain)
    return Routed([sender], _alarm_event(plain) or plain, None, None)


def _push(apdu: Any) -> DataNotification | EventNotification:
    if not isinstance(apdu, DataNotification | EventNotification):
        raise Unroutable("malformed", f"a {type(apdu).__name__} is no push")
    return apdu


def _alarm_event(plain: DataNotification | EventNotification) -> EventNotification | None:
    """Return the event that an alarm in the form of data means; None when it is no alarm.

    One that waits for a confirmation stays data: events are never confirmed.
    """
    if not isinstance(plain, DataNotification) or plain.confirmed:
        return None
    alarm = smr5_alarm(plain)
    return None if alarm is None else alarm_event(alarm, plain.time)


def _open(directory: Directory, modem: ModemId | None, ciphered: Ciphered) -> Routed:
    """Open a ciphered message with the keys of those it may be from."""
    title = ciphered.system_title
    shown = None if title is None else title.hex()
    candidates = _candidates(directory, modem, title)
    with_keys = [device for device in candidates if device.has_keys][:KEYS_TRIED_MAX]
    if not with_keys:
        known = "has no key" if candidates else "is not in the device list"
        raise Unroutable("no-key", f"the sender, system title {shown}, {known}", shown)
    problem: RemoteProtocolError | None = None
    for number, device in enumerate(with_keys):
        try:
            opened = _opened(ciphered, device)
        except RemoteProtocolError as failed:
            problem = failed
            continue
        same = [d for d in with_keys[number:] if _keys(d) == _keys(device)]
        if not isinstance(opened.plain, DataNotification | EventNotification):
            raise Unroutable(ANSWER, "an answer to a question of ours, no push", shown)
        plain = _alarm_event(opened.plain) or opened.plain
        # Without protection anybody may have written it: its counter would lock the meter out.
        counter = opened.counter if opened.control & (AUTHENTICATED | ENCRYPTED) else None
        return Routed(same, plain, counter, opened.system_title)
    raise Unroutable(problem.category if problem else "no-key", _why(problem, with_keys), shown)


def _why(problem: RemoteProtocolError | None, tried: Sequence[Device]) -> str:
    if problem is None or problem.category != "auth-tag":
        return str(problem)
    bare = [device.meter_id for device in tried if not device.authentication_key]
    if not bare:
        return str(problem)
    return (
        f"not verified: meter {bare[0]} has no authentication key in the device list, or this is"
        " not its message"
    )


def _opened(ciphered: Ciphered, device: Device) -> Opened:
    """Open a message with the keys of a meter: of one that may have new ones, with these too.

    Raises:
        RemoteProtocolError: it is not its message, or malformed.

    """
    title = ciphered.system_title or device.system_title or None
    try:
        return open_ciphered(ciphered, _keys(device), title)
    except RemoteProtocolError:
        if not in_doubt(device):
            raise
    return open_ciphered(ciphered, _keys(changed(device)), title)


def _keys(device: Device) -> Keys:
    return Keys(device.encryption_key, device.authentication_key)


def _candidates(directory: Directory, modem: ModemId | None, title: bytes | None) -> list[Device]:
    """Return the likeliest senders first: by title on this modem, by title, by modem."""
    if title is None:
        return directory.behind(modem) if modem is not None else []
    named = directory.titled(title)
    here = [device for device in named if device.modem_id == modem]
    if named:
        return here + [device for device in named if device.modem_id != modem]
    return directory.untitled_with_keys(modem) if modem is not None else []


def _sender(
    directory: Directory,
    modem: ModemId | None,
    frame: PushFrame,
    plain: DataNotification | EventNotification,
) -> Device:
    behind = directory.behind(modem) if modem is not None else []
    names = _names(plain)
    if len(behind) == 1:
        return behind[0]
    by_name = [d for name in names if (d := directory.named(name)) is not None]
    if by_name:
        return by_name[0]
    by_address = [device for device in behind if _is_at(device, frame)]
    if len(by_address) == 1:
        return by_address[0]
    told = f"it calls itself {', '.join(names)}" if names else "it does not name itself"
    raise Unroutable("unknown-meter", f"no meter in the device list sent this; {told}")


def _names(plain: DataNotification | EventNotification) -> Sequence[str]:
    if isinstance(plain, DataNotification):
        alarm = smr5_alarm(plain)
        if alarm is not None:
            return [alarm.source]
        return identities_of(items_of(plain.body))
    if isinstance(plain.value, bytes) and plain.value.isascii():
        return [plain.value.decode().strip("\0 ")]
    return []


def _is_at(device: Device, frame: PushFrame) -> bool:
    if device.framing == "wrapper" or frame.physical is None:
        return device.server_sap == frame.logical
    return device.address == str(frame.physical)

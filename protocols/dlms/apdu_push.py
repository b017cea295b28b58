"""What a meter sends unasked: data-notification and event-notification (IEC 62056-5-3)."""

import struct
from collections.abc import Callable
from typing import Any, Final

import msgspec

from protocols.dlms.body_layout import BodyLayouts
from protocols.dlms.cosem import Attribute
from protocols.dlms.lengths import encode_length
from protocols.dlms.reading import Cursor
from protocols.errors import RemoteProtocolError

DATA_NOTIFICATION: Final = 0x0F
DATA_NOTIFICATION_CONFIRM: Final = 0x10
EVENT_NOTIFICATION: Final = 0xC2
CONFIRMED: Final = 0x40000000
"""Service class in the long-invoke-id-and-priority: the sender waits for a confirmation."""
INVOKE_ID: Final = 0x00FFFFFF
TIME_SIZE: Final = 12
QUIRK_TIME_TAG: Final = 0x09
"""Some meters write the optional time as an octet-string with its tag: 09 0C instead of 0C."""
_CONFIRM_HEAD: Final = struct.Struct(">BI")
_CONFIRM_TAG: Final = bytes((DATA_NOTIFICATION_CONFIRM,))
HEAD_SIZE: Final = 6
"""Of a push up to its time: tag, invoke id, length of the time."""

_layouts: Final = BodyLayouts()
"""Of all that is read here: what fits one is read as without it, only faster."""


class DataNotification(msgspec.Struct, frozen=True):
    """A push of data."""

    long_invoke_id: int
    """With priority and service class in its upper bits."""
    time: bytes | None
    """12 octets; None when the sender left it out."""
    body: Any
    quirk: str | None = None

    @property
    def confirmed(self) -> bool:
        """Whether the sender waits for a confirmation."""
        return bool(self.long_invoke_id & CONFIRMED)


class DataNotificationConfirm(msgspec.Struct, frozen=True):
    """The answer to a confirmed push."""

    long_invoke_id: int
    time: bytes | None


class EventNotification(msgspec.Struct, frozen=True):
    """A push of one attribute."""

    time: bytes | None
    attribute: Attribute
    value: Any


def _decode_data(apdu: bytes) -> DataNotification:
    cursor = Cursor(apdu, 1)
    invoke = cursor.number(4)
    size, quirk = cursor.byte(), None
    if size == QUIRK_TIME_TAG and cursor.data[cursor.at : cursor.at + 1] == b"\x0c":
        size, quirk = cursor.byte(), "datetime-with-tag-09"
    if size not in {0, TIME_SIZE}:
        raise RemoteProtocolError("date-time", f"a notification time of {size} bytes")
    time = cursor.take(size) or None
    rest = apdu[cursor.at :]
    body = _layouts.read(rest)
    if body is None:
        body = cursor.value()
        cursor.end()
        _layouts.learn(rest)
    return DataNotification(invoke, time, body, quirk)


def _decode_confirm(apdu: bytes) -> DataNotificationConfirm:
    cursor = Cursor(apdu, 1)
    confirm = DataNotificationConfirm(cursor.number(4), cursor.octets() or None)
    cursor.end()
    return confirm


def _decode_event(apdu: bytes) -> EventNotification:
    cursor = Cursor(apdu, 1)
    given = cursor.byte()
    time: bytes | None = None
    if given in {1, QUIRK_TIME_TAG}:
        time = cursor.octets()
        if len(time) != TIME_SIZE:
            raise RemoteProtocolError("date-time", f"a notification time of {len(time)} bytes")
    elif given != 0:
        raise RemoteProtocolError("choice", f"an event-notification with option byte {given}")
    event = EventNotification(time, cursor.attribute(), cursor.value())
    cursor.end()
    return event


def encode_data_notification(long_invoke_id: int, time: bytes | None, body: bytes) -> bytes:
    """Return the bytes of a push; ``body`` comes encoded."""
    when = time or b""
    head = bytes((DATA_NOTIFICATION,)) + long_invoke_id.to_bytes(4)
    return head + encode_length(len(when)) + when + body


def encode_confirm(confirm: DataNotificationConfirm) -> bytes:
    """Return the bytes of the confirmation of a push."""
    when = confirm.time or b""
    head = _CONFIRM_HEAD.pack(DATA_NOTIFICATION_CONFIRM, confirm.long_invoke_id)
    return head + encode_length(len(when)) + when


def confirmation_of(push: bytes) -> bytes:
    """Return the confirmation of a DataNotification that was read: it repeats what leads there."""
    return _CONFIRM_TAG + push[1 : HEAD_SIZE + push[HEAD_SIZE - 1]]


def encode_event_notification(time: bytes | None, attribute: Attribute, value: bytes) -> bytes:
    """Return the bytes of an event-notification; ``value`` comes encoded."""
    when = b"\x00" if time is None else b"\x01" + encode_length(len(time)) + time
    return bytes((EVENT_NOTIFICATION,)) + when + attribute.encode() + value


DECODERS: Final[dict[int, Callable[[bytes], Any]]] = {
    DATA_NOTIFICATION: _decode_data,
    DATA_NOTIFICATION_CONFIRM: _decode_confirm,
    EVENT_NOTIFICATION: _decode_event,
}

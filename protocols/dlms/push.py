"""What the values of a push are: only where the message itself says so, by OBIS codes.

Three shapes are read, whoever made the meter:

* a list of what follows, then the values: ``[[class, obis, attribute, index], ...], v1, v2, ...``;
* a structure for each value: ``[obis, value]`` or ``[obis, value, [scaler, unit]]``;
* one flat list: ``..., obis, value, obis, value, ...``, where other things may stand between.

A list of bare values has a meaning too, but only the meter's documentation knows it: it is left
alone.
"""

from typing import Any, Final

import msgspec

from protocols.dlms.cosem import obis_text

OBIS_SIZE: Final = 6
ITEMS_MAX: Final = 256
CLOCK: Final = "0.0.1.0.0.255"
IDENTITIES: Final = ("42.0.0", "96.1.0", "96.1.1", "0.0.5", "0.0.0", "25.9.0")
"""C.D.E of objects by which a device names itself: logical device name, serial numbers, push id."""


class PushItem(msgspec.Struct, frozen=True):
    """One value of a push."""

    obis: str
    value: Any
    class_id: int | None = None
    attribute: int | None = None
    scaler: int | None = None
    unit: int | None = None

    @property
    def key(self) -> str:
        """The name of the value: the code, or class/code/attribute where the message has them."""
        if self.class_id is None:
            return self.obis
        return f"{self.class_id}/{self.obis}/{self.attribute}"


def items_of(body: Any) -> list[PushItem]:
    """Return the values of a push that carry OBIS codes; empty when it carries none."""
    if not isinstance(body, list):
        return []
    if body and _is_object_list(body[0]):
        return _described(body[0], body)
    if len(body) == 1 and isinstance(body[0], list) and body[0]:
        inner = items_of(body[0])
        if inner:
            return inner
    structured = [item for part in body if (item := _structured(part)) is not None]
    return (structured or _flat(body))[:ITEMS_MAX]


def _is_obis(value: Any) -> bool:
    return isinstance(value, bytes) and len(value) == OBIS_SIZE


def _is_object(value: Any) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) >= 4
        and isinstance(value[0], int)
        and _is_obis(value[1])
        and isinstance(value[2], int)
    )


def _is_object_list(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(map(_is_object, value))


def _described(objects: list[Any], body: list[Any]) -> list[PushItem]:
    """Pair the objects with the values behind them; the list may count itself as first value."""
    if len(objects) == len(body):
        pairs = list(zip(objects, body, strict=True))[1:]
    elif len(objects) == len(body) - 1:
        pairs = list(zip(objects, body[1:], strict=True))
    else:
        return []  # it does not say which value belongs to which object
    return [
        PushItem(obis_text(o[1]), value, class_id=o[0], attribute=o[2])
        for o, value in pairs[:ITEMS_MAX]
    ]


def _structured(part: Any) -> PushItem | None:
    if not isinstance(part, list | tuple) or len(part) not in {2, 3} or not _is_obis(part[0]):
        return None
    item = PushItem(obis_text(part[0]), part[1])
    if len(part) == 3:
        scaled = part[2]
        if not (isinstance(scaled, list | tuple) and len(scaled) == 2):
            return None
        item = msgspec.structs.replace(item, scaler=scaled[0], unit=scaled[1])
    return item


def _flat(body: list[Any]) -> list[PushItem]:
    items: list[PushItem] = []
    at = 0
    while at + 1 < len(body):
        if _is_obis(body[at]) and not _is_obis(body[at + 1]):
            items.append(PushItem(obis_text(body[at]), body[at + 1]))
            at += 2
        else:
            at += 1
    return items


def clock_of(items: list[PushItem], body: Any) -> bytes | None:
    """Return the meter's own time in the message: the clock object, or a leading date-time."""
    for item in items:
        is_clock = item.obis.split(".", 2)[2] == "1.0.0.255" and item.obis.startswith("0.")
        if is_clock and isinstance(item.value, bytes) and len(item.value) == 12:
            return item.value
    if items and isinstance(body, list) and body and isinstance(body[0], bytes):
        return body[0] if len(body[0]) == 12 else None
    return None


def identities_of(items: list[PushItem]) -> list[str]:
    """Return the names that the device gives itself, the most telling first."""
    found: list[tuple[int, str]] = []
    for item in items:
        inner = item.obis.split(".", 2)[2].removesuffix(".255")
        name = _name(item.value)
        if inner in IDENTITIES and name:
            found.append((IDENTITIES.index(inner), name))
    return [name for _, name in sorted(found)]


def _name(value: Any) -> str | None:
    text = value.decode("latin-1") if isinstance(value, bytes) else value
    if not isinstance(text, str):
        return None
    text = text.strip("\0 ")
    return text if text.isprintable() and text.isascii() and len(text) > 2 else None

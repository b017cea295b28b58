"""What the values of a push are: only where the message itself says so, by OBIS codes.

Three shapes are read, whoever made the meter:

* a list of what follows, then the values: ``[[class, obis, attribute, index], ...], v1, v2, ...``;
* a structure for each value: ``[obis, value]`` or ``[obis, value, [scaler, unit]]``, or
  ``[class, obis, attribute, value]``, where the index of a part may stand before the value;
* one flat list: ``..., obis, value, obis, value, [scaler, unit], ...``, where other things may
  stand between.

A list of bare values has a meaning too, but only the meter's documentation knows it: it is left
alone.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from protocols.dlms.cosem import OBIS_SIZE, obis_text
from protocols.dlms.objects import is_scale

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


Path = tuple[int, ...]
"""Where a value stands: its index in the body, in the list there, and so on."""
Located = list[tuple[Path, PushItem]]


def items_of(body: Any) -> list[PushItem]:
    """Return the values of a push that carry OBIS codes; empty when it carries none."""
    return [item for _, item in located_items(body)]


def located_items(body: Any) -> Located:
    """Return the values of a push that carry OBIS codes, each with its path."""
    if not isinstance(body, list):
        return []
    if len(body) > 1 and _is_object_list(body[0]):
        return _described(body[0], body)
    alone = _structured(body)
    if alone is not None:
        return [((1,), alone)]
    parts = _parts(body) or _attributes(body)
    if parts:
        return parts[:ITEMS_MAX]
    if len(body) == 1 and isinstance(body[0], list) and body[0]:
        return [((0, *path), item) for path, item in located_items(body[0])]
    # A definition alone is no value, though a number stands behind its code.
    return [] if _is_object(body) else _flat(body)[:ITEMS_MAX]


def _parts(body: list[Any]) -> Located:
    return [
        ((index, 1), item)
        for index, part in enumerate(body)
        if (item := _structured(part)) is not None
    ]


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


def _described(objects: list[Any], body: list[Any]) -> Located:
    """Pair the objects with the values behind them; the list may count itself as first value."""
    if len(objects) == len(body):
        objects = objects[1:]
    elif len(objects) != len(body) - 1:
        return []  # it does not say which value belongs to which object
    pairs = zip(objects[:ITEMS_MAX], body[1:], strict=False)
    return [
        ((index,), PushItem(obis_text(o[1]), value, class_id=o[0], attribute=o[2]))
        for index, (o, value) in enumerate(pairs, start=1)
    ]


def _structured(part: Any) -> PushItem | None:
    if not isinstance(part, list | tuple) or len(part) not in {2, 3} or not _is_obis(part[0]):
        return None
    item = PushItem(obis_text(part[0]), part[1])
    if len(part) == 3 and not is_scale(part[2]):
        return None
    return _scaled(item, part[2:])


def _scaled(item: PushItem, behind: Sequence[Any]) -> PushItem:
    """Give a value the scaler and unit that stand behind it, if they do."""
    if not behind or not is_scale(behind[0]):
        return item
    scaler, unit = behind[0]
    return msgspec.structs.replace(item, scaler=scaler, unit=unit)


def _attributes(body: list[Any]) -> Located:
    """Return the values of structures that name class, code and attribute, value last.

    Four elements with a zero at the end are what definitions without values look like too: where
    all of them do, nothing is said.
    """
    found: Located = [
        ((index, len(part) - 1), PushItem(obis_text(part[1]), part[-1], part[0], part[2]))
        for index, part in enumerate(body)
        if _is_object(part) and len(part) <= 5
    ]
    return found if any(list(body[path[0]][3:]) != [0] for path, _ in found) else []


def _flat(body: list[Any]) -> Located:
    items: Located = []
    at = 0
    while at + 1 < len(body):
        if _is_obis(body[at]) and not _is_obis(body[at + 1]):
            item = PushItem(obis_text(body[at]), body[at + 1])
            if isinstance(item.value, int | float):
                item = _scaled(item, body[at + 2 : at + 3])
            items.append(((at + 1,), item))
            at += 2
        else:
            at += 1
    return items


def clock_of(items: list[PushItem], body: Any) -> bytes | None:
    """Return the meter's own time in the message: the clock object, or a leading date-time."""
    path = clock_path([((index,), item) for index, item in enumerate(items)], None)
    if path is not None:
        time: bytes = items[path[0]].value
        return time
    return body[0] if items and _leads_with_time(body) else None


def clock_path(found: Located, body: Any) -> Path | None:
    """Return where the meter's own time stands in the message; see ``clock_of``."""
    for path, item in found:
        is_clock = item.obis.split(".", 2)[2] == "1.0.0.255" and item.obis.startswith("0.")
        if is_clock and _is_time(item.value):
            return path
    return (0,) if found and _leads_with_time(body) else None


def _is_time(value: Any) -> bool:
    return isinstance(value, bytes) and len(value) == 12


def _leads_with_time(body: Any) -> bool:
    return isinstance(body, list) and bool(body) and _is_time(body[0])


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

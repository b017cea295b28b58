"""Pushes without names in them: lists of bare values, whose meaning the meter type tells."""

from collections.abc import Sequence
from typing import Any

from protocols.dlms.options import PushLayout
from protocols.dlms.push import PushItem


def positional_items(body: Any, layouts: Sequence[PushLayout]) -> list[PushItem]:
    """Return what the values of a list are; nothing when no layout is made for just such a list."""
    values = _list_of(body)
    for layout in layouts:
        if len(layout.values) == len(values) and _begins(values[0], layout.first):
            told = zip(layout.values, values, strict=True)
            return [
                PushItem(of.obis, value, scaler=of.scaler, unit=of.code)
                for of, value in told
                if of.obis
            ]
    return []


def _list_of(body: Any) -> list[Any]:
    """Return the values of a message, which may be wrapped in a list of their own."""
    if isinstance(body, list) and len(body) == 1 and isinstance(body[0], list):
        body = body[0]
    if not isinstance(body, list):
        return []
    return [] if any(isinstance(value, list | tuple) for value in body) else body


def _begins(value: Any, text: str) -> bool:
    if not text:
        return True
    told = value.decode("latin-1") if isinstance(value, bytes) else value
    return bool(told == text)

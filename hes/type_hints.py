"""Reads type hints, for what is made from the fields of Structs."""

import types
import typing
from typing import Any


def bare(hint: Any) -> Any:
    """Return a type without ``Annotated`` and ``| None``."""
    if typing.get_origin(hint) is typing.Annotated:
        return bare(typing.get_args(hint)[0])
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        return bare(next(arg for arg in typing.get_args(hint) if arg is not types.NoneType))
    return hint

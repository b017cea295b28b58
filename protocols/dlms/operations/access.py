"""Reads, writes and calls typed objects; a refusal of the meter is an error with a sentence."""

from collections.abc import Collection
from typing import Any, Final, TypeVar

import msgspec

from protocols.dialogue import Exchange
from protocols.dlms.classes.cosem_class import CosemClass
from protocols.dlms.classes.kinds import ZERO
from protocols.dlms.client import Dialogue, DlmsClient
from protocols.dlms.cosem import Refused, obis_text
from protocols.errors import MeterRefused

T = TypeVar("T", bound=msgspec.Struct)
POLL_S: Final = 5.0
"""Between two questions to a meter that is still at it."""


def read_object(
    client: DlmsClient, kind: CosemClass[T], obis: bytes, *, without: Collection[str] = ()
) -> Dialogue[T]:
    """Read an object; what the meter refuses of it, or leaves empty, is left out where it may lack.

    ``without`` names what is better not asked for.

    Raises:
        MeterRefused: it has no such object, or hides a part of which there is no doing without.
        RemoteProtocolError: an attribute is not what its class says.

    """
    indexes = [index for index in kind.kinds if kind.field(index) not in without]
    results = yield from client.get_list([kind.attribute(obis, index) for index in indexes])
    found = dict(zip(indexes, results, strict=True))
    needed = {known.name for known in msgspec.structs.fields(kind.values) if known.required}
    for index, value in found.items():
        if isinstance(value, Refused) and kind.field(index) in needed:
            raise MeterRefused(
                f"the meter does not tell {kind.field(index)} of {obis_text(obis)} ({value})"
            )
    told = {
        index: value
        for index, value in found.items()
        if not isinstance(value, Refused) and (value is not None or kind.field(index) in needed)
    }
    return kind.whole(told)


def read_field(client: DlmsClient, kind: CosemClass[T], obis: bytes, field: str) -> Dialogue[Any]:
    """Read one attribute of an object.

    Raises:
        MeterRefused: the meter does not tell.
        RemoteProtocolError: it is not what its class says.

    """
    index = kind.index(field)
    value = yield from client.get(kind.attribute(obis, index))
    if isinstance(value, Refused):
        raise MeterRefused(f"the meter does not tell {field} of {obis_text(obis)} ({value})")
    return kind.decode(index, value)


def write_field(
    client: DlmsClient, kind: CosemClass[T], obis: bytes, field: str, value: Any
) -> Dialogue[None]:
    """Write one attribute of an object.

    Raises:
        MeterRefused: the meter does not take it.
        LocalProtocolError: such a value cannot be sent.

    """
    index = kind.index(field)
    code = yield from client.set(kind.attribute(obis, index), kind.encode(index, value))
    if code:
        raise MeterRefused(
            f"the meter does not let {field} of {obis_text(obis)} be set ({Refused(code)})"
        )


def call(
    client: DlmsClient, kind: CosemClass[T], obis: bytes, method: int, parameter: bytes = ZERO
) -> Dialogue[None]:
    """Call a method of an object.

    Raises:
        MeterRefused: the meter does not do it.

    """
    code = yield from client.action(kind.attribute(obis, method), parameter)
    if code:
        raise MeterRefused(
            f"the meter does not do method {method} of {obis_text(obis)} ({Refused(code)})"
        )


def pause(wait_s: float) -> Dialogue[None]:
    """Let time pass; what comes meanwhile answers nothing."""
    yield Exchange(b"", wait_s)

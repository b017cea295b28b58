"""What a meter has: the objects that an association shows, and the logical devices behind it.

The object list (class 15, attribute 2) is long, tens of kilobytes on some meters, and changes with
the firmware only: it is kept packed, under a hash, and not read again. The SAP assignment (class
17) names the logical devices that one address reaches: the meters behind a concentrator.
"""

import hashlib
import zlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from protocols.dlms import cosem
from protocols.dlms.cosem import ASSOCIATION_OBIS, Attribute, Refused, obis_bytes, obis_text
from protocols.dlms.services import Dialogue, Services
from protocols.errors import MeterNonsense, MeterRefused, RemoteProtocolError

CLASS_SAP: Final = 17
SAP_OBIS: Final = bytes((0, 0, 41, 0, 0, 255))
OBJECT_LIST: Final = Attribute(cosem.CLASS_ASSOCIATION_LN, ASSOCIATION_OBIS, 2)
SAP_LIST: Final = Attribute(CLASS_SAP, SAP_OBIS, 2)
OBJECTS_MAX: Final = 4096
"""Meters have some hundreds."""
SAPS_MAX: Final = 1024
"""Meters behind one concentrator on one line."""
NAME_SIZE_MAX: Final = 64
ENTRY_SIZE: Final = 9
"""Class (2), version, logical name (6): an object as it is kept."""
PACKED_SIZE_MAX: Final = 16 * 1024
HASH_SIZE: Final = 8


class MeterObject(msgspec.Struct, frozen=True, array_like=True, order=True):
    """One object of a meter."""

    class_id: int
    version: int
    obis: str


class LogicalDevice(msgspec.Struct, frozen=True):
    """A device behind one address."""

    sap: int
    """Its address: the wrapper port, or the upper HDLC address."""
    name: bytes
    """Its logical device name."""


class ObjectList(msgspec.Struct, frozen=True):
    """The objects of a meter, packed, with the hash that tells one list from another."""

    packed: bytes

    @property
    def count(self) -> int:
        """How many objects there are.

        Raises:
            RemoteProtocolError: see ``objects``.

        """
        return len(self.objects())

    @property
    def hash(self) -> bytes:
        """8 bytes: two meters with the same objects have the same."""
        return hashlib.blake2b(self.packed, digest_size=HASH_SIZE).digest()

    @classmethod
    def of(cls, objects: Iterable[MeterObject]) -> "ObjectList":
        """Return the list of ``objects``, whatever their order."""
        entries = sorted(
            o.class_id.to_bytes(2) + bytes((o.version,)) + obis_bytes(o.obis) for o in objects
        )
        return cls(zlib.compress(b"".join(entries), 9))

    def objects(self) -> list[MeterObject]:
        """Return the objects.

        Raises:
            RemoteProtocolError: these bytes were not made by ``of``.

        """
        try:
            inflater = zlib.decompressobj()
            raw = inflater.decompress(self.packed, OBJECTS_MAX * ENTRY_SIZE)
        except zlib.error:
            raise RemoteProtocolError("objects", "the kept object list is damaged") from None
        if inflater.unconsumed_tail or not inflater.eof or len(raw) % ENTRY_SIZE:
            raise RemoteProtocolError("objects", "the kept object list has no end")
        return [_entry(raw[at : at + ENTRY_SIZE]) for at in range(0, len(raw), ENTRY_SIZE)]


def _entry(raw: bytes) -> MeterObject:
    return MeterObject(int.from_bytes(raw[:2]), raw[2], obis_text(raw[3:]))


def read_objects(services: Services) -> Dialogue[list[MeterObject]]:
    """Read the objects that this association shows.

    Raises:
        MeterRefused: the meter does not tell.
        MeterNonsense: what it tells makes no sense.

    """
    listed = yield from services.get(OBJECT_LIST)
    if isinstance(listed, Refused):
        raise MeterRefused(f"the meter does not list its objects ({listed})")
    return objects_of(listed)


def objects_of(listed: Any) -> list[MeterObject]:
    """Return the objects in the value of attribute 2.

    Raises:
        MeterNonsense: it is no list of objects.

    """
    if not isinstance(listed, list) or len(listed) > OBJECTS_MAX:
        raise MeterNonsense("objects", "the object list is no list of bounded length")
    return [_object(element) for element in listed]


def _object(element: Any) -> MeterObject:
    if not isinstance(element, Sequence) or len(element) < 3:
        raise MeterNonsense("objects", "an entry of the object list is no object")
    class_id, version, obis = element[:3]
    numbers = _is_number(class_id, 0xFFFF) and _is_number(version, 0xFF)
    if not numbers or not isinstance(obis, bytes) or len(obis) != cosem.OBIS_SIZE:
        raise MeterNonsense("objects", "an entry of the object list is no object")
    return MeterObject(class_id, version, obis_text(obis))


def _is_number(value: Any, most: int) -> bool:
    return isinstance(value, int) and 0 <= value <= most


def read_logical_devices(services: Services) -> Dialogue[list[LogicalDevice]]:
    """Read which logical devices this address reaches.

    Raises:
        MeterRefused: the meter does not tell.
        MeterNonsense: what it tells makes no sense.

    """
    listed = yield from services.get(SAP_LIST)
    if isinstance(listed, Refused):
        raise MeterRefused(f"the meter does not list its logical devices ({listed})")
    if not isinstance(listed, list) or len(listed) > SAPS_MAX:
        raise MeterNonsense("sap", "the SAP assignment is no list of bounded length")
    return [_logical_device(element) for element in listed]


def _logical_device(element: Any) -> LogicalDevice:
    if not isinstance(element, Sequence) or len(element) != 2:
        raise MeterNonsense("sap", "an entry of the SAP assignment is no logical device")
    sap, name = element
    if isinstance(name, str):
        name = name.encode("latin-1", "replace")
    if not _is_number(sap, 0xFFFF) or not isinstance(name, bytes) or len(name) > NAME_SIZE_MAX:
        raise MeterNonsense("sap", "an entry of the SAP assignment is no logical device")
    return LogicalDevice(sap, name)

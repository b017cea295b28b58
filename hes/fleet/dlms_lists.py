"""What a simulated meter says of itself: its objects (class 15) and its logical devices (17)."""

from typing import Final

from hes.fleet.dlms_objects import LOAD_PROFILE, SimulatedObjects
from protocols.dlms import axdr_encode as ax, cosem
from protocols.dlms.cosem import Attribute, obis_bytes
from protocols.dlms.object_list import CLASS_SAP, SAP_OBIS

READ: Final = 1
READ_WRITE: Final = 3
ATTRIBUTES: Final = {1: 2, 3: 3, 4: 5, 7: 8, 8: 9}
"""How many attributes an object of a class has."""


def object_list(objects: SimulatedObjects) -> bytes:
    """Return the objects that every meter of the fleet has, encoded as attribute 2 of class 15."""
    found = [(1, code) for code in objects.texts] + [(3, code) for code in objects.registers]
    found += [(4, "1.0.1.6.0.255"), (7, LOAD_PROFILE), (8, "0.0.1.0.0.255")]
    return ax.array(*(_element(class_id, code) for class_id, code in found))


def _element(class_id: int, code: str) -> bytes:
    rights = [
        ax.structure(ax.i8(index), ax.enum(_right(class_id, index)), ax.NULL)
        for index in range(1, ATTRIBUTES[class_id] + 1)
    ]
    methods = [ax.structure(ax.i8(6), ax.enum(1))] if class_id == cosem.CLASS_CLOCK else []
    return ax.structure(
        ax.u16(class_id), ax.u8(0), ax.octets(obis_bytes(code)),
        ax.structure(ax.array(*rights), ax.array(*methods)),
    )  # fmt: skip


def _right(class_id: int, index: int) -> int:
    return READ_WRITE if class_id == cosem.CLASS_CLOCK and index == 2 else READ


def of_itself(attribute: Attribute, objects: SimulatedObjects, logical: int) -> bytes | None:
    """Return what an attribute says of the meter itself; None: it is another attribute."""
    if attribute == Attribute(cosem.CLASS_ASSOCIATION_LN, cosem.ASSOCIATION_OBIS, 2):
        return object_list(objects)
    if attribute == Attribute(CLASS_SAP, SAP_OBIS, 2):
        name = ax.octets(objects.texts["0.0.42.0.0.255"])
        return ax.array(ax.structure(ax.u16(logical), name))
    return None

"""What a file of this folder says about its class: number, attributes, methods."""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

import msgspec

from protocols.dlms.axdr import decode_all
from protocols.dlms.classes.kinds import Kind, wrong
from protocols.dlms.cosem import Attribute

T = TypeVar("T", bound=msgspec.Struct)


class CosemClass(msgspec.Struct, Generic[T], frozen=True):
    """An interface class: how its attributes, from 2 on, are the fields of a Struct."""

    class_id: int
    values: type[T]
    """One field for each attribute, in the order of ``kinds``."""
    kinds: Mapping[int, Kind[Any]]
    """Attribute to its kind."""

    def attribute(self, obis: bytes, index: int) -> Attribute:
        """Return the name of an attribute or method of one object."""
        return Attribute(self.class_id, obis, index)

    def encode(self, index: int, value: Any) -> bytes:
        """Return the A-XDR of an attribute's value.

        Raises:
            LocalProtocolError: such a value cannot be sent.

        """
        return self.kinds[index].encode(value)

    def decode(self, index: int, value: Any) -> Any:
        """Return the typed value of an attribute from a decoded one.

        Raises:
            RemoteProtocolError: it is none.

        """
        return self.kinds[index].decode(value)

    def decode_bytes(self, index: int, data: bytes) -> Any:
        """Return the typed value of an attribute from its A-XDR; see ``decode``."""
        return self.decode(index, decode_all(data))

    def field(self, index: int) -> str:
        """Return the name of an attribute."""
        return self.values.__struct_fields__[list(self.kinds).index(index)]

    def index(self, field: str) -> int:
        """Return the attribute of a name."""
        return list(self.kinds)[self.values.__struct_fields__.index(field)]

    def whole(self, found: Mapping[int, Any]) -> T:
        """Return an object from its attributes; those that may be missing are None then.

        Raises:
            RemoteProtocolError: one is no such value, or one that each object has is missing.

        """
        fields = {self.field(index): self.decode(index, value) for index, value in found.items()}
        for known in msgspec.structs.fields(self.values):
            if known.name not in fields and known.required:
                wrong(None, f"attribute {self.index(known.name)} of class {self.class_id}")
        return self.values(**fields)

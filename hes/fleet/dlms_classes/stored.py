"""An object whose attributes are kept as they were written, typed by its class."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

import msgspec

from protocols.dlms import axdr_encode as ax
from protocols.dlms.classes.cosem_class import CosemClass
from protocols.dlms.cosem import DataAccessError, Refused
from protocols.errors import ProtocolError

T = TypeVar("T", bound=msgspec.Struct)
Method = Callable[[Any, datetime], int]
DONE: Final = 0


class StoredObject(Generic[T]):
    """One COSEM object. Methods are added by the classes that have some."""

    def __init__(
        self, kind: CosemClass[T], obis: bytes, values: T, writable: Iterable[str] = ()
    ) -> None:
        self.kind = kind
        self.obis = obis
        self.values = values
        self.methods: dict[int, Method] = {}
        """Method to what it does: takes its parameter, decoded, returns an action result."""
        self._writable = frozenset(writable)

    def change(self, **fields: Any) -> None:
        """Give attributes other values."""
        self.values = msgspec.structs.replace(self.values, **fields)

    def read(self, index: int, now: datetime) -> bytes | Refused:
        """Return an attribute as it is sent."""
        if index == 1:
            return ax.octets(self.obis)
        if index not in self.kind.kinds:
            return Refused(DataAccessError.OBJECT_UNDEFINED)
        value = getattr(self.values, self.kind.field(index))
        if value is None:
            return Refused(DataAccessError.OBJECT_UNAVAILABLE)
        return self.kind.encode(index, value)

    def write(self, index: int, value: Any, now: datetime) -> int:
        """Take a decoded value; return 0 or why not."""
        if index not in self.kind.kinds or self.kind.field(index) not in self._writable:
            return DataAccessError.READ_WRITE_DENIED
        try:
            self.change(**{self.kind.field(index): self.kind.decode(index, value)})
        except ProtocolError:
            return DataAccessError.TYPE_UNMATCHED
        return DONE

    def call(self, method: int, parameter: Any, now: datetime) -> int:
        """Carry out a method; return 0 or why not."""
        act = self.methods.get(method)
        if act is None:
            return DataAccessError.READ_WRITE_DENIED
        try:
            return act(parameter, now)
        except ProtocolError:
            return DataAccessError.TYPE_UNMATCHED

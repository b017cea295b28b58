"""A cursor over an APDU: takes fields one after the other and never beyond the end."""

from typing import Any

from protocols.dlms.axdr import decode
from protocols.dlms.cosem import Attribute, Refused, Result, Selection
from protocols.dlms.lengths import decode_length, truncated
from protocols.errors import RemoteProtocolError


class Cursor:
    """Reads ``data`` from ``at`` on."""

    __slots__ = ("at", "data")

    def __init__(self, data: bytes, at: int = 0) -> None:
        self.data = data
        self.at = at

    def byte(self) -> int:
        """Take one byte."""
        if self.at >= len(self.data):
            raise truncated(1, self.at, self.data)
        self.at += 1
        return self.data[self.at - 1]

    def take(self, size: int) -> bytes:
        """Take ``size`` bytes."""
        end = self.at + size
        if end > len(self.data):
            raise truncated(size, self.at, self.data)
        taken = self.data[self.at : end]
        self.at = end
        return taken

    def number(self, size: int) -> int:
        """Take an unsigned big-endian number."""
        return int.from_bytes(self.take(size))

    def length(self) -> int:
        """Take a length."""
        length, self.at = decode_length(self.data, self.at)
        return length

    def octets(self) -> bytes:
        """Take a length and so many bytes."""
        return self.take(self.length())

    def count(self) -> int:
        """Take the count of a list, each element of which has one byte at least."""
        count = self.length()
        if count > len(self.data) - self.at:
            left = len(self.data) - self.at
            raise RemoteProtocolError("truncated", f"{count} elements in {left} bytes")
        return count

    def value(self) -> Any:
        """Take one A-XDR value."""
        value, self.at = decode(self.data, self.at)
        return value

    def value_bytes(self) -> bytes:
        """Take one A-XDR value as its bytes."""
        start = self.at
        _, self.at = decode(self.data, start)
        return self.data[start : self.at]

    def attribute(self) -> Attribute:
        """Take an attribute or method descriptor."""
        class_id = self.number(2)
        obis = self.take(6)
        return Attribute(class_id, obis, int.from_bytes(self.take(1), signed=True))

    def selection(self) -> Selection | None:
        """Take an optional selective access."""
        return Selection(self.byte(), self.value_bytes()) if self.byte() else None

    def result(self) -> Result:
        """Take a Get-Data-Result: a value or the reason why there is none."""
        choice = self.byte()
        if choice == 0:
            return self.value()
        if choice == 1:
            return Refused(self.byte())
        raise RemoteProtocolError("choice", f"a data result of choice {choice}")

    def end(self) -> None:
        """Check that nothing is left.

        Raises:
            RemoteProtocolError: ``trailing``.

        """
        if self.at != len(self.data):
            raise RemoteProtocolError("trailing", f"{len(self.data) - self.at} bytes are left over")

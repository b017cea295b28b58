"""No link at all: what comes is the meters', what goes reaches them. Who it is, others must know.

No kind of its own for detection: it is what is left when a connection is named by its address, by
who was called, or by who answers on it.
"""

from protocols.links.base import LinkEvent, MeterBytes


class PipeLink:
    """One connection of a transparent pipe."""

    __slots__ = ("name",)

    pipe = True

    def __init__(self) -> None:
        self.name = "raw"

    def receive(self, data: bytes) -> list[LinkEvent]:
        """See ``Link.receive``."""
        return [MeterBytes(data)]

    def idle(self) -> list[LinkEvent]:
        """See ``Link.idle``."""
        return []

    def wrap(self, data: bytes) -> bytes:
        """See ``Link.wrap``."""
        return data

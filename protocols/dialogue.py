"""A conversation with a meter, sans-io: one generator that says what to send and is told what came.

Every meter protocol is driven through this one shape, so the actor that owns the serial line needs
to know none of them::

    dialogue = client.read([...])          # a generator
    step = next(dialogue)                  # Exchange(send=b"...", wait_s=15.0)
    step = dialogue.send(b"bytes")         # something arrived, cut anywhere
    step = dialogue.send(None)             # nothing arrived for step.wait_s seconds
    ...StopIteration.value                 # the result

A dialogue keeps its own deadline arithmetic in ``wait_s`` only: it has no clock. It raises a
``ProtocolError`` when the meter is silent for good, refuses, or talks nonsense.
"""

from collections.abc import Generator
from typing import Annotated, TypeVar

import msgspec

Seconds = Annotated[float, msgspec.Meta(gt=0, le=600, description="above 0, up to 600")]
"""A wait that people may choose: none that never ends, nor one that is none."""
Times = Annotated[int, msgspec.Meta(ge=0, le=20)]
"""How often something may be done again."""
Baud = Annotated[int, msgspec.Meta(ge=300, le=115_200)]


class Exchange(msgspec.Struct, frozen=True):
    """Send these bytes (maybe none), then wait this long for the next bytes from the meter."""

    send: bytes
    wait_s: float


T = TypeVar("T")
Dialogue = Generator[Exchange, bytes | None, T]

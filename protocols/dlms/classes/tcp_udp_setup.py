"""Class 41, TCP-UDP setup: the port that a meter listens on, and when it hangs up."""

from typing import Final

import msgspec

from protocols.dlms.classes.cosem_class import CosemClass
from protocols.dlms.classes.kinds import OBIS, U8, U16

USUAL_OBIS: Final = bytes((0, 0, 25, 0, 0, 255))
USUAL_PORT: Final = 4059


class TcpUdpSetup(msgspec.Struct, frozen=True, kw_only=True):
    """Attributes 2 to 6."""

    port: int
    ip_setup: bytes | None = None
    """Logical name of the object with the addresses."""
    segment_size_bytes: int | None = None
    connections: int | None = None
    """How many at a time."""
    inactivity_s: int | None = None
    """It hangs up after so much silence; 0: never."""


TCP_UDP_SETUP: Final = CosemClass(41, TcpUdpSetup, {2: U16, 3: OBIS, 4: U16, 5: U8, 6: U16})

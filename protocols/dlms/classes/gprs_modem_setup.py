"""Class 45, GPRS modem setup: access point, PIN and quality of service."""

from typing import Final, NamedTuple

import msgspec

from protocols.dlms.classes.cosem_class import CosemClass
from protocols.dlms.classes.kinds import TEXT, U8, U16, structure_of

USUAL_OBIS: Final = bytes((0, 0, 25, 4, 0, 255))


class Quality(NamedTuple):
    """A quality of service in the classes of the mobile network."""

    precedence: int
    delay: int
    reliability: int
    peak_throughput: int
    mean_throughput: int


class Qualities(NamedTuple):
    """What is asked for, and the least that will do."""

    default: Quality
    requested: Quality


class GprsModemSetup(msgspec.Struct, frozen=True, kw_only=True):
    """Attributes 2 to 4."""

    apn: str
    pin: int | None = None
    """A secret: it is written, never shown."""
    quality: Qualities | None = None

    def __repr__(self) -> str:
        return f"GprsModemSetup(apn={self.apn!r}, pin=..., quality={self.quality!r})"


_QUALITY: Final = structure_of(Quality, U8, U8, U8, U8, U8)
GPRS_MODEM_SETUP: Final = CosemClass(
    45, GprsModemSetup, {2: TEXT, 3: U16, 4: structure_of(Qualities, _QUALITY, _QUALITY)}
)

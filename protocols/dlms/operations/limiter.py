"""Reads and sets the limiter of a meter (class 71), in the unit of the value that it watches."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

import msgspec

from protocols.dlms import axdr_encode as ax
from protocols.dlms.classes.limiter import LIMITER, Limiter
from protocols.dlms.client import Dialogue, DlmsClient
from protocols.dlms.cosem import Attribute, DataAccessError, Refused, obis_text
from protocols.dlms.objects import Scale, is_scale, scale_index
from protocols.dlms.operations.access import read_object, write_field
from protocols.errors import LocalProtocolError, MeterRefused

TYPES: Final[tuple[tuple[Callable[[int], bytes], int, int], ...]] = (
    (ax.u32, 0, 0xFFFF_FFFF), (ax.u16, 0, 0xFFFF), (ax.i32, -(1 << 31), (1 << 31) - 1),
    (ax.i16, -0x8000, 0x7FFF), (ax.u64, 0, (1 << 64) - 1), (ax.u8, 0, 0xFF),
)  # fmt: skip
"""The type is that of the watched value, which a decoded value no longer tells: tried in turn."""

THRESHOLD_MAX: Final = Decimal(10) ** 15


class LimiterRead(msgspec.Struct, frozen=True):
    """A limiter, and what its thresholds are counted in."""

    limiter: Limiter
    scale: Scale


class LimiterChange(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be another way; None leaves a thing as it is."""

    threshold_normal: Decimal | None = None
    """In the unit of the watched value, most often W."""
    threshold_emergency: Decimal | None = None
    min_over_s: int | None = None
    min_under_s: int | None = None


def read_limiter(client: DlmsClient, obis: bytes) -> Dialogue[LimiterRead]:
    """Read a limiter with the scaler and unit of the value that it watches.

    Raises:
        MeterRefused: the meter has none there.

    """
    limiter = yield from read_object(client, LIMITER, obis)
    watched = limiter.watched
    index = scale_index(watched.class_id)
    scale: Any = None
    if index is not None:
        scale = yield from client.get(Attribute(watched.class_id, watched.obis, index))
    return LimiterRead(limiter, Scale(*scale) if is_scale(scale) else Scale(None, None))


def set_limiter(client: DlmsClient, obis: bytes, change: LimiterChange) -> Dialogue[LimiterRead]:
    """Write what is to change, then read the limiter again.

    Raises:
        MeterRefused: the meter does not take it.
        LocalProtocolError: a threshold finer than the meter counts.

    """
    now = yield from read_limiter(client, obis)
    for name in ("threshold_normal", "threshold_emergency"):
        wanted = getattr(change, name)
        if wanted is not None:
            yield from _set_threshold(client, obis, name, _counted(wanted, now.scale))
    for name in ("min_over_s", "min_under_s"):
        wanted = getattr(change, name)
        if wanted is not None:
            yield from write_field(client, LIMITER, obis, name, wanted)
    return (yield from read_limiter(client, obis))


def _counted(wanted: Decimal, scale: Scale) -> int:
    if not wanted.is_finite() or abs(wanted) > THRESHOLD_MAX:
        raise LocalProtocolError("value", f"{wanted} is no threshold")
    counted = wanted.scaleb(-(scale.scaler or 0))
    if counted != counted.to_integral_value():
        step = Decimal(1).scaleb(scale.scaler or 0)
        raise LocalProtocolError("value", f"{wanted} is no multiple of the meter's step of {step}")
    return int(counted)


def _set_threshold(client: DlmsClient, obis: bytes, name: str, counted: int) -> Dialogue[None]:
    code: int = DataAccessError.TYPE_UNMATCHED
    attribute = LIMITER.attribute(obis, LIMITER.index(name))
    for pack, low, high in TYPES:
        if low <= counted <= high:
            code = yield from client.set(attribute, pack(counted))
            if code != DataAccessError.TYPE_UNMATCHED:
                break
    if code:
        why = f"{name} of {obis_text(obis)} be set ({Refused(code)})"
        raise MeterRefused(f"the meter does not let {why}")

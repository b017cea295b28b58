"""Reading registers and setting the clock: dialogues built from the client's services."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from protocols.dlms import axdr_encode as ax, cosem
from protocols.dlms.client import Dialogue, DlmsClient
from protocols.dlms.cosem import Attribute, DataAccessError, Refused, obis_bytes
from protocols.dlms.cosem_time import (
    SIZE as TIME_SIZE,
    decode_time,
    decode_times,
    deviation_of,
    encode_time,
    has_other_sign,
    without_deviation,
)
from protocols.dlms.objects import (
    ObjectCache,
    Scale,
    is_scale,
    likely_class,
    other_classes,
    scale_index,
    value_index,
)
from protocols.errors import MeterRefused, RemoteProtocolError

NOT_SO: Final = frozenset({
    DataAccessError.OBJECT_UNDEFINED, DataAccessError.OBJECT_CLASS_INCONSISTENT,
    DataAccessError.OBJECT_UNAVAILABLE, DataAccessError.TYPE_UNMATCHED,
})  # fmt: skip
"""Answers that may mean a wrong guess of the class."""
SHIFT_S_MAX: Final = 900


class RegisterValue(msgspec.Struct, frozen=True):
    """One register as the meter has it."""

    obis: str
    class_id: int
    value: Any
    scale: Scale
    time: bytes | None = None
    """When a maximum occurred, 12 octets."""


class Registers(msgspec.Struct):
    """What was read, and what the meter refused."""

    values: list[RegisterValue] = []
    refused: dict[str, str] = {}


class TimeRules(msgspec.Struct, frozen=True, kw_only=True):
    """How a meter type writes its local time."""

    utc_offset_min: int = 420
    """Used when the meter leaves its deviation out; 420 in Vietnam."""
    positive_east: bool = False
    with_deviation: bool = True
    """Whether times that we send carry the deviation."""
    told: bool = True
    """Whether the deviation in the meter's times is to be believed."""
    sends: bool | None = None
    """Whether times that we send carry it, whatever the meter's own do; None: as those."""

    def decode(self, octets: bytes) -> datetime | None:
        """Return the instant, UTC."""
        if not self.told:
            octets = without_deviation(octets)
        return decode_time(
            octets, utc_offset_min=self.utc_offset_min, positive_east=self.positive_east
        )

    def decode_many(self, cells: Iterable[bytes]) -> list[datetime | None]:
        """Return the instants of many times, UTC."""
        return decode_times(
            cells if self.told else map(without_deviation, cells),
            utc_offset_min=self.utc_offset_min, positive_east=self.positive_east,
        )  # fmt: skip

    def encode(self, instant: datetime) -> bytes:
        """Return the meter's way to write ``instant``."""
        return encode_time(
            instant,
            utc_offset_min=self.utc_offset_min,
            with_deviation=self.with_deviation,
            positive_east=self.positive_east,
        )

    def as_written(self, octets: bytes) -> "TimeRules":
        """Return the rules of a meter whose own clock says ``octets``: what it writes, it reads."""
        deviation = deviation_of(octets)
        if deviation is None or not self.told:
            sends = deviation is not None if self.sends is None else self.sends
            return msgspec.structs.replace(self, with_deviation=sends)
        east = self.positive_east or has_other_sign(octets, self.utc_offset_min)
        return msgspec.structs.replace(
            self,
            utc_offset_min=deviation if east else -deviation,
            positive_east=east,
            with_deviation=True if self.sends is None else self.sends,
        )

    def other_way(self) -> "TimeRules":
        """Return rules that write times with the deviation where these do without, or without."""
        return msgspec.structs.replace(self, with_deviation=not self.with_deviation)


def read_registers(
    client: DlmsClient, codes: Sequence[str], cache: ObjectCache
) -> Dialogue[Registers]:
    """Read values by OBIS code, with their scalers and units; refusals are part of the result."""
    found = Registers([], {})
    results = yield from client.get_list([_value_of(code, cache) for code in codes])
    for code, result in zip(codes, results, strict=True):
        value = result
        if isinstance(value, Refused) and value.code in NOT_SO and code not in cache.classes:
            value = yield from _try_other_classes(client, code, cache)
        if isinstance(value, Refused):
            found.refused[code] = str(value)
            continue
        class_id = cache.classes.setdefault(code, likely_class(code))
        found.values.append(RegisterValue(code, class_id, value, Scale(None, None)))
    yield from _learn_scales(client, [v.obis for v in found.values], cache)
    found.values = [
        msgspec.structs.replace(v, scale=cache.scales.get(v.obis, v.scale)) for v in found.values
    ]
    return (yield from _with_times(client, found))


def _value_of(code: str, cache: ObjectCache) -> Attribute:
    class_id = cache.classes.get(code) or likely_class(code)
    return Attribute(class_id, obis_bytes(code), value_index(class_id, code))


def _try_other_classes(client: DlmsClient, code: str, cache: ObjectCache) -> Dialogue[Any]:
    result: Any = Refused(DataAccessError.OBJECT_UNDEFINED)
    for class_id in other_classes(likely_class(code)):
        attribute = Attribute(class_id, obis_bytes(code), value_index(class_id, code))
        result = yield from client.get(attribute)
        if not isinstance(result, Refused):
            cache.classes[code] = class_id
            return result
    return result


def _learn_scales(client: DlmsClient, codes: Sequence[str], cache: ObjectCache) -> Dialogue[None]:
    """Read the scalers and units that are not known yet."""
    wanted: list[tuple[str, Attribute]] = []
    for code in codes:
        class_id = cache.classes.get(code) or likely_class(code)
        index = scale_index(class_id)
        if code not in cache.scales and index is not None:
            wanted.append((code, Attribute(class_id, obis_bytes(code), index)))
    if not wanted:
        return
    results = yield from client.get_list([attribute for _, attribute in wanted])
    for (code, _), result in zip(wanted, results, strict=True):
        if is_scale(result):
            cache.scales[code] = Scale(*result)
        else:
            cache.scales[code] = Scale(None, None)


def _with_times(client: DlmsClient, found: Registers) -> Dialogue[Registers]:
    """Read when each maximum occurred."""
    for number, value in enumerate(found.values):
        if value.class_id != cosem.CLASS_EXTENDED_REGISTER:
            continue
        attribute = Attribute(value.class_id, obis_bytes(value.obis), 5)
        time = yield from client.get(attribute)
        if isinstance(time, bytes) and len(time) == 12:
            found.values[number] = msgspec.structs.replace(value, time=time)
    return found


def learn_scales(client: DlmsClient, codes: Sequence[str], cache: ObjectCache) -> Dialogue[None]:
    """Read the scalers and units of ``codes`` that are not known yet."""
    yield from _learn_scales(client, codes, cache)


# -- the clock

CLOCK_TIME: Final = Attribute(cosem.CLASS_CLOCK, cosem.CLOCK_OBIS, 2)
SHIFT_TIME: Final = Attribute(cosem.CLASS_CLOCK, cosem.CLOCK_OBIS, 6)


def read_time(client: DlmsClient) -> Dialogue[bytes]:
    """Read the meter's time as it writes it, 12 octets.

    Raises:
        MeterRefused: it does not tell.

    """
    result = yield from client.get(CLOCK_TIME)
    if isinstance(result, Refused):
        raise MeterRefused(f"the meter does not tell its time ({result})")
    if not isinstance(result, bytes) or len(result) != TIME_SIZE:
        raise RemoteProtocolError("date-time", "the meter's clock is no date-time")
    return result


def read_clock(client: DlmsClient, rules: TimeRules) -> Dialogue[datetime]:
    """Read the meter's time, UTC.

    Raises:
        MeterRefused: it does not tell.

    """
    return instant_of((yield from read_time(client)), rules)


def instant_of(octets: bytes, rules: TimeRules) -> datetime:
    """Return the instant, UTC, of a clock's time.

    Raises:
        RemoteProtocolError: the clock is not set.

    """
    instant = rules.decode(octets)
    if instant is None:
        raise RemoteProtocolError("date-time", "the meter's clock is not set")
    return instant


def set_clock(client: DlmsClient, instant: datetime, rules: TimeRules) -> Dialogue[None]:
    """Write the meter's time.

    Raises:
        MeterRefused: it does not let us.

    """
    code = yield from client.set(CLOCK_TIME, ax.octets(rules.encode(instant)))
    if code:
        raise MeterRefused(f"the meter does not let its clock be set ({Refused(code)})")


def shift_clock(client: DlmsClient, seconds: int) -> Dialogue[bool]:
    """Shift the meter's clock (method 6); False when the meter does not do that."""
    if abs(seconds) > SHIFT_S_MAX:
        return False
    code = yield from client.action(SHIFT_TIME, ax.i16(seconds))
    return code == 0


def read_counter(client: DlmsClient) -> Dialogue[int | None]:
    """Read the invocation counter that the meter last took (public client)."""
    for instance in (0, 1, 2):
        obis = bytes((0, 0, 43, 1, instance, 255))
        result = yield from client.get(Attribute(cosem.CLASS_DATA, obis, 2))
        if isinstance(result, int):
            return result
    return None

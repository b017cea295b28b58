"""Reading registers and setting the clock: dialogues built from the client's services."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from protocols.dlms import axdr_encode as ax, cosem
from protocols.dlms.acse import MULTIPLE_REFERENCES
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
    OTHER_CLASSES,
    ObjectCache,
    Scale,
    is_scale,
    likely_class,
    other_classes,
    scale_index,
    value_index,
)
from protocols.errors import MeterNonsense, MeterRefused, RemoteProtocolError

NOT_SO: Final = frozenset({
    DataAccessError.OBJECT_UNDEFINED, DataAccessError.OBJECT_CLASS_INCONSISTENT,
    DataAccessError.OBJECT_UNAVAILABLE, DataAccessError.TYPE_UNMATCHED,
})  # fmt: skip
"""Answers that may mean a wrong guess of the class."""
LASTING: Final = NOT_SO | {DataAccessError.READ_WRITE_DENIED}
"""Answers that another question would bring again."""
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
    lacking: set[str] = set()
    """Of the refused, those that will be refused again: the meter does not have them."""


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

    def instant(self, octets: bytes) -> datetime | None:
        """Return the instant, UTC; None also where the octets are no date: never set, or absurd."""
        try:
            return self.decode(octets)
        except RemoteProtocolError:
            return None

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
        """Return the rules of a meter whose own clock says ``octets``: what it writes, it reads.

        A clock that is not set says nothing.
        """
        if self.instant(octets) is None:
            return self
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
    client: DlmsClient, codes: Sequence[str], cache: ObjectCache, *, thorough: bool = True
) -> Dialogue[Registers]:
    """Read values by OBIS code, with their scalers and units; refusals are part of the result.

    What is not in the class that custom gives it is looked for in others. ``thorough``: even where
    custom is strong and each try costs a question, since the meter takes no lists.
    """
    found = Registers([], {}, set())
    results = yield from client.get_list([_value_of(code, cache) for code in codes])
    told = dict(zip(codes, results, strict=True))
    unknown = [code for code in codes if _is_unknown(told[code]) and code not in cache.classes]
    if not thorough and not client.allows(MULTIPLE_REFERENCES):
        unknown = [c for c in unknown if likely_class(c) == cosem.CLASS_EXTENDED_REGISTER]
    told |= yield from _in_other_classes(client, unknown, cache)
    for code, value in told.items():
        if isinstance(value, Refused):
            found.refused[code] = str(value)
            if value.code in LASTING:
                found.lacking.add(code)
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


def _is_unknown(result: Any) -> bool:
    return isinstance(result, Refused) and result.code in NOT_SO


def _in_other_classes(
    client: DlmsClient, codes: Sequence[str], cache: ObjectCache
) -> Dialogue[dict[str, Any]]:
    """Look for objects in the other classes that they may have: for all of them at a time."""
    told: dict[str, Any] = {}
    left = list(codes)
    for turn in range(OTHER_CLASSES if left else 0):
        classes = {code: other_classes(likely_class(code))[turn] for code in left}
        results = yield from client.get_list(
            [
                Attribute(class_id, obis_bytes(code), value_index(class_id, code))
                for code, class_id in classes.items()
            ]
        )
        told |= dict(zip(left, results, strict=True))
        found = {c: n for c, n in classes.items() if not isinstance(told[c], Refused)}
        cache.classes.update(found)
        left = [code for code in left if code not in found]
    return told


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
        elif not isinstance(result, Refused) or result.code in LASTING:
            cache.scales[code] = Scale(None, None)


def _with_times(client: DlmsClient, found: Registers) -> Dialogue[Registers]:
    """Read when each maximum occurred."""
    extended = cosem.CLASS_EXTENDED_REGISTER
    places = [n for n, value in enumerate(found.values) if value.class_id == extended]
    wanted = [Attribute(extended, obis_bytes(found.values[n].obis), 5) for n in places]
    times = (yield from client.get_list(wanted)) if wanted else []
    for n, time in zip(places, times, strict=True):
        if isinstance(time, bytes) and len(time) == TIME_SIZE:
            found.values[n] = msgspec.structs.replace(found.values[n], time=time)
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
        MeterNonsense: what it tells is no date-time.

    """
    result = yield from client.get(CLOCK_TIME)
    if isinstance(result, Refused):
        raise MeterRefused(f"the meter does not tell its time ({result})")
    if not isinstance(result, bytes) or len(result) != TIME_SIZE:
        raise MeterNonsense("date-time", "the meter's clock is no date-time")
    return result


def read_clock(client: DlmsClient, rules: TimeRules) -> Dialogue[datetime]:
    """Read the meter's time, UTC.

    Raises:
        MeterRefused: it does not tell.
        MeterNonsense: its clock is not set.

    """
    return instant_of((yield from read_time(client)), rules)


def instant_of(octets: bytes, rules: TimeRules) -> datetime:
    """Return the instant, UTC, of a clock's time.

    Raises:
        MeterNonsense: the clock is not set.

    """
    instant = rules.instant(octets)
    if instant is None:
        raise MeterNonsense("date-time", f"the meter's clock is not set ({octets.hex()})")
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

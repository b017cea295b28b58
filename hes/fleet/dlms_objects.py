"""The COSEM objects of a simulated meter: attribute to encoded value."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from hes.fleet.dlms_classes.load import SwitchedLoad
from hes.fleet.model import Consumption, interval_end, interval_ends
from protocols.dlms import axdr_encode as ax, cosem
from protocols.dlms.axdr import decode_all
from protocols.dlms.cosem import Attribute, Refused, Selection, obis_bytes
from protocols.dlms.cosem_time import decode_time, encode_time

UTC_OFFSET_MIN: Final = 420
PERIOD_S: Final = 1800
PROFILE_DAYS: Final = 60
UNDEFINED: Final = Refused(cosem.DataAccessError.OBJECT_UNDEFINED)
DENIED: Final = Refused(cosem.DataAccessError.READ_WRITE_DENIED)
UNMATCHED: Final = Refused(cosem.DataAccessError.TYPE_UNMATCHED)

STRUCTURE: Final = 2
"""Its tag."""
WH: Final = 30
VARH: Final = 32
PROFILE_COLUMNS: Final = ("1.0.1.8.0.255", "1.0.2.8.0.255", "1.0.3.8.0.255", "1.0.4.8.0.255")
LOAD_PROFILE: Final = "1.0.99.1.0.255"
BILLING: Final = "0.0.98.1.0.255"

Value = Callable[[datetime], bytes]


class SimulatedObjects:
    """Everything that can be read from one simulated meter, as of an instant of its clock."""

    def __init__(self, serial: str, consumption: Consumption, *, compress: bool) -> None:
        self.serial = serial
        self.consumption = consumption
        self.load = SwitchedLoad(consumption)
        """What the customer draws through the relay."""
        self.compress = compress
        """Whether profile rows leave out what did not change (null-compression)."""
        self.compact = False
        """Whether they come as a compact array; nothing is left out then."""
        self.registers = self._registers()
        self.texts: dict[str, bytes] = {
            "0.0.42.0.0.255": b"SIM" + serial.encode(),
            "0.0.96.1.0.255": serial.encode(),
            "1.0.0.2.0.255": b"SIM 1.0",
        }

    def _registers(self) -> dict[str, tuple[int, int, Value]]:
        """OBIS to scaler, unit and encoded value."""
        c, load = self.consumption, self.load
        table: dict[str, tuple[int, int, Value]] = {
            "1.0.1.8.0.255": (0, WH, lambda t: ax.u32(load.energy_wh(t))),
            "1.0.2.8.0.255": (0, WH, lambda t: ax.u32(int(load.energy_wh(t) * c.export_part))),
            "1.0.3.8.0.255": (0, VARH, lambda t: ax.u32(int(load.energy_wh(t) * c.reactive_part))),
            "1.0.4.8.0.255": (0, VARH, lambda _: ax.u32(0)),
            "1.0.1.7.0.255": (0, 27, lambda t: ax.u32(int(load.power_w(t)))),
            "1.0.2.7.0.255": (0, 27, lambda t: ax.u32(int(load.power_w(t) * c.export_part))),
            "1.0.3.7.0.255": (0, 29, lambda t: ax.u32(int(load.power_w(t) * c.reactive_part))),
            "1.0.13.7.0.255": (-3, 255, lambda _: ax.i16(int(c.power_factor * 1000))),
            "1.0.14.7.0.255": (-2, 44, lambda _: ax.u16(5000)),
        }
        for n in range(3):
            table[f"1.0.1.8.{n + 1}.255"] = (0, WH, self._rate(n))
            table[f"1.0.{32 + 20 * n}.7.0.255"] = (-1, 35, self._voltage(n))
            table[f"1.0.{31 + 20 * n}.7.0.255"] = (-2, 33, self._current(n))
            table[f"1.0.{33 + 20 * n}.7.0.255"] = (-3, 255, table["1.0.13.7.0.255"][2])
        return table

    def _rate(self, n: int) -> Value:
        return lambda t: ax.u32(self.load.rate_energy_wh(t)[n])

    def _voltage(self, n: int) -> Value:
        return lambda t: ax.u16(round(self.consumption.voltages_v(t)[n] * 10))

    def _current(self, n: int) -> Value:
        return lambda t: ax.u16(round(self.load.currents_a(t)[n] * 100))

    # -- reading

    def read(
        self, attribute: Attribute, selection: Selection | None, now: datetime
    ) -> bytes | Refused:
        """Return the encoded value of an attribute, or why there is none."""
        code = cosem.obis_text(attribute.obis)
        reader = {
            cosem.CLASS_DATA: self._data,
            cosem.CLASS_REGISTER: self._register,
            cosem.CLASS_EXTENDED_REGISTER: self._maximum,
        }.get(attribute.class_id)
        if reader is not None:
            return reader(code, attribute.index, now)
        if attribute.class_id == cosem.CLASS_PROFILE:
            return self._profile(code, attribute.index, selection, now)
        return UNDEFINED

    def _data(self, code: str, index: int, _now: datetime) -> bytes | Refused:
        text = self.texts.get(code)
        if text is None:
            return UNDEFINED
        return ax.octets(text) if index == 2 else ax.octets(obis_bytes(code))

    def _register(self, code: str, index: int, now: datetime) -> bytes | Refused:
        register = self.registers.get(code)
        if register is None:
            return UNDEFINED
        scaler, unit, value = register
        if index == 3:
            return ax.structure(ax.i8(scaler), ax.enum(unit))
        return value(now) if index == 2 else ax.octets(obis_bytes(code))

    def _maximum(self, code: str, index: int, now: datetime) -> bytes | Refused:
        """Maximum demand of the month, import: value, scaler and unit, time."""
        if code != "1.0.1.6.0.255":
            return UNDEFINED
        c = self.consumption
        if index == 3:
            return ax.structure(ax.i8(0), ax.enum(27))
        if index == 5:
            month = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
            at = month + timedelta(hours=c.phase_h - UTC_OFFSET_MIN / 60)
            return ax.octets(encode_time(at, utc_offset_min=UTC_OFFSET_MIN))
        return ax.u32(int(c.mean_w * (1 + c.swing)))

    # -- the load profile

    def _profile(
        self, code: str, index: int, selection: Selection | None, now: datetime
    ) -> bytes | Refused:
        if code != LOAD_PROFILE:
            return UNDEFINED
        if index == 3:
            return _capture_objects()
        if index == 4:
            return ax.u32(PERIOD_S)
        if index in {7, 8}:
            return ax.u32(PROFILE_DAYS * 48)
        return self._buffer(selection, now) if index == 2 else DENIED

    def _buffer(self, selection: Selection | None, now: datetime) -> bytes | Refused:
        last = interval_end(now, PERIOD_S)
        ends = interval_ends(last - timedelta(days=PROFILE_DAYS), last, PERIOD_S)
        if selection is not None and selection.selector == 1:
            _, begin, end, _ = decode_all(selection.parameter)
            first, final = _instant(begin), _instant(end)
            if first is None or final is None:
                return UNMATCHED
            ends = [e for e in ends if first <= e <= final]
        elif selection is not None and selection.selector == 2:
            begin, end, _, _ = decode_all(selection.parameter)
            ends = ends[begin - 1 : end or None]
        return self._compact(ends) if self.compact else ax.array(*self._rows(ends))

    def _cells(self, end: datetime) -> list[bytes]:
        values = [self.registers[code][2](end) for code in PROFILE_COLUMNS]
        clock = ax.octets(encode_time(end, utc_offset_min=UTC_OFFSET_MIN))
        return [clock, ax.u8(0), *values]

    def _compact(self, ends: list[datetime]) -> bytes:
        if not ends:
            return ax.array()
        rows = [self._cells(end) for end in ends]
        tags = bytes(cell[0] for cell in rows[0])
        contents = [b"".join(cell[1:] for cell in row) for row in rows]
        return ax.compact_array(bytes((STRUCTURE, len(tags))) + tags, *contents)

    def _rows(self, ends: list[datetime]) -> list[bytes]:
        before: list[bytes] = []
        rows: list[bytes] = []
        for end in ends:
            cells = self._cells(end)
            if self.compress and before:
                same = zip(cells[1:], before[1:], strict=True)
                shown = [ax.NULL, *(ax.NULL if new == old else new for new, old in same)]
            else:
                shown = cells
            rows.append(ax.structure(*shown))
            before = cells
        return rows


def _instant(octets: bytes) -> datetime | None:
    return decode_time(octets, utc_offset_min=UTC_OFFSET_MIN)


def _capture_objects() -> bytes:
    columns = [(8, "0.0.1.0.0.255"), (1, "0.0.96.10.1.255")]
    columns += [(3, code) for code in PROFILE_COLUMNS]
    return ax.array(*(
        ax.structure(ax.u16(class_id), ax.octets(obis_bytes(code)), ax.i8(2), ax.u16(0))
        for class_id, code in columns
    ))  # fmt: skip

"""A simulated meter of IEC 62056-21, mode D: it sends telegrams and takes no questions."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from hes.fleet.dlms_server import MeterClock
from hes.fleet.iec62056_21_meter import UTC_OFFSET_MIN
from hes.fleet.iec62056_21_values import ShownValues
from hes.fleet.model import Consumption
from protocols.iec62056_21.stamps import StampRules
from protocols.iec62056_21.telegram import crc16

IDENTIFICATION: Final = "SIM3HES-D"
CODES: Final = (
    "0.0.0", "0.9.1", "0.9.2", "1.8.0", "1.8.1", "1.8.2", "1.8.3", "2.8.0", "3.8.0", "1.7.0",
    "32.7.0", "52.7.0", "72.7.0", "31.7.0", "51.7.0", "71.7.0",
)  # fmt: skip


class TelegramMeter:
    """One meter, as ``SimulatedMeter`` and ``Pusher`` have it."""

    def __init__(
        self, serial: str, *, world: Callable[[], datetime], drift_s: float = 0.0, crc: bool = True
    ) -> None:
        self.requests = 0
        self.confirmed: list[int] = []
        self.invoke_id = 0
        self.clock = MeterClock(world, drift_s)
        self.values = ShownValues(serial, Consumption.of(serial), StampRules(UTC_OFFSET_MIN))
        self._crc = crc

    def reset(self) -> None:
        """See ``SimulatedMeter``."""

    def receive(self, _data: bytes) -> bytes:
        """See ``SimulatedMeter``: it takes no questions."""
        return b""

    def push(self, *, confirmed: bool) -> bytes:
        """See ``Pusher``; nobody confirms a telegram."""
        now = self.clock.now()
        lines = (f"{code}{self.values.registers[code](now)}" for code in CODES)
        body = "\r\n".join((f"/{IDENTIFICATION}", "", *lines, "!")).encode("ascii")
        check = f"{crc16(body):04X}".encode("ascii") if self._crc else b""
        return body + check + b"\r\n"

    def last_gasp(self) -> bytes:
        """See ``Pusher``: it knows no other words."""
        return self.push(confirmed=False)

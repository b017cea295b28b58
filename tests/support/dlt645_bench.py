"""A simulated DL/T 645 meter, a driver for it, and a time that stands still unless told."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from pump import converse

from actors.drivers.base import DriverWorld
from actors.drivers.dlt645 import NEW, OLD, Dlt645Driver
from hes.devices import Device
from hes.fleet.dlt645_meter import Dlt645Plan, SimulatedDlt645Meter
from hes.ids import MeterId, ModemId
from protocols.dlt645.options import Dlt645Options
from protocols.meter_types.meter_type import plain
from protocols.values import ReadValue

NOW = datetime(2026, 11, 28, 6, 0, 17, tzinfo=UTC)
SERIAL = "12345678"
BOTH = pytest.mark.parametrize("protocol", [NEW, OLD])


class Bench:
    """A meter, a driver for it, and a time that stands still unless told."""

    def __init__(
        self,
        protocol: str = NEW,
        *,
        options: Dlt645Options | None = None,
        drift_s: float = 0.0,
        password: str = "000000",
        address: str = SERIAL,
        **plan: Any,
    ) -> None:
        self.now = NOW
        self.meter = SimulatedDlt645Meter(
            Dlt645Plan(serial=SERIAL, old=protocol == OLD, **plan),
            world=lambda: self.now,
            drift_s=drift_s,
        )
        device = Device(
            meter_id=MeterId("m"), modem_id=ModemId("x"), protocol=protocol, address=address,
            password=password,
        )  # fmt: skip
        world = DriverWorld(
            now=lambda: self.now, random_bytes=bytes, counter=lambda: 0, utc_offset_min=420
        )
        meter_type = plain(protocol)
        if options is not None:
            meter_type = msgspec.structs.replace(meter_type, options=options)
        self.driver = Dlt645Driver(device, world, meter_type)

    def run(self, dialogue: Any, **how: Any) -> Any:
        return converse(dialogue, self.meter.receive, **how)

    def registers(self, *codes: str, **how: Any) -> dict[str, ReadValue]:
        read = self.run(self.driver.registers([f"1.0.{code}" for code in codes]), **how)
        assert read.refused == {}
        return {value.obis.removeprefix("1.0."): value for value in read.values}

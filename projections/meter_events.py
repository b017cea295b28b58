"""What meters reported by codes, and supply lost and restored, as one history."""

from collections.abc import Iterable, Sequence
from typing import Any

from hes.events.base import Recorded
from hes.events.meter_event import MeterEvent
from hes.events.power import PowerFailure, PowerRestored
from projections.base import Change, Database, meter_in, utc_ms
from projections.sql.schema import NAME, TEXT, Table, text, whole

METER_EVENT = Table(
    "meter_event",
    (
        whole("position"), text("meter_id", NAME), whole("received_at"),
        whole("device_time", optional=True), whole("code", optional=True),
        text("name", NAME, optional=True), text("obis", optional=True), text("detail", TEXT),
    ),
    key=("position",),
    indexes=(("meter_id", "position"),),
)  # fmt: skip


class MeterEvents:
    """One row an event."""

    name = "meter_events"
    version = 3
    tables = (METER_EVENT,)
    events = (MeterEvent, PowerFailure, PowerRestored)

    def apply(self, batch: Sequence[Recorded], db: Database) -> Iterable[Change]:
        """See ``Projection``."""
        db.insert(METER_EVENT, [_row(recorded) for recorded in batch])
        return ()


def _row(recorded: Recorded) -> tuple[Any, ...]:
    event = recorded.event
    device_time = utc_ms(event.device_time) if event.device_time else None
    at = utc_ms(event.received_at)
    return (recorded.position, meter_in(recorded.stream), at, device_time, *_cells(event))


def _cells(event: object) -> tuple[int | None, str | None, str | None, str]:
    match event:
        case MeterEvent(code=code, name=name, obis=obis, detail=detail):
            return code, name, obis, detail
        case PowerFailure(code=code, sign=sign):
            return code, "power-failure", None, sign.value
        case PowerRestored(code=code, outage_s=outage_s):
            detail = "" if outage_s is None else f"after {outage_s:.0f} s"
            return code, "power-restored", None, detail
        case _:
            raise TypeError(f"no meter event: {event!r}")


PROJECTION = MeterEvents()

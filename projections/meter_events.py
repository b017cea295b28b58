"""What meters reported by codes, and supply lost and restored, as one history."""

from collections.abc import Iterable, Sequence

from hes.events.base import Recorded
from hes.events.meter_event import MeterEvent
from hes.events.power import PowerFailure, PowerRestored
from hes.ids import meter_of
from projections.base import Change, Database, utc_ms

INSERT = (
    "INSERT INTO meter_event (position, meter_id, received_at, device_time, code, name, obis,"
    " detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)


class MeterEvents:
    """One row an event."""

    name = "meter_events"
    version = 2
    tables = ("meter_event",)
    ddl = (
        "CREATE TABLE meter_event (position INTEGER PRIMARY KEY, meter_id TEXT NOT NULL,"
        " received_at INTEGER NOT NULL, device_time INTEGER, code INTEGER, name TEXT, obis TEXT,"
        " detail TEXT NOT NULL)",
        "CREATE INDEX meter_event_meter ON meter_event (meter_id, position)",
    )
    events = (MeterEvent, PowerFailure, PowerRestored)

    def apply(self, batch: Sequence[Recorded], db: Database) -> Iterable[Change]:
        """See ``Projection``."""
        for recorded in batch:
            event, meter = recorded.event, meter_of(recorded.stream)
            device_time = utc_ms(event.device_time) if event.device_time else None
            code, name, obis, detail = _cells(event)
            db.execute(
                INSERT,
                (recorded.position, meter, utc_ms(event.received_at), device_time, code, name, obis,
                 detail),
            )  # fmt: skip
        return {Change(f"meter:{meter_of(r.stream)}", "event") for r in batch}


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

"""A small log for what auditors ask: a meter behind a modem, half-hours, pushes, a back-fill."""

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Self

from hes.events.base import DomainEvent
from hes.events.command import CommandFinished, CommandRequested
from hes.events.device import DeviceRegistered
from hes.events.layout import Channel, Layout
from hes.events.modem import ModemConnected
from hes.events.modem_record import RecordStored
from hes.events.reading import LoadProfileRead, ProfileRow, Reading, Source
from hes.rules.repeats import digest_of
from hes.store.anchor import STREAM, next_anchor
from hes.store.codec import EventCodec
from hes.store.open import open_codec, open_log
from hes.store.port import Append, EventLog

DAY: Final = datetime(2026, 5, 1, tzinfo=UTC)
HALF_HOUR: Final = timedelta(minutes=30)
METER: Final = "meter:M1"
MODEM: Final = "modem:861"
ENERGY: Final = "1.0.1.8.0.255"
LOAD: Final = "1.0.99.1.0.255"
INDEX: Final = Layout((Channel(ENERGY, 1, 30, 3, 2), Channel("1.0.32.7.0.255", -1, 35, 3, 2)))
COLUMNS: Final = Layout((Channel("1.0.1.29.0.255", -1, 30, 3, 2),))


def at(hours: float, seconds: float = 0) -> datetime:
    return DAY + timedelta(hours=hours, seconds=seconds)


class Written:
    """A log that a test writes as a node would."""

    def __init__(self, url: str, password_file: str | None = None) -> None:
        self.log: EventLog = open_log(url, password_file)
        self.codec: EventCodec = open_codec(self.log)
        self.log.fence()

    def write(self, stream: str, *events: DomainEvent) -> int:
        """Store events; return the position of the first."""
        rows = list(map(self.codec.encode, events))
        layouts = self.codec.layouts.take_unsaved()
        (done,) = self.log.append([Append(stream, None, rows)], layouts)
        return int(done.position)  # type: ignore[union-attr]

    def anchor(self, now: datetime) -> int:
        event = next_anchor(self.log, self.codec, now)
        assert event is not None
        return self.write(STREAM, event)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.log.close()


def registered(now: datetime, **changes: Any) -> DeviceRegistered:
    told: dict[str, Any] = {
        "modem_id": "861", "link": "raw", "protocol": "dlms", "framing": "hdlc", "meter_type": "",
        "address": "0017", "client_sap": 1, "server_sap": 1, "auth": "gmac", "system_title": "",
        "area": "", "ct_ratio": "200/5", "vt_ratio": "1", "has_keys": True, "actor": "an",
    }  # fmt: skip
    return DeviceRegistered(received_at=now, **(told | changes))


def index(now: datetime, number: int, source: Source = Source.PUSH, **more: Any) -> Reading:
    """An index of ``number`` times ten watt-hours, read on time."""
    return Reading(
        received_at=now + timedelta(seconds=2), device_time=now, source=source, layout=INDEX,
        values=(number, 2301), **more,
    )  # fmt: skip


def half_hours(
    received_at: datetime, ends: Sequence[float], energy: int, source: Source = Source.SCHEDULED
) -> LoadProfileRead:
    """Intervals of ``energy`` tenths of a watt-hour that end so many hours into the day."""
    rows = tuple(ProfileRow(at(hours), 0, (energy,)) for hours in ends)
    return LoadProfileRead(
        received_at=received_at, source=source, profile=LOAD, period_s=1800, layout=COLUMNS,
        rows=rows,
    )  # fmt: skip


def record(now: datetime, number: int, data: bytes, meter: str = "17") -> RecordStored:
    return RecordStored(
        received_at=now, number=number, meter=meter, protocol="dlms-hdlc", kind=0, clock_quality=1,
        label=b"", data=data, outcome="reading",
    )  # fmt: skip


def a_day(written: Written) -> dict[str, int]:
    """Write a day of the meter; return positions by name."""
    w, told = written, {}
    told["device"] = w.write(METER, registered(at(-24)))
    told["early"] = w.write(METER, index(at(-12), 900))
    connected = ModemConnected(
        received_at=at(-1), session=7, peer="10.0.0.9:4711", link="hml1", claim="device-id"
    )
    told["session"] = w.write(MODEM, connected)
    told["anchor 1"] = w.anchor(at(0, 1))
    told["opening"] = w.write(METER, index(at(0), 1000, digest=digest_of(b"861 4 \x7e\xa0\x01")))
    told["record"] = w.write(MODEM, record(at(0, 3), 4, b"\x7e\xa0\x01"))
    told["of another"] = w.write(MODEM, record(at(0, 4), 5, b"secret of M2", meter="18"))
    told["after it"] = w.write(MODEM, record(at(0, 5), 6, b"\x7e\xa0\x02"))
    told["morning"] = w.write(METER, half_hours(at(1.1), [0.5, 1.0], 1000))
    asked = CommandRequested(
        received_at=at(1.2), command="read", argument=ENERGY, actor="binh", reason="bill 7"
    )
    done = CommandFinished(
        received_at=at(1.3), command="read", actor="binh", ok=True, detail="", lasted_s=2.5
    )
    told["command"] = w.write(METER, asked)
    told["finished"] = w.write(METER, done)
    told["closing"] = w.write(METER, index(at(2), 1040, Source.DEMAND))
    w.write("meter:M2", registered(at(2)), index(at(2), 5))
    told["anchor 2"] = w.anchor(at(24, 5))
    told["late"] = w.write(METER, half_hours(at(40), [1.5, 2.0], 1000, Source.BACKFILL))
    return told


def alter(file: Path, sql: str, *values: object) -> None:
    """Change the file behind everybody's back."""
    with sqlite3.connect(file) as db:
        assert db.execute(sql, values).rowcount > 0
    db.close()

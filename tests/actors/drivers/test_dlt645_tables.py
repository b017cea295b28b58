"""The driver of DL/T 645 meters against simulated ones: load records, settlements, freezes, log."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dlt645_bench import NOW, Bench

from actors.drivers.dlt645 import NEW, OLD, TABLES
from hes.fleet.dlt645_meter import SimulatedDlt645Meter
from hes.fleet.dlt645_values import ZONE
from hes.obis import PROFILES
from protocols.dlt645.load_record import encode_record
from protocols.dlt645.options import Dlt645Options
from protocols.errors import MeterRefused, RemoteProtocolError

HALF_HOUR = timedelta(minutes=30)


def rows_of(bench: Bench, hours: float, code: str = "load") -> Any:
    return bench.run(bench.driver.profile(code, NOW - timedelta(hours=hours), NOW))


@pytest.mark.parametrize("frame_size", [200, 60])
def test_the_load_profile_by_time(frame_size: int) -> None:
    bench = Bench(frame_size=frame_size)
    found = rows_of(bench, 24)
    assert (found.obis, found.period_s) == ("1.0.99.1.0.255", 1800)
    assert [c.obis for c in found.columns] == [f"1.0.{c}.8.0.255" for c in (1, 2, 3, 4)]
    kwh, kvarh = (-2, 0x300 | 30), (-2, 0x300 | 32)
    assert [(c.scaler, c.unit) for c in found.columns] == [kwh, kwh, kvarh, kvarh]
    first = datetime(2026, 11, 27, 6, 30, tzinfo=UTC)
    assert [row.time for row in found.rows] == [first + HALF_HOUR * n for n in range(48)]
    wanted = [bench.meter.values.energy(1, 0, row.time) for row in found.rows]
    assert [row.values[0] for row in found.rows] == wanted


class Strict(SimulatedDlt645Meter):
    """It wants the very time of a record, gives three at once, and lost an hour of them."""

    lost = tuple(datetime(2026, 11, 28, 2, 0, tzinfo=UTC) + HALF_HOUR * n for n in range(3))

    def _load(self, di: int, data: bytes, now: datetime) -> bytes | None:
        if di & 0xFF == 2:
            return super()._load(di, data, now)
        since = datetime.strptime(data[:0:-1].hex(), "%y%m%d%H%M").replace(tzinfo=ZONE)
        times = [since + HALF_HOUR * n for n in range(3)]
        if since.minute % 30 or since in self.lost:
            return None
        kept = [time for time in times if time <= now and time not in self.lost]
        return b"".join(map(self.values._record, kept)) or None


def test_a_meter_that_wants_exact_times_and_has_a_hole() -> None:
    bench = Bench()
    bench.meter = Strict(bench.meter.plan, world=lambda: bench.now)
    found = rows_of(bench, 10)
    first = datetime(2026, 11, 27, 20, 30, tzinfo=UTC)
    wanted = [first + HALF_HOUR * n for n in range(20)]
    assert [row.time for row in found.rows] == [t for t in wanted if t not in Strict.lost]
    # The period, the first odd time, 20 records by three, 3 in the hole, and one look at the end.
    assert bench.meter.requests <= 1 + 1 + 7 + 3 + 1


def test_a_late_answer_is_asked_about_again() -> None:
    """The second question is answered with the records of the first one."""
    bench = Bench()
    load, sent = bench.meter._load, []

    def late(di: int, data: bytes, now: datetime) -> bytes | None:
        sent.append(load(di, data, now))
        return sent[0] if len(sent) == 2 else sent[-1]

    bench.meter._load = late  # type: ignore[method-assign]
    assert len(rows_of(bench, 12).rows) == 24


def test_a_meter_that_repeats_itself_is_left_in_the_end() -> None:
    bench = Bench()
    record = bench.meter.values._record(datetime(2026, 11, 28, 1, 0, tzinfo=UTC))
    bench.meter._load = lambda _di, _data, _now: record  # type: ignore[method-assign]
    assert len(rows_of(bench, 12).rows) == 1
    assert bench.meter.requests < 20


def test_records_without_end_are_refused() -> None:
    bench = Bench()
    at = [NOW - timedelta(days=300)]

    def creeping(_di: int, _data: bytes, _now: datetime) -> bytes:
        at[0] += timedelta(minutes=1)
        return bench.meter.values._record(at[0])

    bench.meter._load = creeping  # type: ignore[method-assign]
    bench.run(bench.driver.profile("load", NOW - timedelta(days=300), NOW))
    assert bench.meter.requests <= 202


def test_the_period_may_be_known_beforehand() -> None:
    bench = Bench(options=Dlt645Options(load_period_s=900))
    assert rows_of(bench, 1).period_s == 900
    silent = Bench()
    silent.meter.values.read = lambda _di, _now: None  # type: ignore[method-assign]
    assert rows_of(silent, 1).period_s is None
    assert len(rows_of(silent, 1).rows) == 2


def test_one_class_of_load_records() -> None:
    bench = Bench(options=Dlt645Options(load_class=4))
    asked: list[int] = []
    load = bench.meter._load

    def wire(di: int, data: bytes, now: datetime) -> bytes | None:
        asked.append(di)
        return load(di, data, now)

    bench.meter._load = wire  # type: ignore[method-assign]
    assert len(rows_of(bench, 1).rows) == 2
    assert set(asked) == {0x06040001}


def test_a_damaged_record_is_an_error_of_the_meter() -> None:
    bench = Bench()
    bench.meter._load = lambda _di, _data, _now: b"\xa0\xa0\x00"  # type: ignore[method-assign]
    with pytest.raises(RemoteProtocolError):
        rows_of(bench, 1)


def test_the_newest_load_records() -> None:
    bench = Bench(options=Dlt645Options(load_by="newest", load_records=12))
    found = rows_of(bench, 4)
    assert len(found.rows) == 8
    assert found.rows[-1].time == datetime(2026, 11, 28, 6, 0, tzinfo=UTC)


def test_load_records_before_the_first_one_fall_back_to_the_newest() -> None:
    bench = Bench()
    load = bench.meter._load
    bench.meter._load = (  # type: ignore[method-assign]
        lambda di, data, now: load(di, data, now) if di & 0xFF == 2 else None
    )
    assert len(rows_of(bench, 24).rows) == 9


def test_a_meter_without_load_records_refuses() -> None:
    bench = Bench()
    bench.meter._load = lambda _di, _data, _now: None  # type: ignore[method-assign]
    with pytest.raises(MeterRefused, match="no load records"):
        rows_of(bench, 1)


@pytest.mark.parametrize("code", ["load", "1.0.98.2.0.255", "events"])
def test_old_meters_keep_no_such_tables(code: str) -> None:
    assert not Bench(OLD).driver.offers(PROFILES.get(code, code))
    assert Bench().driver.offers(PROFILES.get(code, code))
    with pytest.raises(MeterRefused, match="1997"):
        rows_of(Bench(OLD), 1, code)


@pytest.mark.parametrize(("protocol", "kept"), [(NEW, 12), (OLD, 2)])
def test_settlements_have_the_times_of_the_settlement_day(protocol: str, kept: int) -> None:
    bench = Bench(protocol)
    found = rows_of(bench, 24 * 500, "billing")
    assert found.obis == "0.0.98.1.0.255"
    times = [row.time.astimezone(ZONE) for row in found.rows]
    assert len(times) == kept
    assert times[-2:] == [datetime(2026, month, 1, tzinfo=ZONE) for month in (10, 11)]
    columns = [column.obis for column in found.columns]
    last = dict(zip(columns, found.rows[-1].values, strict=True))
    assert last["1.0.1.8.0.255"] == bench.meter.values.energy(1, 0, times[-1])
    assert last["1.0.1.8.2.255"] == bench.meter.values.energy(1, 2, times[-1])
    assert len(rows_of(bench, 24 * 40, "billing").rows) == 1


@pytest.mark.parametrize("told", [None, b"\x99\x99", b"\x00"])
def test_without_settlement_days_there_are_no_times(told: bytes | None) -> None:
    bench = Bench()
    read = bench.meter.values.read
    bench.meter.values.read = (  # type: ignore[method-assign]
        lambda di, now: told if di >> 8 == 0x04000B else read(di, now)
    )
    with pytest.raises(MeterRefused, match="settlement days"):
        rows_of(bench, 1, "billing")


def test_two_settlements_a_month() -> None:
    bench = Bench()
    read = bench.meter.values.read
    bench.meter.values.read = (  # type: ignore[method-assign]
        lambda di, now: b"\x12\x15" if di == 0x04000B02 else read(di, now)
    )
    found = rows_of(bench, 24 * 60, "billing")
    assert [row.time.astimezone(ZONE) for row in found.rows] == [
        datetime(2026, month, day, hour, tzinfo=ZONE)
        for month, day, hour in ((10, 1, 0), (10, 15, 12), (11, 1, 0), (11, 15, 12))
    ]


def test_settlements_before_the_meter_was_there_are_left_out() -> None:
    bench = Bench()
    read = bench.meter.values.read
    bench.meter.values.read = (  # type: ignore[method-assign]
        lambda di, now: None if di >> 24 < 2 and di & 0xFF > 2 else read(di, now)
    )
    assert len(rows_of(bench, 24 * 300, "billing").rows) == 2
    begin, end = NOW - timedelta(days=70), NOW - timedelta(days=40)
    assert len(bench.run(bench.driver.profile("billing", begin, end)).rows) == 1


def test_a_range_in_the_past_leaves_out_the_newest_freeze() -> None:
    bench = Bench()
    found = bench.run(
        bench.driver.profile("1.0.98.2.0.255", NOW - timedelta(days=3), NOW - timedelta(days=1))
    )
    assert len(found.rows) == 2
    read = bench.meter.values.read
    bench.meter.values.read = (  # type: ignore[method-assign]
        lambda di, now: None if di == 0x05060102 else read(di, now)
    )
    assert len(rows_of(bench, 24 * 5, "1.0.98.2.0.255").rows) == 1
    assert len(rows_of(Bench(), 24 * 90, "1.0.98.2.0.255").rows) == 62


def test_a_record_without_a_time_is_left_out() -> None:
    bench = Bench()
    load = bench.meter._load
    empty = encode_record(bytes(5), [b""] * 6)
    bench.meter._load = lambda di, data, now: (load(di, data, now) or b"") + empty  # type: ignore[method-assign]
    assert len(rows_of(bench, 3).rows) == 6


def test_a_freeze_by_command_is_kept() -> None:
    bench = Bench()
    assert bench.meter.values.read(0x05010001, NOW) is None
    bench.meter.values.freezes.append(NOW)
    assert bench.meter.values.read(0x05010001, NOW) == bytes.fromhex("0013281126")


def test_daily_freezes() -> None:
    bench = Bench()
    found = rows_of(bench, 24 * 3, "1.0.98.2.0.255")
    times = [row.time.astimezone(ZONE) for row in found.rows]
    assert times == [datetime(2026, 11, day, tzinfo=ZONE) for day in (26, 27, 28)]
    assert [c.obis for c in found.columns] == [f"1.0.1.8.{rate}.255" for rate in range(5)]
    assert found.rows[0].values[0] == bench.meter.values.energy(1, 0, times[0])


def test_events_by_kind_and_duration() -> None:
    bench = Bench()
    begin = NOW - timedelta(hours=5)
    bench.meter.values.events = {
        0x03110000: [
            (begin + timedelta(hours=1), begin + timedelta(hours=1, minutes=2)),
            (begin, begin + timedelta(seconds=30)),
            (begin - timedelta(days=9), begin - timedelta(days=8)),
        ],
        0x03300D00: [(begin + timedelta(minutes=1), begin + timedelta(minutes=2))],
        0x03300E00: [],
    }
    found = rows_of(bench, 24, "events")
    assert [c.obis for c in found.columns] == ["0.0.96.11.0.255", "0.0.96.8.0.255"]
    assert [(row.time, row.values) for row in found.rows] == [
        (begin, ("031100", 30)),
        (begin + timedelta(minutes=1), ("03300D", 60)),
        (begin + timedelta(hours=1), ("031100", 120)),
    ]


def test_a_record_of_the_log_that_is_nonsense_is_left_out() -> None:
    bench = Bench()
    begin = NOW - timedelta(hours=5)
    bench.meter.values.events = {0x03110000: [(begin, NOW)], 0x03300D00: [(begin, NOW)]}
    read = bench.meter.values.read
    bench.meter.values.read = (  # type: ignore[method-assign]
        lambda di, now: b"\x99" * 12 if di == 0x03110001 else read(di, now)
    )
    assert [row.values[0] for row in rows_of(bench, 24, "events").rows] == ["03300D"]
    past = bench.driver.profile("events", NOW - timedelta(days=1), NOW - timedelta(hours=9))
    assert bench.run(past).rows == []


def test_a_meter_without_a_log_refuses() -> None:
    bench = Bench()
    bench.meter.values.events = {}
    with pytest.raises(MeterRefused, match="no event log"):
        rows_of(bench, 1, "events")


def test_an_unknown_profile_is_refused() -> None:
    with pytest.raises(MeterRefused, match=r"1\.0\.99\.2\.0\.255"):
        rows_of(Bench(), 1, "1.0.99.2.0.255")
    assert set(TABLES) == {
        "1.0.99.1.0.255", "0.0.98.1.0.255", "1.0.98.1.0.255", "1.0.98.2.0.255", "0.0.99.98.0.255",
    }  # fmt: skip

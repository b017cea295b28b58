"""The driver of DL/T 645 meters against simulated ones: the clock."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dlt645_bench import BOTH, NOW, Bench
from pump import converse

from hes.fleet.dlt645_values import ZONE
from protocols.dlt645.frame import FrameReader
from protocols.dlt645.options import Dlt645Options
from protocols.errors import LocalProtocolError, MeterRefused, MeterSilent, RemoteProtocolError


@BOTH
def test_the_clock_is_read(protocol: str) -> None:
    read = Bench(protocol, drift_s=100).run(Bench(protocol, drift_s=100).driver.clock())
    assert read.meter_time == NOW + timedelta(seconds=100)
    assert (read.sent_at, read.got_at) == (NOW, NOW)
    assert (read.resolution_s, read.drift_s) == (1.0, 100.5)


def test_midnight_between_date_and_time_is_seen() -> None:
    bench = Bench()
    bench.now = datetime(2026, 11, 28, 16, 59, 59, tzinfo=UTC)  # a second before local midnight

    def slow(sent: bytes) -> bytes:
        answer = bench.meter.receive(sent)
        bench.now += timedelta(seconds=1)
        return answer

    read = converse(bench.driver.clock(), slow)
    assert read.meter_time == datetime(2026, 11, 28, 17, 0, 2, tzinfo=UTC)


def set_clock(bench: Bench, **how: Any) -> Any:
    return bench.run(bench.driver.set_clock(shift_s_max=60), **how)


def controls(bench: Bench) -> list[int]:
    """Set the clock and return the control codes of what was sent."""
    seen: list[int] = []

    def wire(sent: bytes) -> bytes:
        seen.extend(frame.control for frame in FrameReader().feed(sent))
        return bench.meter.receive(sent)

    converse(bench.driver.set_clock(shift_s_max=60), wire)
    return seen


READ_BOTH = [0x11, 0x11]


@pytest.mark.parametrize(
    ("drift_s", "local", "sent"),
    [
        (0.4, "13:00:17", []),
        (100, "13:00:17", [0x08]),
        (-299, "13:00:17", [0x08]),
        (301, "13:00:17", [0x14]),
        (100, "23:55:30", [0x14]),
        (100, "00:04:00", [0x14]),
        (-250, "00:06:00", [0x14]),  # the meter shows 00:01:50
        (86_400, "13:00:17", [0x14, 0x14]),
    ],
)
def test_what_puts_which_error_right(drift_s: float, local: str, sent: list[int]) -> None:
    bench = Bench(drift_s=drift_s)
    day = datetime.fromisoformat(f"2026-11-28T{local}+07:00")
    bench.now = day.astimezone(UTC)
    expected = READ_BOTH + ([*sent, *READ_BOTH] if sent else [])
    seen = controls(bench)
    # A time just after midnight is read twice, to be sure of the date.
    assert [c for c in seen if c != 0x11] == [c for c in expected if c != 0x11]
    assert abs(bench.meter.clock.drift_s) <= 1


def test_one_broadcast_a_day() -> None:
    bench = Bench(drift_s=100)
    assert controls(bench) == [0x11, 0x11, 0x08, 0x11, 0x11]
    bench.meter.clock.drift_s = 100
    assert 0x08 not in controls(bench)
    assert abs(bench.meter.clock.drift_s) <= 1
    bench.now += timedelta(days=1)
    bench.meter.clock.drift_s = 50
    assert 0x08 in controls(bench)


def test_a_broadcast_that_is_not_taken_is_followed_by_a_write() -> None:
    bench = Bench(drift_s=100)
    bench.meter._told_on = NOW.astimezone(ZONE).date()
    assert controls(bench) == [0x11, 0x11, 0x08, 0x11, 0x11, 0x14, 0x11, 0x11]
    bench.meter.clock.drift_s = 100
    assert set_clock(bench).method == "set"


def test_a_type_may_never_broadcast() -> None:
    bench = Bench(drift_s=100, options=Dlt645Options(clock_by="write"))
    assert controls(bench) == [0x11, 0x11, 0x14, 0x11, 0x11]


@BOTH
def test_the_clock_is_set_and_read_back(protocol: str) -> None:
    bench = Bench(protocol, drift_s=100_000)
    changed = set_clock(bench)
    assert (changed.method, bench.meter.writes) == ("set", 2)
    assert changed.before.meter_time == NOW + timedelta(seconds=100_000)
    assert changed.after.meter_time == NOW
    assert set_clock(bench).method == "none"


@pytest.mark.parametrize("drift_s", [100, 1000])
def test_the_nearest_second_is_told(drift_s: float) -> None:
    bench = Bench(drift_s=drift_s)
    bench.now += timedelta(milliseconds=700)
    set_clock(bench)
    assert bench.meter.clock.drift_s == pytest.approx(0.3)


@BOTH
@pytest.mark.parametrize("drift_s", [-1000, 1000, -86_400])
def test_the_date_follows_a_time_that_is_rounded_past_midnight(
    protocol: str, drift_s: float
) -> None:
    bench = Bench(protocol, drift_s=drift_s)
    bench.now = datetime(2026, 11, 28, 16, 59, 59, 600_000, tzinfo=UTC)
    set_clock(bench)
    assert bench.meter.clock.drift_s == pytest.approx(0.4)


def test_midnight_between_the_writes_is_put_right() -> None:
    bench = Bench(drift_s=-1000)
    bench.now = datetime(2026, 11, 28, 16, 59, 50, tzinfo=UTC)

    def slow(sent: bytes) -> bytes:
        frames = FrameReader().feed(sent)
        if frames[0].control == 0x14:
            bench.now = max(bench.now, datetime(2026, 11, 28, 17, 0, 5, tzinfo=UTC))
        return bench.meter.receive(sent)

    changed = converse(bench.driver.set_clock(shift_s_max=60), slow)
    assert abs(bench.meter.clock.drift_s) <= 1
    assert changed.after.meter_time.date() == bench.now.date()


def test_a_clock_that_takes_no_write_is_told_as_it_is() -> None:
    bench = Bench(drift_s=1000)
    bench.meter._set_clock = lambda _shown: True  # type: ignore[method-assign]
    changed = set_clock(bench)
    assert changed.after.meter_time == NOW + timedelta(seconds=1000)
    assert bench.meter.writes == 2


@BOTH
def test_a_wrong_password_is_refused_and_not_tried_again(protocol: str) -> None:
    bench = Bench(protocol, drift_s=1000, password="02111111")
    with pytest.raises(MeterRefused, match="wrong password"):
        set_clock(bench)
    assert bench.meter.clock.drift_s == 1000


@pytest.mark.parametrize("password", ["1234", "abcdef", "02123456:12", "12345\uff16"])
def test_a_password_that_is_none_is_not_sent(password: str) -> None:
    bench = Bench(drift_s=1000, password=password)
    with pytest.raises(LocalProtocolError) as raised:
        set_clock(bench)
    assert password not in str(raised.value)
    assert bench.meter.requests == 2


def test_level_and_operator_go_with_the_password() -> None:
    bench = Bench(drift_s=1000, password="04123456:87654321")
    sent: list[bytes] = []

    def wire(data: bytes) -> bytes:
        sent.extend(f.data for f in FrameReader().feed(data) if f.control == 0x14)
        return bench.meter.receive(data)

    with pytest.raises(MeterRefused):
        converse(bench.driver.set_clock(shift_s_max=60), wire)
    assert sent[0].hex() == "02010004" + "04563412" + "21436587" + "170013"


@pytest.mark.parametrize(("day", "sent"), [(28, "06281126"), (29, "00291126"), (30, "01301126")])
def test_the_weekday_counts_from_sunday(day: int, sent: str) -> None:
    bench = Bench(drift_s=-400_000)
    bench.now = NOW.replace(day=day)
    dates: list[str] = []

    def wire(data: bytes) -> bytes:
        (frame,) = FrameReader().feed(data)
        if frame.control == 0x14 and frame.data[0] == 0x01:
            dates.append(frame.data[12:].hex())
        return bench.meter.receive(data)

    converse(bench.driver.set_clock(shift_s_max=60), wire)
    assert dates == [sent]


def test_a_write_whose_answer_is_lost_is_read_back_not_repeated() -> None:
    bench = Bench(drift_s=1000)
    changed = set_clock(bench, lose=lambda n: n == 3)
    assert (changed.method, bench.meter.writes) == ("set", 1)
    assert bench.meter.clock.drift_s == 0


def test_a_write_that_was_not_heard_is_told_as_silence() -> None:
    bench = Bench(drift_s=1000)

    def deaf(sent: bytes) -> bytes:
        heard = [frame for frame in FrameReader().feed(sent) if frame.control != 0x14]
        return bench.meter.receive(sent) if heard else b""

    with pytest.raises(MeterSilent):
        converse(bench.driver.set_clock(shift_s_max=60), deaf)


@pytest.mark.parametrize("told", [bytes(4), b"\xff" * 4, b"\x01", b"\x05\x28\x13\x26", b"\xab" * 4])
def test_a_clock_that_tells_no_time_is_an_error_of_the_meter(told: bytes) -> None:
    bench = Bench()
    read = bench.meter.values.read
    zero = bytes(3) if not any(told) else None
    bench.meter.values.read = (  # type: ignore[method-assign]
        lambda di, now: told if di == 0x04000101 else zero or read(di, now)
    )
    with pytest.raises(RemoteProtocolError):
        bench.run(bench.driver.clock())

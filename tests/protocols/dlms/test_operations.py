"""What operators do to a meter, over both links: done, read back, and refused where it must be."""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from dlms_bench import KEYS, NOW, RULES, Bench

from hes.fleet.dlms_classes.load import SwitchedLoad
from hes.fleet.dlms_meter import master_key
from hes.fleet.model import Consumption
from protocols.dlms import axdr_encode as ax
from protocols.dlms.acse import Mechanism
from protocols.dlms.classes import activity_calendar, limiter, push_setup, security_setup
from protocols.dlms.classes.activity_calendar import Day, Season, Switch, Week
from protocols.dlms.classes.clock import CLOCK
from protocols.dlms.classes.dates import Date, Moment, Time, decode_moment
from protocols.dlms.classes.disconnect_control import ControlState
from protocols.dlms.classes.security_setup import KeyId, key_transfer
from protocols.dlms.classes.single_action_schedule import ScheduleType, every
from protocols.dlms.classes.special_days import SPECIAL_DAY, SpecialDay
from protocols.dlms.cosem import CLOCK_OBIS, Attribute, DataAccessError, obis_bytes
from protocols.dlms.operations.access import read_field, read_object
from protocols.dlms.operations.calendar import NewCalendar, read_calendar, set_calendar
from protocols.dlms.operations.clock_adjust import adjust_to_nearest, adjust_to_preset, shift_time
from protocols.dlms.operations.diagnosis import diagnose
from protocols.dlms.operations.limiter import LimiterChange, read_limiter, set_limiter
from protocols.dlms.operations.modem_setup import ModemChange, read_modem_setup, set_modem_setup
from protocols.dlms.operations.push import PushChange, push_now, read_push, set_push
from protocols.dlms.operations.relay import read_relay, switch_relay
from protocols.errors import LocalProtocolError, MeterRefused

RELAY = bytes((0, 0, 96, 3, 10, 255))
LIMITER = limiter.USUAL_OBIS
CALENDAR = activity_calendar.USUAL_OBIS
HOLIDAYS = bytes((0, 0, 11, 0, 0, 255))
PUSH, SCHEDULE = bytes((0, 1, 25, 9, 0, 255)), bytes((0, 0, 15, 0, 4, 255))
POWER = Attribute(3, obis_bytes("1.0.1.7.0.255"), 2)


@pytest.fixture(params=["hdlc", "wrapper"])
def bench(request: pytest.FixtureRequest) -> Bench:
    return Bench(request.param).associate()


# -- relay


def test_a_relay_that_is_opened_cuts_the_load(bench: Bench) -> None:
    client = bench.client
    assert bench.run(client.get(POWER)) > 0
    before, after = bench.run(switch_relay(client, RELAY, close=False))
    assert (before.control_state, after.control_state) == (
        ControlState.CONNECTED, ControlState.DISCONNECTED,
    )  # fmt: skip
    assert not after.output_state
    assert bench.run(client.get(POWER)) == 0
    _, after = bench.run(switch_relay(client, RELAY, close=True))
    assert (after.output_state, after.control_state) == (True, ControlState.CONNECTED)
    assert bench.run(client.get(POWER)) > 0


def test_a_relay_that_waits_for_the_customers_hand_says_so(bench: Bench) -> None:
    relay = bench.meter.managed.relay
    relay.change(control_mode=1)
    bench.run(switch_relay(bench.client, RELAY, close=False))
    _, after = bench.run(switch_relay(bench.client, RELAY, close=True))
    assert (after.output_state, after.control_state) == (
        False, ControlState.READY_FOR_RECONNECTION,
    )  # fmt: skip
    relay.close_by_hand(NOW)
    assert bench.run(read_relay(bench.client, RELAY)).output_state


def test_a_relay_that_says_yes_and_does_not_move_is_a_refusal(bench: Bench) -> None:
    bench.meter.managed.relay.stuck = True
    with pytest.raises(MeterRefused, match="stays connected and closed"):
        bench.run(switch_relay(bench.client, RELAY, close=False))


def test_a_relay_that_is_never_opened_refuses(bench: Bench) -> None:
    bench.meter.managed.relay.change(control_mode=0)
    with pytest.raises(MeterRefused, match="read-write-denied"):
        bench.run(switch_relay(bench.client, RELAY, close=False))


def test_a_meter_without_relay_is_told(bench: Bench) -> None:
    with pytest.raises(MeterRefused, match=r"0\.0\.96\.3\.11\.255 \(object-undefined\)"):
        bench.run(read_relay(bench.client, RELAY[:4] + b"\x0b\xff"))


def test_a_public_client_switches_nothing() -> None:
    bench = Bench("wrapper", Mechanism.LOW)
    public = Bench("wrapper", Mechanism.NONE, client=16)
    public.line.answer = bench.meter.receive
    public.associate()
    code = public.run(public.client.action(Attribute(70, RELAY, 1), b"\x0f\x00"))
    assert code == DataAccessError.READ_WRITE_DENIED
    assert bench.meter.managed.relay.values.output_state


def test_energy_stands_still_while_the_relay_is_open() -> None:
    customer = Consumption.of("a")
    load, rng = SwitchedLoad(customer), random.Random(4)
    at = datetime(2026, 3, 1, tzinfo=UTC)
    before = load.energy_wh(at)
    for number in range(8):
        load.switch(closed=number % 2 == 1, now=at)
        stands = load.energy_wh(at)
        at += timedelta(seconds=rng.uniform(60, 90_000))
        if number % 2 == 0:
            assert load.energy_wh(at) == stands
            assert load.power_w(at) == 0
            assert load.currents_a(at) == (0, 0, 0)
        assert sum(load.rate_energy_wh(at)) == load.energy_wh(at) >= before
        before = load.energy_wh(at)
    assert load.energy_wh(datetime(2026, 2, 1, tzinfo=UTC)) == customer.energy_wh(
        datetime(2026, 2, 1, tzinfo=UTC)
    )


# -- limiter


def test_a_limiter_is_read_in_the_unit_of_what_it_watches(bench: Bench) -> None:
    read = bench.run(read_limiter(bench.client, LIMITER))
    assert read.limiter.threshold_normal == 11_000
    assert (read.scale.scaler, read.scale.unit) == (0, 27)


def test_a_limiter_is_set_and_read_back(bench: Bench) -> None:
    change = LimiterChange(threshold_normal=Decimal("5e3"), min_over_s=30)
    read = bench.run(set_limiter(bench.client, LIMITER, change))
    found = read.limiter
    assert (found.threshold_normal, found.threshold_active) == (5000, 5000)
    assert (found.min_over_s, found.min_under_s, found.threshold_emergency) == (30, 60, 3000)


@pytest.mark.parametrize("wanted", ["0.5", "NaN", "Infinity", "1e30"])
def test_a_threshold_that_no_meter_has_is_not_sent(bench: Bench, wanted: str) -> None:
    change = LimiterChange(threshold_normal=Decimal(wanted))
    with pytest.raises(LocalProtocolError):
        bench.run(set_limiter(bench.client, LIMITER, change))


def test_the_type_of_a_threshold_is_found_by_trying(bench: Bench) -> None:
    managed = bench.meter.managed.find(Attribute(71, LIMITER, 2))
    assert managed is not None
    write, tried = managed.write, []

    def picky(index: int, value: Any, now: datetime) -> int:
        tried.append(value)
        return DataAccessError.TYPE_UNMATCHED if len(tried) < 3 else write(index, value, now)

    managed.write = picky  # type: ignore[method-assign]
    change = LimiterChange(threshold_normal=Decimal(5000))
    read = bench.run(set_limiter(bench.client, LIMITER, change))
    assert read.limiter.threshold_normal == 5000
    assert tried == [5000] * 3


# -- calendar


DAYS = (
    Day(1, (Switch(Time(0, 0, 0, 0), bytes((0, 0, 10, 0, 100, 255)), 1),)),
    Day(2, (Switch(Time(0, 0, 0, 0), bytes((0, 0, 10, 0, 100, 255)), 3),)),
)
NEW = NewCalendar(
    name=b"2027",
    seasons=(Season(b"Y", Moment(Date(None, 1, 1), Time(0, 0, 0, 0)), b"W"),),
    weeks=(Week(b"W", 1, 1, 1, 1, 1, 1, 2),),
    days=DAYS,
    special_days=(SpecialDay(0, Date(None, 9, 2), 2),),
)


def test_a_calendar_takes_over_at_once(bench: Bench) -> None:
    read = bench.run(set_calendar(bench.client, CALENDAR, HOLIDAYS, NEW))
    found = read.calendar
    assert (found.name_active, found.weeks_active, found.days_active) == (b"2027", NEW.weeks, DAYS)
    assert found.seasons_active == NEW.seasons
    assert read.special_days == NEW.special_days


def test_a_calendar_takes_over_at_its_time(bench: Bench) -> None:
    at = decode_moment(RULES.encode(NOW + timedelta(hours=1)))
    new = NewCalendar(
        name=b"later", seasons=NEW.seasons, weeks=NEW.weeks, days=DAYS, activate_at=at
    )
    read = bench.run(set_calendar(bench.client, CALENDAR, HOLIDAYS, new))
    assert (read.calendar.name_active, read.calendar.name_passive) == (b"SIM2024", b"later")
    assert read.calendar.activate_passive_at.date == at.date
    assert read.special_days == ()
    bench.meter.clock.drift_s = 3601
    read = bench.run(read_calendar(bench.client, CALENDAR, HOLIDAYS))
    assert read.calendar.name_active == b"later"


def test_a_calendar_that_reads_back_otherwise_stays_where_it_is(bench: Bench) -> None:
    calendar = bench.meter.managed.calendar
    write = calendar.write

    def forgetful(index: int, value: Any, now: datetime) -> int:
        return 0 if index == 8 else write(index, value, now)

    calendar.write = forgetful  # type: ignore[method-assign]
    with pytest.raises(MeterRefused, match="reads back another weeks_passive"):
        bench.run(set_calendar(bench.client, CALENDAR, HOLIDAYS, NEW))
    assert calendar.values.name_active == b"SIM2024"


def test_a_meter_without_special_days_has_a_calendar_all_the_same(bench: Bench) -> None:
    del bench.meter.managed._all[11, HOLIDAYS]
    assert bench.run(read_calendar(bench.client, CALENDAR, HOLIDAYS)).special_days is None


def test_special_days_come_and_go_one_by_one(bench: Bench) -> None:
    for number, day in ((2, 1), (1, 2), (2, 5)):
        entry = SPECIAL_DAY.encode(SpecialDay(number, Date(2026, 9, number), day))
        assert bench.run(bench.client.action(Attribute(11, HOLIDAYS, 1), entry)) == 0
    assert bench.run(bench.client.action(Attribute(11, HOLIDAYS, 2), ax.u16(1))) == 0
    (left,) = bench.meter.managed.special_days.values.entries
    assert (left.number, left.day_id) == (2, 5)


# -- push


def test_a_push_setup_is_read_and_set(bench: Bench) -> None:
    read = bench.run(read_push(bench.client, PUSH, SCHEDULE))
    assert read.schedule is not None
    assert len(read.schedule.times) == 48
    change = PushChange(address=b"10.0.0.1:4060", retries=5, times=every(3600))
    read = bench.run(set_push(bench.client, PUSH, SCHEDULE, change))
    assert read.setup.destination == push_setup.Destination(0, b"10.0.0.1:4060", 0)
    assert (read.setup.retries, read.setup.retry_delay_s) == (5, 60)
    assert read.schedule is not None
    assert len(read.schedule.times) == 24
    once = bench.run(set_push(bench.client, PUSH, SCHEDULE, PushChange(times=every(86_400))))
    assert once.schedule is not None
    assert once.schedule.type is ScheduleType.ONE_OPEN


def test_a_push_is_made_at_once_and_a_schedule_may_be_missing(bench: Bench) -> None:
    bench.run(push_now(bench.client, PUSH))
    assert bench.meter.managed.push.pushed == 1
    assert bench.run(read_push(bench.client, PUSH, SCHEDULE[:4] + b"\x09\xff")).schedule is None
    with pytest.raises(MeterRefused):
        bench.run(push_now(bench.client, SCHEDULE))


# -- the modem


def test_a_modems_settings_are_read_without_its_pin_and_set_one_by_one(bench: Bench) -> None:
    gprs = bench.meter.managed.find(Attribute(45, bytes((0, 0, 25, 4, 0, 255)), 2))
    assert gprs is not None
    gprs.change(pin=4711)
    read = bench.run(read_modem_setup(bench.client))
    assert read.gprs is not None
    assert (read.gprs.apn, read.gprs.pin) == ("v-internet", None)
    after = bench.run(set_modem_setup(bench.client, ModemChange(apn="m-wap", inactivity_s=300)))
    assert after.gprs is not None
    assert after.tcp is not None
    assert (after.gprs.apn, after.tcp.inactivity_s, after.tcp.port) == ("m-wap", 300, 4059)
    there = ("10.0.0.1:4059", "10.0.0.2:4059")
    after = bench.run(set_modem_setup(bench.client, ModemChange(destinations=there, mode=102)))
    assert after.connect is not None
    assert (after.connect.destinations, after.connect.mode) == (there, 102)


def test_access_point_and_destination_are_never_changed_at_once(bench: Bench) -> None:
    with pytest.raises(LocalProtocolError):
        bench.run(set_modem_setup(bench.client, ModemChange(apn="x", destinations=("h:1",))))


def test_what_reads_back_otherwise_is_taken_back(bench: Bench) -> None:
    connect = bench.meter.managed.find(Attribute(29, bytes((0, 0, 2, 1, 0, 255)), 2))
    assert connect is not None
    write = connect.write

    def cut_short(index: int, value: Any, now: datetime) -> int:
        return write(index, value[:1], now)

    before = connect.values.destinations
    connect.write = cut_short  # type: ignore[method-assign]
    with pytest.raises(MeterRefused, match=r"is back"):
        bench.run(set_modem_setup(bench.client, ModemChange(destinations=("a:1", "b:1"))))
    assert connect.values.destinations == before


def test_a_meter_without_modem_is_told(bench: Bench) -> None:
    for number in (29, 41, 45):
        found = [key for key in bench.meter.managed._all if key[0] == number]
        del bench.meter.managed._all[found[0]]
    with pytest.raises(MeterRefused, match="no settings of a modem"):
        bench.run(read_modem_setup(bench.client))


# -- looking into it


def test_a_diagnosis_tells_what_there_is(bench: Bench) -> None:
    found = bench.run(diagnose(bench.client))
    assert found.gsm is not None
    assert (found.gsm.operator, found.gsm.registration) == ("SIM-NET", 1)
    assert found.gsm.captured_at is not None
    assert found.clock is not None
    assert found.clock.time_zone_min == -420
    assert found.security is not None
    assert found.security.policy == 0
    assert (found.firmware, found.refused) == ("SIM 1.0", {})


def test_a_part_that_is_missing_or_nonsense_costs_that_part(bench: Bench) -> None:
    managed = bench.meter.managed._all
    del managed[64, security_setup.USUAL_OBIS]
    gsm = next(found for (number, _), found in managed.items() if number == 47)
    gsm.read = lambda _index, _now: ax.u8(9)  # type: ignore[method-assign]
    found = bench.run(diagnose(bench.client))
    assert found.clock is not None
    assert sorted(found.refused) == ["gsm", "security"]
    assert "9 where a text belongs" in found.refused["gsm"]


# -- the clock


def test_a_clock_is_shifted_and_preset(bench: Bench) -> None:
    bench.meter.clock.drift_s = 40.0
    bench.run(shift_time(bench.client, -40))
    assert bench.meter.clock.now() == NOW
    bench.meter.clock.drift_s = 200.0
    bench.run(adjust_to_preset(bench.client, NOW + timedelta(seconds=1), RULES))
    assert bench.meter.clock.now() == NOW + timedelta(seconds=1)
    with pytest.raises(MeterRefused):  # so far off that the time is not valid
        bench.run(adjust_to_preset(bench.client, NOW + timedelta(seconds=400), RULES))


@pytest.mark.parametrize(
    ("way", "drift_s", "expected"),
    [
        ("minute", 20, NOW),
        ("minute", -20, NOW),
        ("quarter", 200, NOW + timedelta(minutes=5)),
        ("period", 200, NOW - timedelta(minutes=10)),
    ],
)
def test_a_clock_goes_to_the_nearest_whole_unit(
    bench: Bench, way: str, drift_s: float, expected: datetime
) -> None:
    # It is 06:40: ten minutes past a period, five before a quarter.
    bench.meter.clock.drift_s = drift_s
    bench.run(adjust_to_nearest(bench.client, way))
    assert bench.meter.clock.now() == expected


# -- keys


def test_new_keys_count_from_the_next_association_on() -> None:
    bench = Bench("wrapper", Mechanism.GMAC).associate()
    fresh = bytes(range(100, 116))
    parameter = key_transfer({KeyId.GLOBAL_UNICAST: fresh}, master_key("20001234"))
    name = Attribute(64, security_setup.USUAL_OBIS, security_setup.KEY_TRANSFER)
    assert bench.run(bench.client.action(name, parameter)) == 0
    setup = bench.run(
        read_object(bench.client, security_setup.SECURITY_SETUP, security_setup.USUAL_OBIS)
    )
    assert (setup.policy, setup.suite, setup.server_title) == (3, 0, bench.meter.identity.title)
    bench.run(bench.client.release())
    again = Bench("wrapper", Mechanism.GMAC, keys=type(KEYS)(fresh, KEYS.authentication))
    again.counters = bench.counters
    again.line.answer = bench.meter.receive
    again.associate()
    assert again.run(read_field(again.client, CLOCK, CLOCK_OBIS, "time_zone_min")) == -420


def test_a_key_that_another_wrapped_is_refused() -> None:
    bench = Bench("wrapper", Mechanism.GMAC).associate()
    parameter = key_transfer({KeyId.GLOBAL_UNICAST: bytes(16)}, bytes(16))
    name = Attribute(64, security_setup.USUAL_OBIS, security_setup.KEY_TRANSFER)
    assert bench.run(bench.client.action(name, parameter)) == DataAccessError.READ_WRITE_DENIED

"""What operators do to a meter, through a whole node in memory: answers, and facts in the log."""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from actor_bench import Bench, device
from controlled_meter import WHO, WHY, controlled
from trio.testing import MockClock

from actors.meter_messages import Perform
from hes import control
from hes.commands import CommandFailed, ReadRegisters
from hes.control import ModemSetupAnswer
from hes.events.command import CommandFinished, CommandRequested
from hes.events.meter_clock import ClockSet
from hes.events.meter_control import MeterConfigured, RelaySwitched
from hes.events.reading import ReadFailed
from hes.tariff_calendar import Holiday, TariffCalendar

POWER = "1.0.1.7.0.255"
PUSH: dict[str, Any] = {"push": "0.1.25.9.0.255", "schedule": "0.0.15.0.4.255"}


@pytest.fixture(params=[False, True], ids=["plain", "secured"])
def secured(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


async def test_a_relay_is_opened_and_closed_and_the_log_says_who_and_why(
    autojump_clock: MockClock, secured: bool
) -> None:
    async with controlled(secured=secured) as c:
        before = await c.ask(control.ReadRelay(**WHO))
        assert (before.closed, before.state) == (True, "connected")
        answer = await c.ask(control.SwitchRelay(**WHY, close=False))
        assert (answer.closed, answer.state, answer.state_before) == (
            False, "disconnected", "connected",
        )  # fmt: skip
        assert not c.meter.managed.relay.values.output_state
        read = await c.ask(ReadRegisters(meter=WHO["meter"], obis=(POWER,)))
        assert read.reading.values == (0,)
        await c.ask(control.SwitchRelay(**WHY, close=True))
        opened, closed = c.bench.of_meter(RelaySwitched)
        assert (opened.closed, opened.actor, opened.reason) == (False, "ann", "unpaid bill")
        assert (closed.closed, closed.state) == (True, "connected")
        requested, finished = c.last_command()
        assert (requested.command, requested.reason) == ("relay-connect", "unpaid bill")
        assert (finished.ok, finished.detail) == (True, "connected")


async def test_a_relay_that_does_not_move_is_a_failed_command_and_no_missing_reading(
    autojump_clock: MockClock,
) -> None:
    async with controlled() as c:
        c.meter.managed.relay.stuck = True
        why = await c.refused(control.SwitchRelay(**WHY, close=False))
        assert "the relay stays connected" in why
        assert c.bench.of_meter(RelaySwitched) == []
        assert c.bench.of_meter(ReadFailed) == []
        _, finished = c.last_command()
        assert not finished.ok
        assert finished.detail.startswith("refused: the relay stays")


async def test_a_limiter_is_set_with_before_and_after_in_the_log(
    autojump_clock: MockClock, secured: bool
) -> None:
    async with controlled(secured=secured) as c:
        answer = await c.ask(control.ReadLimiter(**WHO))
        assert (answer.threshold_normal, answer.unit, answer.watched) == ("11000", "W", POWER)
        command = control.SetLimiter(**WHY, threshold_normal=Decimal(4000), min_over_s=90)
        answer = await c.ask(command)
        assert (answer.threshold_active, answer.min_over_s) == ("4000", 90)
        (configured,) = c.bench.of_meter(MeterConfigured)
        assert (configured.what, configured.reason) == ("limiter", "unpaid bill")
        before, after = json.loads(configured.before), json.loads(configured.after)
        assert (before["threshold_normal"], after["threshold_normal"]) == ("11000", "4000")
        requested, finished = c.last_command()
        assert json.loads(requested.argument) == {"threshold_normal": "4000", "min_over_s": 90}
        assert finished.detail == "changed"


async def test_a_calendar_comes_back_as_it_was_given(
    autojump_clock: MockClock, secured: bool
) -> None:
    async with controlled(secured=secured) as c:
        answer = await c.ask(control.ReadCalendar(**WHO))
        assert answer.calendar.name == "SIM2024"
        assert [s.at for s in answer.calendar.days[0].switches] == [
            "00:00", "06:00", "17:30", "22:30",
        ]  # fmt: skip
        new: TariffCalendar = msgspec.structs.replace(
            answer.calendar, name="2027", holidays=(Holiday("*-09-02", 1),)
        )
        answer = await c.ask(control.SetCalendar(**WHY, calendar=new))
        assert answer.calendar == new
        (configured,) = c.bench.of_meter(MeterConfigured)
        assert configured.what == "calendar"
        assert configured.before != configured.after
        assert (await c.ask(control.ReadCalendar(**WHO))).calendar == new


async def test_a_calendar_that_waits_is_told(autojump_clock: MockClock) -> None:
    async with controlled() as c:
        calendar = (await c.ask(control.ReadCalendar(**WHO))).calendar
        at = datetime(2031, 1, 1, tzinfo=UTC)
        later = msgspec.structs.replace(calendar, name="2031", activate_at=at)
        answer = await c.ask(control.SetCalendar(**WHY, calendar=later))
        assert answer.calendar.name == "SIM2024"
        assert (answer.waiting, answer.waiting_until) == ("2031", "2031-01-01/3 07:00")


async def test_a_calendar_with_loose_ends_never_leaves_the_node(autojump_clock: MockClock) -> None:
    async with controlled() as c:
        calendar = (await c.ask(control.ReadCalendar(**WHO))).calendar
        asked = c.asked
        loose = msgspec.structs.replace(calendar, weeks=())
        assert "a season, a week and a day" in await c.refused(
            control.SetCalendar(**WHY, calendar=loose)
        )
        assert c.asked == asked


async def test_pushes_are_set_and_made(autojump_clock: MockClock, secured: bool) -> None:
    async with controlled(secured=secured) as c:
        answer = await c.ask(control.ReadPushSetup(**WHO, **PUSH))
        assert answer.objects == ("8/0.0.1.0.0.255/2", "3/1.0.1.8.0.255/2")
        assert len(answer.times) == 48
        command = control.SetPushSetup(**WHY, **PUSH, every_s=3600, address="10.0.0.1:4059")
        answer = await c.ask(command)
        assert (answer.address, answer.transport) == ("10.0.0.1:4059", "tcp")
        assert answer.times[1] == "01:00:00"
        assert (await c.ask(control.PushNow(**WHO, push=PUSH["push"]))).pushed
        assert c.meter.managed.push.pushed == 1


async def test_the_modem_in_a_meter_is_set_up(autojump_clock: MockClock, secured: bool) -> None:
    async with controlled(secured=secured) as c:
        answer: ModemSetupAnswer = await c.ask(control.ReadModemSetup(**WHO))
        assert (answer.apn, answer.mode, answer.mode_name) == ("v-internet", 101, "permanent")
        answer = await c.ask(control.SetModemSetup(**WHY, destinations=("10.0.0.9:4059",)))
        assert answer.destinations == ("10.0.0.9:4059",)
        assert answer.apn == "v-internet"
        (configured,) = c.bench.of_meter(MeterConfigured)
        assert json.loads(configured.before)["destinations"] == ["198.51.100.1:4059"]
        both = control.SetModemSetup(**WHY, apn="x", destinations=("h:1",))
        assert "never the access point and the destination at once" in await c.refused(both)


async def test_a_diagnosis_is_told_in_words(autojump_clock: MockClock, secured: bool) -> None:
    async with controlled(secured=secured) as c:
        answer = await c.ask(control.Diagnose(**WHO))
        assert (answer.operator, answer.registration, answer.packet_service) == (
            "SIM-NET", "home", "lte",
        )  # fmt: skip
        assert (answer.signal_dbm, answer.firmware) == (-75, "SIM 1.0")
        assert answer.security_policy == (("authenticated", "encrypted") if secured else ())
        assert answer.time_zone_min == -420


# -- the clock


QUIET = datetime(2026, 3, 2, 9, 10, 20, tzinfo=UTC)


@pytest.mark.parametrize("way", ["shift", "preset", "minute"])
async def test_a_clock_is_put_right_by_its_own_methods(autojump_clock: MockClock, way: str) -> None:
    async with controlled(start=QUIET, drift_s=12.0) as c:
        answer = await c.ask(control.AdjustClock(**WHY, way=way))
        assert abs(answer.drift_s) < 0.1
        (change,) = c.bench.of_meter(ClockSet)
        assert (change.drift_before_s, change.method) == (12.0, way)
        requested, finished = c.last_command()
        assert (requested.command, requested.argument, requested.reason) == (
            "clock-adjust", way, "unpaid bill",
        )  # fmt: skip
        assert finished.ok


async def test_a_quarter_is_waited_for_up_to_a_minute(autojump_clock: MockClock) -> None:
    near = datetime(2026, 3, 2, 9, 14, 30, tzinfo=UTC)
    async with controlled(start=near, drift_s=-5.0) as c:
        answer = await c.ask(control.AdjustClock(**WHY, way="quarter"))
        assert abs(answer.drift_s) < 0.1


async def test_a_quarter_that_is_far_is_not_waited_for(autojump_clock: MockClock) -> None:
    async with controlled(start=QUIET, drift_s=-5.0) as c:
        why = await c.refused(control.AdjustClock(**WHY, way="quarter"))
        assert why == "not done: it is 280 s to the next quarter; ask within the last minute"
        assert c.meter.clock.drift_s == -5.0


async def test_a_clock_is_not_moved_near_the_end_of_an_interval(autojump_clock: MockClock) -> None:
    async with controlled(start=QUIET + timedelta(minutes=19), drift_s=-5.0) as c:
        for way in ("shift", "preset", "minute"):
            why = await c.refused(control.AdjustClock(**WHY, way=way))
            assert "an interval ends too near; ask again in" in why
        assert c.meter.clock.drift_s == -5.0


# -- who cannot


async def test_meters_of_other_protocols_are_told_in_a_sentence(autojump_clock: MockClock) -> None:
    listed = device(protocol="dlt645-2007", framing="", address="1")
    async with Bench([listed]).run() as bench:
        await bench.call_in()
        with pytest.raises(CommandFailed, match="only DLMS meters can be switched"):
            await bench.meter().ask(Perform(control.ReadRelay(**WHO), 60), 61)
        assert not bench.of_meter(CommandFinished)[-1].ok
        assert bench.of_meter(CommandRequested)[-1].command == "relay-state"
        assert bench.crashes() == {}

"""Switch a meter, set something in it, look into it. What changes it says why."""

from decimal import Decimal
from typing import Annotated, Any, Final, Literal

import msgspec

from hes import control, obis
from hes.ids import MeterId
from hes.tariff_calendar import TariffCalendar, check
from web.api.commands import Wait, execute, reason_of
from web.endpoint import Call, post
from web.errors import ApiError

PUSH: Final = "0.1.25.9.0.255"
"""The usual push of each interval."""
SCHEDULE: Final = "0.0.15.0.4.255"
DAY_S: Final = 86_400
Interval = Annotated[int, msgspec.Meta(ge=60, le=DAY_S)]
U8 = Annotated[int, msgspec.Meta(ge=0, le=0xFF)]
U16 = Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)]
U32 = Annotated[int, msgspec.Meta(ge=0, le=0xFFFF_FFFF)]
Host = Annotated[str, msgspec.Meta(pattern=r"^[!-~]{1,128}$")]


class Body(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What every such body may say."""

    reason: str = ""
    """Why; asked for where the meter is changed."""
    timeout_s: Wait | None = None


class RelayBody(Body, forbid_unknown_fields=True, kw_only=True):
    """Look at the relay, or switch it."""

    action: Literal["state", "connect", "disconnect"] = "state"
    confirm: bool = False
    """Asked for with ``disconnect``: it leaves a customer without supply."""


class LimiterBody(Body, forbid_unknown_fields=True, kw_only=True):
    """Read the limiter, or set what is given."""

    threshold_normal: Decimal | None = None
    threshold_emergency: Decimal | None = None
    min_over_s: U32 | None = None
    min_under_s: U32 | None = None


class CalendarBody(Body, forbid_unknown_fields=True, kw_only=True):
    """Read the tariff calendar, or give the meter another."""

    calendar: TariffCalendar | None = None


class PushSetupBody(Body, forbid_unknown_fields=True, kw_only=True):
    """Read what the meter pushes, set what is given, or let it push now."""

    push: str = PUSH
    schedule: str = SCHEDULE
    now: bool = False
    address: Host | None = None
    every_s: Interval | None = None
    randomisation_s: U16 | None = None
    retries: U8 | None = None
    retry_delay_s: U16 | None = None


class ModemSetupBody(Body, forbid_unknown_fields=True, kw_only=True):
    """Read how the modem in the meter gets into the network, or set what is given."""

    apn: Host | None = None
    destinations: Annotated[list[Host], msgspec.Meta(min_length=1, max_length=8)] | None = None
    mode: U8 | None = None
    port: U16 | None = None
    inactivity_s: U16 | None = None


class FreezeBody(Body, forbid_unknown_fields=True, kw_only=True):
    """When values are to be kept, by the clock of the meter."""

    how: Literal["now", "hourly", "daily", "monthly"] = "now"
    day: Annotated[int, msgspec.Meta(ge=1, le=28)] = 1
    hour: Annotated[int, msgspec.Meta(ge=0, le=23)] = 0
    minute: Annotated[int, msgspec.Meta(ge=0, le=59)] = 0
    everybody: bool = False
    """All meters on its line, none of which answers then."""


class DiagnoseBody(msgspec.Struct, forbid_unknown_fields=True):
    """Nothing but a limit of time."""

    timeout_s: Wait | None = None


def _who(call: Call) -> dict[str, Any]:
    return {"meter": MeterId(call.path("meter_id")), "actor": call.actor}


def _why(call: Call, body: Body) -> dict[str, Any]:
    return _who(call) | {"reason": reason_of(body.reason)}


def _given(body: Body, *names: str) -> dict[str, Any]:
    """Return the settings that the body gives a value."""
    return {name: value for name in names if (value := getattr(body, name)) is not None}


async def relay(call: Call) -> Any:
    """Look at the relay, or switch it."""
    body = await call.body(RelayBody)
    if body.action == "state":
        return await execute(call, control.ReadRelay(**_who(call)), body.timeout_s)
    close = body.action == "connect"
    if not close and not body.confirm:
        raise ApiError(
            422, 'a disconnection leaves a customer without supply; repeat it with "confirm": true'
        )
    command = control.SwitchRelay(**_why(call, body), close=close)
    return await execute(call, command, body.timeout_s)


async def limiter(call: Call) -> Any:
    """Read or set the limiter."""
    body = await call.body(LimiterBody)
    given = _given(body, "threshold_normal", "threshold_emergency", "min_over_s", "min_under_s")
    if not given:
        return await execute(call, control.ReadLimiter(**_who(call)), body.timeout_s)
    command = control.SetLimiter(**_why(call, body), **given)
    return await execute(call, command, body.timeout_s)


async def calendar(call: Call) -> Any:
    """Read or replace the tariff calendar."""
    body = await call.body(CalendarBody)
    if body.calendar is None:
        return await execute(call, control.ReadCalendar(**_who(call)), body.timeout_s)
    try:
        check(body.calendar)
    except ValueError as problem:
        raise ApiError(422, f"the calendar cannot be used: {problem}") from None
    command = control.SetCalendar(**_why(call, body), calendar=body.calendar)
    return await execute(call, command, body.timeout_s)


async def push_setup(call: Call) -> Any:
    """Read or set what the meter pushes, or let it push now."""
    body = await call.body(PushSetupBody)
    try:
        push, schedule = obis.parse(body.push), obis.parse(body.schedule)
    except ValueError as problem:
        raise ApiError(422, str(problem)) from None
    where: dict[str, Any] = {"push": push, "schedule": schedule}
    names = ("address", "every_s", "randomisation_s", "retries", "retry_delay_s")
    given = _given(body, *names)
    if body.now and given:
        raise ApiError(422, "set something, or push now, not both at once")
    if body.now:
        now = control.PushNow(**_who(call), push=where["push"])
        return await execute(call, now, body.timeout_s)
    if not given:
        look = control.ReadPushSetup(**_who(call), **where)
        return await execute(call, look, body.timeout_s)
    command = control.SetPushSetup(**_why(call, body), **where, **given)
    return await execute(call, command, body.timeout_s)


async def modem_setup(call: Call) -> Any:
    """Read or set how the modem in the meter gets into the network."""
    body = await call.body(ModemSetupBody)
    given = _given(body, "apn", "destinations", "mode", "port", "inactivity_s")
    if not given:
        return await execute(call, control.ReadModemSetup(**_who(call)), body.timeout_s)
    if {"apn", "destinations"} <= given.keys():
        raise ApiError(
            422, "never the access point and the destination at once: a mistake in either would"
            " leave nobody to take it back from"
        )  # fmt: skip
    if body.destinations is not None:
        given["destinations"] = tuple(body.destinations)
    command = control.SetModemSetup(**_why(call, body), **given)
    return await execute(call, command, body.timeout_s)


async def diagnose(call: Call) -> Any:
    """Ask the meter for network, signal, clock status and protection."""
    body = await call.body(DiagnoseBody)
    return await execute(call, control.Diagnose(**_who(call)), body.timeout_s)


async def logical_devices(call: Call) -> Any:
    """Ask the meter which logical devices stand behind its address."""
    body = await call.body(DiagnoseBody)
    return await execute(call, control.ReadLogicalDevices(**_who(call)), body.timeout_s)


async def freeze(call: Call) -> Any:
    """Have the meter keep its values."""
    body = await call.body(FreezeBody)
    given = _given(body, "how", "day", "hour", "minute", "everybody")
    return await execute(call, control.Freeze(**_why(call, body), **given), body.timeout_s)


def _about(name: str, handler: Any, summary: str, answer: Any, body: Any) -> Any:
    path = f"/api/v1/meters/{{meter_id}}/{name}"
    return post(path, handler, summary, answer, body=body, errors=(404, 409, 422, 502, 504))


routes = (
    _about("relay", relay, "Look at the meter's relay, or switch it", control.RelayAnswer,
           RelayBody),
    _about("limiter", limiter, "Read the meter's limiter, or set it", control.LimiterAnswer,
           LimiterBody),
    _about("calendar", calendar, "Read the meter's tariff calendar, or replace it",
           control.CalendarAnswer, CalendarBody),
    _about("push-setup", push_setup, "Read or set what the meter pushes, or let it push now",
           (control.PushSetupAnswer, control.PushedAnswer), PushSetupBody),
    _about("modem-setup", modem_setup, "Read or set the modem in the meter",
           control.ModemSetupAnswer, ModemSetupBody),
    _about("diagnose", diagnose, "Look into network, clock and protection of the meter",
           control.DiagnosisAnswer, DiagnoseBody),
    _about("logical-devices", logical_devices, "Which logical devices stand behind the address",
           control.LogicalDevicesAnswer, DiagnoseBody),
    _about("freeze", freeze, "Have a meter of DL/T 645-2007 keep its values",
           control.FreezeAnswer, FreezeBody),
)  # fmt: skip

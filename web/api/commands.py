"""Ask a meter now: its registers, a profile, its clock."""

from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec

from hes.commands import (
    CheckClock,
    ClockAnswer,
    Command,
    ProfileAnswer,
    ReadProfile,
    ReadRegisters,
    RegisterAnswer,
)
from hes.control import AdjustClock
from hes.ids import MeterId
from web import shapes
from web.api.readings import profile_name
from web.endpoint import Call, post
from web.errors import ApiError
from web.forms import profile_rows, reading_rows
from web.query import full_codes

WAIT_S_MAX: Final = 900.0
REASON_MAX: Final = 300
Wait = Annotated[float, msgspec.Meta(gt=0, le=WAIT_S_MAX)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]


class ReadBody(msgspec.Struct, forbid_unknown_fields=True, rename={"start": "from", "end": "to"}):
    """Registers (none: the usual ones), or a profile between two times."""

    obis: list[str] | None = None
    profile: str | None = None
    start: Moment | None = None
    end: Moment | None = None
    timeout_s: Wait | None = None


class ClockBody(msgspec.Struct, forbid_unknown_fields=True):
    """Check the clock; with ``set``, correct it as well; with ``adjust``, by that method of it."""

    set: bool = False
    adjust: Literal["quarter", "period", "minute", "preset", "shift"] | None = None
    reason: str = ""
    """Why; asked for with ``adjust``."""
    timeout_s: Wait | None = None


async def read(call: Call) -> Any:
    """Read registers or a profile."""
    body = await call.body(ReadBody)
    command = _profile_command(call, body) if body.profile else _register_command(call, body)
    answer = await execute(call, command, body.timeout_s)
    if isinstance(answer, ProfileAnswer):
        return {
            "meter_id": command.meter,
            "profile": body.profile,
            "intervals": profile_rows(answer.blocks),
        }
    if not isinstance(answer, RegisterAnswer):
        raise TypeError(f"the answer to {command} is {answer}")
    event = answer.reading
    return {
        "meter_id": command.meter,
        "time": event.device_time or event.received_at,
        "received_at": event.received_at,
        "readings": reading_rows(event),
        "refused": answer.refused,
    }


async def clock(call: Call) -> Any:
    """Check the meter's clock, and set it if that was asked for."""
    body = await call.body(ClockBody)
    meter = MeterId(call.path("meter_id"))
    command: Command = CheckClock(meter=meter, set=body.set, actor=call.actor)
    if body.adjust is not None:
        why = reason_of(body.reason)
        command = AdjustClock(meter=meter, way=body.adjust, actor=call.actor, reason=why)
    answer = await execute(call, command, body.timeout_s)
    if not isinstance(answer, ClockAnswer):
        raise TypeError(f"the answer to a question for the clock is {answer}")
    changed = answer.changed
    return {
        "meter_id": meter,
        "meter_time": answer.meter_time,
        "drift_s": answer.drift_s,
        "uncertainty_s": answer.uncertainty_s,
        "changed": changed
        and {
            "before": changed.before,
            "after": changed.after,
            "drift_before_s": changed.drift_before_s,
            "drift_after_s": changed.drift_after_s,
            "method": changed.method,
        },
    }


def _register_command(call: Call, body: ReadBody) -> ReadRegisters:
    if body.start is not None or body.end is not None:
        raise ApiError(422, 'from and to go with a profile: add "profile": "load"')
    return ReadRegisters(
        meter=MeterId(call.path("meter_id")),
        obis=tuple(full_codes(body.obis or [], 422)),
        actor=call.actor,
    )


def _profile_command(call: Call, body: ReadBody) -> ReadProfile:
    if body.obis is not None:
        raise ApiError(422, "ask for either obis or a profile, not both at once")
    if body.start is None or body.end is None:
        raise ApiError(422, "a profile needs from and to, times with offset")
    if body.start > body.end:
        raise ApiError(
            422, f"from {body.start.isoformat()} is later than to {body.end.isoformat()}"
        )
    return ReadProfile(
        meter=MeterId(call.path("meter_id")),
        profile=profile_name(body.profile or "", 422),
        start=body.start,
        end=body.end,
        actor=call.actor,
    )


def reason_of(written: str) -> str:
    """Return why a meter is changed.

    Raises:
        ApiError: 422, it was not told.

    """
    if not written.strip() or len(written) > REASON_MAX:
        raise ApiError(
            422, f"say why in reason, 1 to {REASON_MAX} characters; it stands in the log for ever"
        )
    return written.strip()


async def execute(call: Call, command: Command, timeout_s: float | None) -> Any:
    """Let the meter's actor carry out a command; return its answer."""
    timeout_s = timeout_s or call.web.options.command_s
    return await call.web.node.commander.execute(command, timeout_s=timeout_s)


routes = (
    post(
        "/api/v1/meters/{meter_id}/read",
        read,
        "Read registers or a profile from the meter now",
        (shapes.ReadAnswer, shapes.ProfileAnswer),
        body=ReadBody,
        errors=(404, 409, 422, 502, 504),
    ),
    post(
        "/api/v1/meters/{meter_id}/clock",
        clock,
        "Check the meter's clock, set it, or put it right by one of its own methods",
        shapes.ClockAnswer,
        body=ClockBody,
        errors=(404, 409, 422, 502, 504),
    ),
)

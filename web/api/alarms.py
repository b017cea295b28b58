"""Alarms: what is wrong, and who has seen it."""

from typing import Annotated, Any

import msgspec

from web.endpoint import Call, get, post
from web.errors import ApiError
from web.query import flag, integer
from web.shapes import AlarmRow, Alarms


class AcknowledgeBody(msgspec.Struct, forbid_unknown_fields=True):
    """What the operator has to say."""

    note: Annotated[str, msgspec.Meta(max_length=500)] = ""


async def alarms(call: Call) -> Any:
    """Answer alarms, the newest first."""
    rows = await call.read(
        call.web.node.read_model.alarms, open_only=call.query["open"], limit=call.query["limit"]
    )
    return {"alarms": rows}


async def acknowledge(call: Call) -> Any:
    """Record that somebody has seen the alarm; answer it as it is then."""
    alarm_id = call.number("alarm_id")
    body = await call.body(AcknowledgeBody)
    model = call.web.node.read_model
    row = await call.read_soon("the acknowledgement", model.alarm, alarm_id)
    if row is None:
        raise ApiError(404, f"no alarm {alarm_id}", code="unknown-alarm")
    at = await call.web.node.acknowledge(alarm_id, actor=call.actor, note=body.note)
    # The read model follows in a moment; the answer says already what it will say.
    return msgspec.to_builtins(row) | {"acknowledged_at": at, "acknowledged_by": call.actor}


routes = (
    get(
        "/api/v1/alarms",
        alarms,
        "Alarms, the newest first",
        Alarms,
        query=(flag("open", "only those not cleared"), integer("limit", "alarms", 500, 1, 5_000)),
    ),
    post(
        "/api/v1/alarms/{alarm_id}/acknowledge",
        acknowledge,
        "Record that somebody has seen an alarm",
        AlarmRow,
        body=AcknowledgeBody,
        errors=(404, 422),
    ),
)

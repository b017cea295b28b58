"""Reads and sets what a meter pushes, to whom and when (classes 40 and 22)."""

import msgspec

from protocols.dlms.classes.push_setup import NO_PARAMETER, PUSH, PUSH_SETUP, PushSetup
from protocols.dlms.classes.single_action_schedule import (
    SINGLE_ACTION_SCHEDULE,
    Execution,
    ScheduleType,
    SingleActionSchedule,
)
from protocols.dlms.client import Dialogue, DlmsClient
from protocols.dlms.operations.access import call, read_object, write_field
from protocols.errors import MeterRefused, SessionRefused


class PushRead(msgspec.Struct, frozen=True):
    """A push setup, and the schedule that calls it."""

    setup: PushSetup
    schedule: SingleActionSchedule | None
    """None: the meter has none there."""


class PushChange(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be another way; None leaves a thing as it is."""

    address: bytes | None = None
    randomisation_s: int | None = None
    retries: int | None = None
    retry_delay_s: int | None = None
    times: tuple[Execution, ...] | None = None


def read_push(client: DlmsClient, obis: bytes, schedule: bytes) -> Dialogue[PushRead]:
    """Read a push setup and its schedule.

    Raises:
        MeterRefused: the meter has no such setup.

    """
    setup = yield from read_object(client, PUSH_SETUP, obis)
    try:
        times = yield from read_object(client, SINGLE_ACTION_SCHEDULE, schedule)
    except SessionRefused:
        raise
    except MeterRefused:
        return PushRead(setup, None)
    return PushRead(setup, times)


def set_push(
    client: DlmsClient, obis: bytes, schedule: bytes, change: PushChange
) -> Dialogue[PushRead]:
    """Write what is to change, then read both again.

    Raises:
        MeterRefused: the meter does not take it.

    """
    if change.address is not None:
        now = yield from read_object(client, PUSH_SETUP, obis)
        there = now.destination._replace(address=change.address)
        yield from write_field(client, PUSH_SETUP, obis, "destination", there)
    for field in ("randomisation_s", "retries", "retry_delay_s"):
        wanted = getattr(change, field)
        if wanted is not None:
            yield from write_field(client, PUSH_SETUP, obis, field, wanted)
    if change.times is not None:
        yield from _set_times(client, schedule, change.times)
    return (yield from read_push(client, obis, schedule))


def _set_times(client: DlmsClient, obis: bytes, times: tuple[Execution, ...]) -> Dialogue[None]:
    kind = ScheduleType.TIMES_OPEN if len(times) > 1 else ScheduleType.ONE_OPEN
    yield from write_field(client, SINGLE_ACTION_SCHEDULE, obis, "type", kind)
    yield from write_field(client, SINGLE_ACTION_SCHEDULE, obis, "times", times)


def push_now(client: DlmsClient, obis: bytes) -> Dialogue[None]:
    """Let the meter push at once (method 1).

    Raises:
        MeterRefused: it does not.

    """
    yield from call(client, PUSH_SETUP, obis, PUSH, NO_PARAMETER)

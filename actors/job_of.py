"""Which job carries out which command."""

from typing import Any, Final

from actors import meter_jobs as jobs
from actors.control_jobs import JOBS as CONTROL
from actors.discovery_job import DiscoveryJob
from actors.firmware_job import FirmwareJob
from actors.freeze_job import FreezeJob
from actors.job import Job
from actors.key_job import ChangeKeysJob
from actors.mailbox import Later
from actors.setting_jobs import JOBS as SETTINGS
from hes.commands import CheckClock, CommandFailed, ReadProfile, ReadRegisters
from hes.control import Freeze, LoadImage, ReadLogicalDevices
from hes.events.reading import FailureReason
from hes.key_change import ChangeKeys
from protocols.errors import ProtocolError

FURTHER: Final = CONTROL | SETTINGS | {
    LoadImage: FirmwareJob, Freeze: FreezeJob, ReadLogicalDevices: DiscoveryJob,
    ChangeKeys: ChangeKeysJob,
}  # fmt: skip


def job_of(command: Any, later: Later | None, since: float) -> Job:
    """Return the job for a command; ``since`` is trio's time.

    Raises:
        CommandFailed: nobody knows the command, or no meter could be told so.

    """
    match command:
        case ReadRegisters(obis=codes, actor=actor):
            return jobs.ReadRegistersJob(actor, later, since, codes)
        case ReadProfile(profile=profile, start=start, end=end, actor=actor):
            return jobs.ReadProfileJob(actor, later, since, profile, start, end)
        case CheckClock(set=change, actor=actor):
            return jobs.ClockJob(actor, later, since, change)
        case _:
            return _further(command, later, since)


def _further(command: Any, later: Later | None, since: float) -> Job:
    make = FURTHER.get(type(command))
    if make is None:
        raise CommandFailed(FailureReason.INTERNAL, f"unknown command {command!r}"[:200])
    try:
        return make(later, since, command)
    except (ValueError, ProtocolError) as unfit:
        raise CommandFailed(FailureReason.INTERNAL, f"not to be done so: {unfit}") from None

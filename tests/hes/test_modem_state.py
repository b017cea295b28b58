from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from hes.events.base import DomainEvent
from hes.events.firmware import FirmwareActivated, FirmwareOffered, FirmwareProgressed
from hes.events.modem_record import ModemAlarm, RecordsLost, RecordStored
from hes.events.modem_setting import ConfigApplied
from hes.modem_state import ALARMS_KEPT, ModemState

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def stored(number: int) -> RecordStored:
    return RecordStored(
        received_at=NOW, number=number, meter="m", protocol="p", kind=0, clock_quality=0, label=b"",
        data=b"", outcome="reading",
    )  # fmt: skip


def fold(*events: DomainEvent) -> ModemState:
    state = ModemState()
    for event in events:
        state.apply(event)
    return ModemState.restore(state.snapshot())


def test_the_highest_record_is_known_whatever_the_order() -> None:
    assert fold().record_stored is None
    lost = RecordsLost(received_at=NOW, first=4, last=9)
    assert fold(stored(3), lost, stored(2)).record_stored == 9


def config(status: str) -> ConfigApplied:
    return ConfigApplied(received_at=NOW, status=status, config_hash=b"hash")


@pytest.mark.parametrize("end", ["confirmed", "rolled-back", "refused"])
def test_a_change_is_on_trial_until_it_is_known(end: str) -> None:
    assert fold(config("applied")).config_trial == b"hash"
    assert fold(config("applied"), config(end)).config_trial is None


def test_a_firmware_is_wanted_until_it_runs() -> None:
    offered = FirmwareOffered(
        received_at=NOW, image="2.0", size_bytes=5, sha256=b"sha", actor="a", reason="",
        version="2.0",
    )  # fmt: skip
    step: dict[str, Any] = {"received_at": NOW, "image": "2.0", "size_bytes": 5}
    downloading = FirmwareProgressed(step="downloading", done_bytes=1, **step)
    verified = FirmwareProgressed(step="verified", done_bytes=5, **step)
    wanted = fold(offered, downloading).firmware
    assert wanted is not None
    assert (wanted.version, wanted.sha256, wanted.verified) == ("2.0", b"sha", False)
    wanted = fold(offered, downloading, verified).firmware
    assert wanted is not None
    assert wanted.verified
    active = FirmwareActivated(received_at=NOW, image="2.0", version="2.0")
    assert fold(offered, verified, active).firmware is None


def test_old_alarms_are_forgotten() -> None:
    alarms = [
        ModemAlarm(received_at=NOW, code="sim", source="m", digest=bytes([n])) for n in range(100)
    ]
    assert fold(*alarms).alarms == [bytes([n]) for n in range(100 - ALARMS_KEPT, 100)]


def test_alarms_of_an_earlier_version_are_known_again() -> None:
    """It kept eight octets of each."""
    earlier = msgspec.msgpack.encode({"alarms": [b"12345678"]})
    assert ModemState.restore(earlier).alarms == [b"123456"]
    alarm = ModemAlarm(received_at=NOW, code="sim", source="m", digest=b"12345678")
    assert fold(alarm).alarms == [b"123456"]

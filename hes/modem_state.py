"""What the actor of a modem must remember: a fold of the modem's own stream, kept as snapshots."""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from hes.events.base import DomainEvent
from hes.events.firmware import (
    FirmwareActivated,
    FirmwareFailed,
    FirmwareOffered,
    FirmwareProgressed,
)
from hes.events.modem_record import ModemAlarm, RecordsLost, RecordStored
from hes.events.modem_setting import ConfigApplied, ModemIdentified
from hes.rules.repeats import DIGEST_SIZE

APPLIED: Final = "applied"
NOT_SENT: Final = "not-sent"
VERIFIED: Final = "verified"
ALARMS_KEPT: Final = 64
"""More than a modem tells between an alarm and the record that repeats it."""


class FirmwareWanted(msgspec.Struct, frozen=True):
    """A firmware that the modem is to run, and does not yet."""

    version: str
    sha256: bytes
    verified: bool = False
    """Whether the modem has all of it and only has to start it."""


class ModemState(msgspec.Struct):
    """The memory of one modem's actor."""

    record_stored: int | None = None
    """Number of the last record that is durable, or known to be lost; None: none ever came."""
    alarms: list[bytes] = []
    """Digests of the last alarms."""
    config_hash: bytes | None = None
    """Of the settings that the modem last called with."""
    config_trial: bytes | None = None
    """Of settings that were changed, until a session shows whether they held."""
    firmware: FirmwareWanted | None = None
    firmware_running: str = ""
    """As the modem last told."""

    def apply(self, event: DomainEvent) -> None:
        """Take one event of the modem's stream."""
        fold = _FOLDS.get(type(event))
        if fold is not None:
            fold(self, event)

    def snapshot(self) -> bytes:
        """Return the stored form."""
        return _encoder.encode(self)

    @classmethod
    def restore(cls, state: bytes) -> "ModemState":
        """Return the state in a stored form.

        Raises:
            msgspec.DecodeError: it was written by another version; fold the stream instead.

        """
        found = _decoder.decode(state)
        found.alarms = [digest[:DIGEST_SIZE] for digest in found.alarms]  # longer ones are older
        return found


def _stored(state: ModemState, event: RecordStored) -> None:
    state.record_stored = max(state.record_stored or 0, event.number)


def _lost(state: ModemState, event: RecordsLost) -> None:
    state.record_stored = max(state.record_stored or 0, event.last)


def _alarm(state: ModemState, event: ModemAlarm) -> None:
    state.alarms = [*state.alarms[1 - ALARMS_KEPT :], event.digest[:DIGEST_SIZE]]


def _identified(state: ModemState, event: ModemIdentified) -> None:
    state.config_hash = event.config_hash or state.config_hash
    state.firmware_running = event.firmware or state.firmware_running


def _config(state: ModemState, event: ConfigApplied) -> None:
    if event.status != NOT_SENT:
        state.config_trial = event.config_hash if event.status == APPLIED else None


def _offered(state: ModemState, event: FirmwareOffered) -> None:
    state.firmware = FirmwareWanted(event.version, event.sha256)


def _progressed(state: ModemState, event: FirmwareProgressed) -> None:
    wanted = state.firmware
    if wanted is not None and event.step == VERIFIED:
        state.firmware = FirmwareWanted(wanted.version, wanted.sha256, verified=True)


def _firmware_ended(state: ModemState, _event: FirmwareActivated | FirmwareFailed) -> None:
    state.firmware = None


_FOLDS: Final[dict[type[DomainEvent], Callable[[ModemState, Any], None]]] = {
    RecordStored: _stored,
    RecordsLost: _lost,
    ModemAlarm: _alarm,
    ModemIdentified: _identified,
    ConfigApplied: _config,
    FirmwareOffered: _offered,
    FirmwareProgressed: _progressed,
    FirmwareActivated: _firmware_ended,
    FirmwareFailed: _firmware_ended,
}
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(ModemState)

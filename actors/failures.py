"""Why a read failed, in the words that the statistics count by."""

from typing import Final

from actors.drivers.base import CounterJump
from actors.errors import (
    BusFull,
    ConnectionLost,
    LineBusy,
    NoModem,
    NoSuchLine,
    TransactionDropped,
    TransactionExpired,
)
from hes.events.reading import FailureReason
from protocols.errors import (
    LocalProtocolError,
    MeterNonsense,
    MeterRefused,
    MeterSilent,
    RemoteProtocolError,
)

REASONS: Final[tuple[tuple[type[Exception], FailureReason], ...]] = (
    (NoModem, FailureReason.NO_MODEM),
    (ConnectionLost, FailureReason.CUT),
    (TransactionExpired, FailureReason.EXPIRED),
    (TransactionDropped, FailureReason.INTERNAL),
    (BusFull, FailureReason.BUSY),
    (LineBusy, FailureReason.BUSY),
    (NoSuchLine, FailureReason.REFUSED),
    (MeterSilent, FailureReason.NO_ANSWER),
    (MeterRefused, FailureReason.REFUSED),
    (RemoteProtocolError, FailureReason.BAD_CHECK),
    (LocalProtocolError, FailureReason.INTERNAL),
)


def reason_of(failure: Exception) -> FailureReason:
    """Return the cause of a failed transaction; exactly one for every failure."""
    for kind, reason in REASONS:
        if isinstance(failure, kind):
            return reason
    return FailureReason.INTERNAL


def is_final(failure: Exception) -> bool:
    """Whether the meter would answer the same if it were asked once more."""
    if isinstance(failure, CounterJump):
        return False
    return reason_of(failure) is FailureReason.REFUSED or isinstance(failure, MeterNonsense)

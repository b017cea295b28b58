"""The connection state of a modem, as a table: every transition of the system is in this file."""

from enum import StrEnum
from typing import Final

from actors.errors import ActorError


class ModemState(StrEnum):
    """Where a modem is; shown to operators as written here."""

    OFFLINE = "OFFLINE"
    """No connection."""
    READY = "READY"
    """Connected, the serial line is idle."""
    READING = "READING"
    """A transaction is on the serial line."""
    SILENT = "SILENT"
    """It was closed because nothing was heard for too long."""
    QUARANTINED = "QUARANTINED"
    """Connected, but not in the device list, or its identity flaps: no meter is asked."""


class Signal(StrEnum):
    """What can happen to a modem."""

    ATTACHED = "attached"
    DISTRUSTED = "distrusted"
    ASKED = "asked"
    ANSWERED = "answered"
    TIMED_OUT = "timed-out"
    LOST = "lost"


TRANSITIONS: Final[dict[tuple[ModemState, Signal], ModemState]] = {
    (ModemState.OFFLINE, Signal.ATTACHED): ModemState.READY,
    (ModemState.SILENT, Signal.ATTACHED): ModemState.READY,
    (ModemState.READY, Signal.ATTACHED): ModemState.READY,
    (ModemState.READING, Signal.ATTACHED): ModemState.READY,
    (ModemState.QUARANTINED, Signal.ATTACHED): ModemState.READY,
    (ModemState.READY, Signal.DISTRUSTED): ModemState.QUARANTINED,
    (ModemState.READY, Signal.ASKED): ModemState.READING,
    (ModemState.READING, Signal.ANSWERED): ModemState.READY,
    (ModemState.READY, Signal.TIMED_OUT): ModemState.SILENT,
    (ModemState.READING, Signal.TIMED_OUT): ModemState.SILENT,
    (ModemState.QUARANTINED, Signal.TIMED_OUT): ModemState.SILENT,
    (ModemState.READY, Signal.LOST): ModemState.OFFLINE,
    (ModemState.READING, Signal.LOST): ModemState.OFFLINE,
    (ModemState.QUARANTINED, Signal.LOST): ModemState.OFFLINE,
}


class WrongMoment(ActorError):
    """A signal arrived in a state that does not expect it: a bug of ours."""


def step(state: ModemState, signal: Signal) -> ModemState:
    """Return the state after ``signal``.

    Raises:
        WrongMoment: the table has no such transition; the state is unchanged.

    """
    try:
        return TRANSITIONS[state, signal]
    except KeyError:
        raise WrongMoment(f"{signal} while {state}") from None

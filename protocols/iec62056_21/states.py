"""The states of a session with a meter: the whole table (IEC 62056-21, 6.4 and figures there)."""

from enum import StrEnum
from typing import Final

from protocols.state_table import next_state


class State(StrEnum):
    """Where the conversation with a meter is."""

    CLOSED = "closed"
    """The meter waits for a request message."""
    IDENTIFIED = "identified"
    """It has said who it is, and waits for the option select."""
    READOUT = "readout"
    """It sends its data."""
    PROGRAMMING = "programming"
    """It takes commands."""
    UNLOCKED = "unlocked"
    """It takes writes too: the password was right."""
    BINARY = "binary"
    """Mode E: the line belongs to HDLC."""
    DOUBTFUL = "doubtful"
    """Something broke off: it may wait for anything. Only a break makes that sure."""


class Signal(StrEnum):
    """What happened."""

    ANSWERED = "answered"
    """The identification came."""
    READOUT_CHOSEN = "readout-chosen"
    READOUT_ENDED = "readout-ended"
    PROGRAMMING_ENTERED = "programming-entered"
    """The meter asked for a password, or is ready without."""
    PASSWORD_TAKEN = "password-taken"  # noqa: S105 -- a word, no secret
    BINARY_CHOSEN = "binary-chosen"
    BROKEN_OFF = "broken-off"
    """A break was sent, or one came."""
    FAILED = "failed"
    """Silence, a wrong check, or nobody listens any more."""


TRANSITIONS: Final[dict[tuple[State, Signal], State]] = {
    (State.CLOSED, Signal.ANSWERED): State.IDENTIFIED,
    (State.DOUBTFUL, Signal.ANSWERED): State.IDENTIFIED,
    (State.IDENTIFIED, Signal.READOUT_CHOSEN): State.READOUT,
    (State.READOUT, Signal.READOUT_ENDED): State.CLOSED,
    (State.IDENTIFIED, Signal.PROGRAMMING_ENTERED): State.PROGRAMMING,
    (State.PROGRAMMING, Signal.PASSWORD_TAKEN): State.UNLOCKED,
    (State.IDENTIFIED, Signal.BINARY_CHOSEN): State.BINARY,
    **{(state, Signal.BROKEN_OFF): State.CLOSED for state in State},
    **{(state, Signal.FAILED): State.DOUBTFUL for state in State},
}


def step(state: State, signal: Signal) -> State:
    """Return the state after ``signal``.

    Raises:
        LocalProtocolError: that cannot happen in this state: a bug of ours.

    """
    return next_state(TRANSITIONS, state, signal, "state")

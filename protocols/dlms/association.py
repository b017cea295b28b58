"""The state of an application association, as a table (IEC 62056-5-3, association control)."""

from enum import StrEnum
from typing import Final

from protocols.state_table import next_state


class Association(StrEnum):
    """Where the association is."""

    CLOSED = "closed"
    LINKED = "linked"
    """The link below is open."""
    ASSOCIATING = "associating"
    """The request is on its way."""
    PENDING = "pending"
    """Accepted on condition that both prove their key (HLS)."""
    ASSOCIATED = "associated"
    RELEASING = "releasing"


class Signal(StrEnum):
    """What can happen to it."""

    CONNECTED = "connected"
    REQUESTED = "requested"
    ACCEPTED = "accepted"
    CHALLENGED = "challenged"
    PROVEN = "proven"
    REFUSED = "refused"
    RELEASED = "released"
    DISCONNECTED = "disconnected"


TRANSITIONS: Final[dict[tuple[Association, Signal], Association]] = {
    (Association.CLOSED, Signal.CONNECTED): Association.LINKED,
    (Association.LINKED, Signal.REQUESTED): Association.ASSOCIATING,
    (Association.ASSOCIATING, Signal.ACCEPTED): Association.ASSOCIATED,
    (Association.ASSOCIATING, Signal.CHALLENGED): Association.PENDING,
    (Association.ASSOCIATING, Signal.REFUSED): Association.LINKED,
    (Association.PENDING, Signal.PROVEN): Association.ASSOCIATED,
    (Association.PENDING, Signal.REFUSED): Association.LINKED,
    (Association.ASSOCIATED, Signal.RELEASED): Association.RELEASING,
    (Association.CLOSED, Signal.DISCONNECTED): Association.CLOSED,
    (Association.LINKED, Signal.DISCONNECTED): Association.CLOSED,
    (Association.ASSOCIATING, Signal.DISCONNECTED): Association.CLOSED,
    (Association.PENDING, Signal.DISCONNECTED): Association.CLOSED,
    (Association.ASSOCIATED, Signal.DISCONNECTED): Association.CLOSED,
    (Association.RELEASING, Signal.DISCONNECTED): Association.CLOSED,
}


def step(state: Association, signal: Signal) -> Association:
    """Return the state after ``signal``.

    Raises:
        LocalProtocolError: the table has no such transition; the state is unchanged.

    """
    return next_state(TRANSITIONS, state, signal, "association")

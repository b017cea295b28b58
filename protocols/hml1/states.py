"""The sessions of HML/1 as tables, one for each side: every transition is in this file."""

from enum import StrEnum
from typing import Final

from protocols.state_table import next_state


class HeadEnd(StrEnum):
    """Where the head-end's side of a connection is."""

    WAITING = "WAITING"
    """For HELLO."""
    CHALLENGED = "CHALLENGED"
    """WELCOME is sent; the modem has to prove itself."""
    OPEN = "OPEN"
    CLOSED = "CLOSED"


class HeadEndSignal(StrEnum):
    """What can happen to the head-end's side."""

    GREETED = "greeted"
    UNKNOWN = "unknown"
    PROVED = "proved"
    DISPROVED = "disproved"
    BYE = "bye"


HEAD_END: Final[dict[tuple[HeadEnd, HeadEndSignal], HeadEnd]] = {
    (HeadEnd.WAITING, HeadEndSignal.GREETED): HeadEnd.CHALLENGED,
    (HeadEnd.CHALLENGED, HeadEndSignal.GREETED): HeadEnd.CHALLENGED,
    (HeadEnd.OPEN, HeadEndSignal.GREETED): HeadEnd.CHALLENGED,
    (HeadEnd.WAITING, HeadEndSignal.UNKNOWN): HeadEnd.CLOSED,
    (HeadEnd.CHALLENGED, HeadEndSignal.UNKNOWN): HeadEnd.CLOSED,
    (HeadEnd.OPEN, HeadEndSignal.UNKNOWN): HeadEnd.CLOSED,
    (HeadEnd.CHALLENGED, HeadEndSignal.PROVED): HeadEnd.OPEN,
    (HeadEnd.CHALLENGED, HeadEndSignal.DISPROVED): HeadEnd.CLOSED,
    (HeadEnd.WAITING, HeadEndSignal.BYE): HeadEnd.CLOSED,
    (HeadEnd.CHALLENGED, HeadEndSignal.BYE): HeadEnd.CLOSED,
    (HeadEnd.OPEN, HeadEndSignal.BYE): HeadEnd.CLOSED,
}


class Modem(StrEnum):
    """Where the modem's side of a connection is."""

    OFFLINE = "OFFLINE"
    GREETING = "GREETING"
    """HELLO is sent; the head-end has to prove itself."""
    OPEN = "OPEN"


class ModemSignal(StrEnum):
    """What can happen to the modem's side."""

    CONNECTED = "connected"
    WELCOMED = "welcomed"
    DECEIVED = "deceived"
    REFUSED = "refused"
    BYE = "bye"
    LOST = "lost"


MODEM: Final[dict[tuple[Modem, ModemSignal], Modem]] = {
    (Modem.OFFLINE, ModemSignal.CONNECTED): Modem.GREETING,
    (Modem.GREETING, ModemSignal.WELCOMED): Modem.OPEN,
    (Modem.GREETING, ModemSignal.DECEIVED): Modem.OFFLINE,
    (Modem.GREETING, ModemSignal.REFUSED): Modem.OFFLINE,
    (Modem.GREETING, ModemSignal.BYE): Modem.OFFLINE,
    (Modem.GREETING, ModemSignal.LOST): Modem.OFFLINE,
    (Modem.OPEN, ModemSignal.BYE): Modem.OFFLINE,
    (Modem.OPEN, ModemSignal.LOST): Modem.OFFLINE,
}


def step_head_end(state: HeadEnd, signal: HeadEndSignal) -> HeadEnd:
    """Return the state after ``signal``.

    Raises:
        LocalProtocolError: the table has no such transition; the state is unchanged.

    """
    return next_state(HEAD_END, state, signal, "state")


def step_modem(state: Modem, signal: ModemSignal) -> Modem:
    """Return the state after ``signal``.

    Raises:
        LocalProtocolError: the table has no such transition; the state is unchanged.

    """
    return next_state(MODEM, state, signal, "state")

"""Class 70, Disconnect control: the relay between network and customer.

What a command does depends on the control mode, which the utility chose at the installation.
"""

from enum import IntEnum
from typing import Final

import msgspec

from protocols.dlms.classes.cosem_class import CosemClass
from protocols.dlms.classes.kinds import BOOLEAN, ENUM, ZERO, enum_of

REMOTE_DISCONNECT: Final = 1
REMOTE_RECONNECT: Final = 2
NO_PARAMETER: Final = ZERO
USUAL_OBIS: Final = bytes((0, 0, 96, 3, 10, 255))


class ControlState(IntEnum):
    """What the relay's control has decided."""

    DISCONNECTED = 0
    CONNECTED = 1
    READY_FOR_RECONNECTION = 2
    """The customer may close it by hand."""


class DisconnectControl(msgspec.Struct, frozen=True, kw_only=True):
    """Attributes 2 to 4."""

    output_state: bool
    """Whether the relay is closed: the customer has supply."""
    control_state: ControlState
    control_mode: int
    """0 to 6; 0: the relay is never opened."""


DISCONNECT_CONTROL: Final = CosemClass(
    70, DisconnectControl, {2: BOOLEAN, 3: enum_of(ControlState), 4: ENUM}
)
MODES_CLOSED_REMOTELY: Final = frozenset({2, 4})
"""Modes in which a remote reconnection closes the relay; in 1, 3, 5 and 6 it only makes ready."""
MODE_NEVER_OPENED: Final = 0


def step(mode: int, state: ControlState, method: int) -> ControlState:
    """Return the state after a remote command, as the control mode has it."""
    if mode == MODE_NEVER_OPENED:
        return state
    if method == REMOTE_DISCONNECT:
        return ControlState.DISCONNECTED
    if state is not ControlState.DISCONNECTED:
        return state
    if mode in MODES_CLOSED_REMOTELY:
        return ControlState.CONNECTED
    return ControlState.READY_FOR_RECONNECTION

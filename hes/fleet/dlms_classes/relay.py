"""The relay of a simulated meter: it cuts the load."""

from datetime import datetime
from typing import Any

from hes.fleet.dlms_classes.load import SwitchedLoad
from hes.fleet.dlms_classes.stored import DONE, StoredObject
from protocols.dlms.classes.disconnect_control import (
    DISCONNECT_CONTROL,
    REMOTE_DISCONNECT,
    REMOTE_RECONNECT,
    USUAL_OBIS,
    ControlState,
    DisconnectControl,
    step,
)
from protocols.dlms.cosem import DataAccessError


class SimulatedRelay(StoredObject[DisconnectControl]):
    """Class 70. It moves at once, unless it is ``stuck``."""

    def __init__(self, load: SwitchedLoad, *, mode: int = 2) -> None:
        closed = DisconnectControl(
            output_state=True, control_state=ControlState.CONNECTED, control_mode=mode
        )
        super().__init__(DISCONNECT_CONTROL, USUAL_OBIS, closed, {"control_mode"})
        self.stuck = False
        """A fault: it says that it obeys, and does not move."""
        self._load = load
        self.methods = {
            REMOTE_DISCONNECT: lambda _parameter, now: self._switch(REMOTE_DISCONNECT, now),
            REMOTE_RECONNECT: lambda _parameter, now: self._switch(REMOTE_RECONNECT, now),
        }

    def _switch(self, method: int, now: datetime) -> int:
        if self.values.control_mode == 0:
            return DataAccessError.READ_WRITE_DENIED
        if not self.stuck:
            self._go(step(self.values.control_mode, self.values.control_state, method), now)
        return DONE

    def close_by_hand(self, now: datetime) -> None:
        """Let the customer press the button."""
        if self.values.control_state is ControlState.READY_FOR_RECONNECTION:
            self._go(ControlState.CONNECTED, now)

    def _go(self, state: ControlState, now: datetime) -> None:
        closed = state is ControlState.CONNECTED
        self.change(control_state=state, output_state=closed)
        self._load.switch(closed=closed, now=now)

    def write(self, index: int, value: Any, now: datetime) -> int:
        """See ``StoredObject``: there are seven modes."""
        if index == DISCONNECT_CONTROL.index("control_mode") and value not in range(7):
            return DataAccessError.TYPE_UNMATCHED
        return super().write(index, value, now)

"""Opens and closes the relay of a meter (class 70), and reads back what became of it."""

from typing import Final, NamedTuple

from protocols.dlms.classes.disconnect_control import (
    DISCONNECT_CONTROL,
    REMOTE_DISCONNECT,
    REMOTE_RECONNECT,
    ControlState,
    DisconnectControl,
)
from protocols.dlms.classes.kinds import words
from protocols.dlms.client import Dialogue, DlmsClient
from protocols.dlms.operations.access import POLL_S, call, pause, read_object
from protocols.errors import MeterRefused

LOOKS_MAX: Final = 3
"""A relay takes a moment: how often it is looked at before it counts as not having moved."""
DONE: Final = {
    REMOTE_DISCONNECT: frozenset({ControlState.DISCONNECTED}),
    REMOTE_RECONNECT: frozenset({ControlState.CONNECTED, ControlState.READY_FOR_RECONNECTION}),
}


class Switched(NamedTuple):
    """The relay before and after a command."""

    before: DisconnectControl
    after: DisconnectControl


def read_relay(client: DlmsClient, obis: bytes) -> Dialogue[DisconnectControl]:
    """Read the state of a relay.

    Raises:
        MeterRefused: the meter has none there.

    """
    return (yield from read_object(client, DISCONNECT_CONTROL, obis))


def switch_relay(client: DlmsClient, obis: bytes, *, close: bool) -> Dialogue[Switched]:
    """Tell a relay to close, or to open; return what it was and what it is.

    Where the control mode asks for the customer's hand, a relay that is told to close gets ready.

    Raises:
        MeterRefused: the meter does not do it, or says that it did and the relay has not moved.

    """
    method = REMOTE_RECONNECT if close else REMOTE_DISCONNECT
    before = yield from read_relay(client, obis)
    yield from call(client, DISCONNECT_CONTROL, obis, method)
    after = yield from read_relay(client, obis)
    for _ in range(LOOKS_MAX - 1):
        if _has_moved(after, method):
            break
        yield from pause(POLL_S)
        after = yield from read_relay(client, obis)
    if not _has_moved(after, method):
        state, output = words(after.control_state), "closed" if after.output_state else "open"
        raise MeterRefused(
            f"the relay stays {state} and {output} (control mode {after.control_mode})"
        )
    return Switched(before, after)


def _has_moved(relay: DisconnectControl, method: int) -> bool:
    wanted = relay.control_state is ControlState.CONNECTED
    return relay.control_state in DONE[method] and relay.output_state is wanted

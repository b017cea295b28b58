"""A modem as operators see it."""

from datetime import datetime, timedelta

import trio

from actors.context import Context
from actors.port import Port
from actors.states import ModemState
from hes.commands import ModemView
from hes.ids import ModemId


def view_of(  # noqa: PLR0913 -- a row has so many columns
    modem: ModemId,
    context: Context,
    *,
    state: str = ModemState.OFFLINE,
    reason: str = "never connected to this node",
    port: Port | None = None,
    connected_at: datetime | None = None,
    queue: int = 0,
) -> ModemView:
    """Return a modem as operators see it; without more, one that never connected."""
    connection = None if port is None else port.connection
    silent_s = 0.0 if connection is None else trio.current_time() - connection.last_heard
    return ModemView(
        modem_id=modem,
        state=state,
        reason=reason,
        peer=connection.peer if connection else None,
        link=port.link.name if port else None,
        session=port.session if port else None,
        connected_at=connected_at if port else None,
        last_heard_at=context.now() - timedelta(seconds=silent_s) if connection else None,
        bytes_in=connection.bytes_in if connection else 0,
        bytes_out=connection.bytes_out if connection else 0,
        queue=queue,
        meters=tuple(device.meter_id for device in context.directory.behind(modem)),
    )

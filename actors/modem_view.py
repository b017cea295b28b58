"""A modem as operators see it."""

from datetime import datetime

from actors.context import Context
from actors.states import ModemState
from hes.commands import ModemView
from hes.ids import ModemId


def view_of(  # noqa: PLR0913 -- a row has so many columns
    modem: ModemId,
    context: Context,
    *,
    state: str = ModemState.OFFLINE,
    reason: str = "never connected to this node",
    peer: str | None = None,
    link: str | None = None,
    session: int | None = None,
    connected_at: datetime | None = None,
    silent_s: float = 0.0,
    bytes_in: int = 0,
    bytes_out: int = 0,
    queue: int = 0,
) -> ModemView:
    """Return a modem as operators see it; without more, one that never connected."""
    heard_at = None if peer is None else context.now().timestamp() - silent_s
    return ModemView(
        modem_id=modem,
        state=state,
        reason=reason,
        peer=peer,
        link=link,
        session=session,
        connected_at=connected_at,
        last_heard_at=None
        if heard_at is None
        else datetime.fromtimestamp(heard_at, context.now().tzinfo),
        bytes_in=bytes_in,
        bytes_out=bytes_out,
        queue=queue,
        meters=tuple(device.meter_id for device in context.directory.behind(modem)),
    )

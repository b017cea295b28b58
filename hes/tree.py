"""What people may see of the supervision tree: plain data, so that the web imports no actor."""

import msgspec


class ActorStatus(msgspec.Struct, kw_only=True):
    """One actor at one instant; a supervisor has children."""

    path: str
    """``/main/modems/861234567890123``."""
    kind: str
    state: str
    """``starting``, ``running``, ``backoff``, ``parked``, ``stopping`` or ``stopped``."""
    restarts: int = 0
    handled: int = 0
    dropped: int = 0
    mailbox: int = 0
    mailbox_max: int = 0
    """The most that ever waited."""
    uptime_s: float = 0.0
    current: str | None = None
    """Kind of the message in hand."""
    current_for_s: float = 0.0
    crash: str | None = None
    """Reason of the last crash, one line."""
    crash_trace: str | None = None
    crash_ago_s: float | None = None
    strategy: str | None = None
    totals: dict[str, int] = {}
    """Of a supervisor: its children by state."""
    children_total: int = 0
    detail: str = ""
    """What the actor says of itself, e.g. its connection state."""
    children: list["ActorStatus"] = []

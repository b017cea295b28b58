"""Who dialled in, how it went, and why it ended."""

from hes.events.base import DomainEvent, event


@event("ModemConnected/1")
class ModemConnected(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """A connection said who it is."""

    session: int
    """Number of this connection on this node; answers of an older one are dropped."""
    peer: str
    """Address and port it came from."""
    link: str
    """How it carries meter bytes: ``raw``, ``dlms-push``, ..."""
    claim: str
    """What it said: ``registration``, ``system-title``, ``device-id``, ``address``."""


@event("ModemSuperseded/1")
class ModemSuperseded(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """A newer connection with the same identity took over; the old one was closed."""

    old_session: int
    new_session: int
    old_peer: str
    new_peer: str


@event("ModemDisconnected/1")
class ModemDisconnected(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """The connection ended."""

    session: int
    reason: str
    lasted_s: float
    bytes_in: int
    bytes_out: int


@event("ModemQuarantined/1")
class ModemQuarantined(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """A modem we do not trust with meters: unknown, or its identity flaps between connections."""

    peer: str
    reason: str
    first_bytes: bytes = b""


@event("ModemTrusted/1")
class ModemTrusted(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """A modem came out of quarantine."""

    reason: str


@event("UnknownCaller/1")
class UnknownCaller(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """A connection that never said who it is in a way we know; kept with its first bytes."""

    peer: str
    listener: str
    reason: str
    first_bytes: bytes

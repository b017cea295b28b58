"""The modem list and the settings of modems as facts. Secrets never stand here."""

from hes.events.base import DomainEvent, event


@event("ModemRegistered/1")
class ModemRegistered(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """A modem was added to the modem list, or its entry changed."""

    dial: str
    """Where the head-end calls it, ``host:port``; empty: it calls."""
    link: str
    hold: str
    """``keep`` or ``demand``, of a connection that the head-end makes."""
    serial: str
    has_secret: bool
    actor: str
    """Who imported it."""
    reason: str = ""
    """Why, in their words."""


@event("ModemIdentified/1")
class ModemIdentified(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """A modem proved itself, and told of itself; None: it did not say."""

    session: int
    iccid: str | None
    model: str | None
    firmware: str | None
    boot_count: int | None
    boot_reason: int | None
    rssi_dbm: int | None
    records_queued: int | None
    config_hash: bytes | None


@event("ConfigRequested/1")
class ConfigRequested(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """Somebody wants settings of the modem changed; written down before the modem is told."""

    settings: str
    """As JSON, by name; of those that only the maker knows, the size alone."""
    actor: str
    reason: str = ""
    """Why, in their words."""


@event("ConfigApplied/1")
class ConfigApplied(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """What became of a change of settings."""

    status: str
    """``applied``: in force, on trial; ``confirmed``: a session was opened under it; ``refused``;
    ``rolled-back``: the modem came back with the settings of before; ``not-sent``: the modem was
    not told, because writing it down took too long for who wanted it."""
    config_hash: bytes | None
    """Of all settings of the modem, now."""

"""The change of a meter's keys as facts. A key, or anything made of one, never stands here."""

from hes.events.base import DomainEvent, event


@event("MeterKeysChanging/1")
class MeterKeysChanging(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """Somebody wants the meter to have other keys; nothing is sent to it before this is stored."""

    what: str
    """``encryption``, ``authentication``, or both with a comma."""
    actor: str
    reason: str


@event("MeterKeysChanged/1")
class MeterKeysChanged(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """The meter has its new keys; the head-end counts with them from now on."""

    what: str
    shown_by: str
    """``answer``: it said so; ``association``: it proved that it knows them."""
    actor: str
    reason: str


@event("MeterKeysKept/1")
class MeterKeysKept(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """A change of keys came to nothing: the meter has the keys that it had."""

    what: str
    detail: str
    """A sentence for a person."""
    actor: str
    reason: str

"""The device list as facts. Keys and passwords never stand here."""

from typing import Final

from hes.events.base import DomainEvent, event

REASON_SIZE: Final = 300
"""Characters: an event must fit a RAW column of Oracle, 2,000 octets."""


@event("DeviceRegistered/1")
class DeviceRegistered(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """A meter was added to the device list, or its entry changed."""

    modem_id: str
    link: str
    protocol: str
    framing: str
    meter_type: str
    address: str
    client_sap: int
    server_sap: int
    auth: str
    system_title: str
    area: str
    ct_ratio: str
    vt_ratio: str
    has_keys: bool
    actor: str
    """Who imported it."""
    reason: str = ""
    """Why, in their words."""


@event("CounterReserved/1")
class CounterReserved(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """Invocation counters up to ``below`` may have been used; a restart goes on from there.

    Written before the first of them is used, because an AES-GCM counter must never come twice.
    """

    below: int

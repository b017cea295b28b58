"""What modems that store and forward bring: records, kept as they came, and alarms."""

from hes.events.base import DomainEvent, event


@event("RecordStored/1")
class RecordStored(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """A record of a modem, whole: the evidence behind the readings that were made of it.

    ``device_time``: by the modem's clock, when the answer was complete. A long record is split:
    ``part`` of ``parts``, counted from 1.
    """

    number: int
    """The modem's own, never used twice."""
    meter: str
    """Identification of the meter, as the modem has it."""
    protocol: str
    kind: int
    """0 the answer of a meter, 1 an alarm, 255 a record that cannot be read."""
    clock_quality: int
    """0 never set, 1 set by the head-end or the network, 2 kept over a power failure."""
    label: bytes
    """Which request the data answer."""
    data: bytes
    outcome: str
    """``reading``, ``alarm``, or why it is only kept: ``unknown-meter``, ``malformed``, ..."""
    part: int = 1
    parts: int = 1


@event("RecordsLost/1")
class RecordsLost(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """The modem overwrote records before they were taken: these never come."""

    first: int
    last: int


@event("ModemAlarm/1")
class ModemAlarm(DomainEvent, frozen=True, array_like=True, kw_only=True):
    """The modem told an alarm about itself, or about a meter that nobody knows."""

    code: str
    """``antenna``, ``sim``, ``supply-lost``, ...; ``code-<n>`` for one without a name."""
    source: str
    """Whom it is about: the modem, or what it calls the meter."""
    digest: bytes
    """Over what it says: the same alarm comes at once, and later as a record."""

"""What a modem tells beside its pipe, as something that the actors of meters can judge."""

from datetime import datetime
from typing import Final

from actors.meter_messages import Push
from actors.port import Port
from hes.rules.repeats import digest_of
from protocols.links.alarm_push import alarm_bytes, alarm_event
from protocols.links.base import Notice
from protocols.links.notices import AlarmTold, Refused, SaidGoodbye

NOTICES_MAX: Final = 64
"""So many are kept of a caller until its modem's actor has taken it over."""


def ending(notice: Notice) -> str | None:
    """Return why the connection is to be closed after ``notice``; None: it is not."""
    if isinstance(notice, Refused):
        return f"modem {notice.modem_id}: {notice.reason}"
    return notice.reason if isinstance(notice, SaidGoodbye) else None


def alarm_push(alarm: AlarmTold, port: Port, received_at: datetime) -> Push | None:
    """Return the message of a meter that says the same; None when nothing certain can be said."""
    plain, raw = alarm_event(alarm), alarm_bytes(alarm)
    if plain is None:
        return None
    return Push(
        plain=plain, counter=None, digest=digest_of(raw), apdu=raw, received_at=received_at,
        port=port, reply=lambda answer: answer,
    )  # fmt: skip

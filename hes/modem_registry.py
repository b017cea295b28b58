"""The modem list in the store: facts as events for everybody, whole entries with secrets beside.

In the same order as the device list (``hes.device_registry``), for the same reason.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from hes.clock import Clock
from hes.device_registry import ImportResult
from hes.events.base import DomainEvent
from hes.events.device import REASON_SIZE
from hes.events.modem_setting import ModemRegistered
from hes.ids import modem_stream
from hes.modems import Modem
from hes.store.errors import StoreError
from hes.store.open import open_codec
from hes.store.port import Append, EventLog

PREFIX: Final = "modem:"

_encode: Final = msgspec.msgpack.Encoder().encode
_decode: Final = msgspec.msgpack.Decoder(Modem).decode


def load_modems(log: EventLog) -> list[Modem]:
    """Return the modem list with its secrets.

    Raises:
        StoreError: the store is away, or an entry is damaged.

    """
    entries = log.load_secrets()
    try:
        return [_decode(data) for name, data in entries.items() if name.startswith(PREFIX)]
    except msgspec.DecodeError as problem:
        raise StoreError(f"an entry of the modem list is damaged: {problem}") from None


def changed_modems(known: Iterable[Modem], wanted: Sequence[Modem]) -> list[Modem]:
    """Return those of ``wanted`` that are new or different."""
    old = {modem.modem_id: modem for modem in known}
    return [modem for modem in wanted if old.get(modem.modem_id) != modem]


def modem_registration(
    modem: Modem, actor: str, clock: Clock, reason: str = ""
) -> tuple[str, list[DomainEvent]]:
    """Return the stream and the event that say what ``modem`` is, without its secret."""
    event = ModemRegistered(
        received_at=clock.now(),
        dial=modem.dial,
        link=modem.link,
        hold=modem.hold,
        serial=modem.serial,
        has_secret=bool(modem.secret),
        actor=actor,
        reason=reason[:REASON_SIZE],
    )
    return modem_stream(modem.modem_id), [event]


def save_modems(log: EventLog, modems: Iterable[Modem]) -> None:
    """Keep whole entries, all or none; the last step of an import."""
    log.save_secrets({PREFIX + modem.modem_id: _encode(modem) for modem in modems})


def import_modems(
    log: EventLog, modems: Sequence[Modem], actor: str, clock: Clock, reason: str = ""
) -> ImportResult:
    """Take a modem list into the store of a node that does not run.

    Raises:
        StoreError: the store is away; nothing, or only some facts, were stored: import again.

    """
    changed = changed_modems(load_modems(log), modems)
    if changed:
        log.fence()
        codec = open_codec(log)
        facts = [modem_registration(modem, actor, clock, reason) for modem in changed]
        log.append([Append(stream, None, list(map(codec.encode, e))) for stream, e in facts])
        save_modems(log, changed)
    return ImportResult(len(changed), len(modems) - len(changed))

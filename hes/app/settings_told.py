"""The configuration of a node as a fact in the log: who started it with which settings."""

import getpass
import json
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec

from hes.config import Config
from hes.config_values import DatabaseUrl
from hes.events.node import SETTINGS_SIZE, NodeConfigured
from hes.store.codec import EventCodec
from hes.store.port import EventLog

LOOKED_BACK: Final = 1000
"""Events of the node in which the last settings are looked for; further back they are told anew."""
PAGE: Final = 200


def settings_text(config: Config) -> str:
    """Return the settings as JSON, in ASCII, without passwords of URLs.

    Passwords, tokens and keys stand in files of their own: of those only the names are settings.
    """
    return json.dumps(_plain(config), sort_keys=True, separators=(",", ":"))


def configured(text: str, now: datetime, actor: str) -> list[NodeConfigured]:
    """Return the facts that tell ``text``, each short enough for any database."""
    digest = sha256(text.encode()).digest()
    pieces = [text[at : at + SETTINGS_SIZE] for at in range(0, len(text), SETTINGS_SIZE)]
    return [
        NodeConfigured(
            received_at=now, digest=digest, settings=piece, actor=actor, part=number,
            parts=len(pieces),
        )
        for number, piece in enumerate(pieces, 1)
    ]  # fmt: skip


def last_digest(log: EventLog, codec: EventCodec, stream: str) -> bytes | None:
    """Return the digest of the settings that were told last; None: not found.

    Raises:
        StoreError: see ``EventLog``.

    """
    before, left = log.head() + 1, LOOKED_BACK
    while left > 0:
        rows = log.read_stream_back(stream, before, PAGE)
        for row in rows:
            if row.topic == NodeConfigured.topic:
                event = codec.decode(row.topic, row.state)
                return event.digest if isinstance(event, NodeConfigured) else None
        if len(rows) < PAGE:
            return None
        before, left = rows[-1].position, left - PAGE
    return None


def starter() -> str:
    """Return who started the program, as the system names them."""
    try:
        return f"os:{getpass.getuser()}"
    except (KeyError, OSError):
        return "os:unknown"


def _plain(value: Any) -> Any:
    if isinstance(value, DatabaseUrl):
        return value.shown
    if isinstance(value, msgspec.Struct):
        return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, ZoneInfo):
        value = value.key
    return str(value) if isinstance(value, str) else value

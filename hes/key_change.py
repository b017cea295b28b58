"""The change of a meter's keys: what is asked for, and what the device list says at each step.

Before anything is sent, the new keys are kept beside the old ones. Who hears no answer of the meter
does not know which it has; then the next association tries the new ones first.
"""

import hashlib
from enum import Enum
from typing import Final

import msgspec

from hes.control import Change
from hes.devices import Device

FORMER_MAX: Final = 64
"""Keys of one meter that are remembered as replaced; two at each change."""
_DIGEST_SIZE: Final = 16


class ChangeKeys(Change, frozen=True, kw_only=True):
    """Give a meter new keys; an empty one stays as it is. ``repr`` hides them."""

    encryption_key: bytes = b""
    authentication_key: bytes = b""

    def __repr__(self) -> str:
        return f"ChangeKeys({self.meter}, {', '.join(self.names)})"

    @property
    def names(self) -> tuple[str, ...]:
        """Return which keys are to be changed."""
        both = (("encryption", self.encryption_key), ("authentication", self.authentication_key))
        return tuple(name for name, key in both if key)


class KeysAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The meter has taken its new keys, and said so."""

    changed: tuple[str, ...]
    """``encryption``, ``authentication``."""


class KeysOutcome(Enum):
    """What is known of new keys, in the course of a conversation."""

    SENT = "sent"
    """They are on their way: from now on the meter may have them."""
    TAKEN = "taken"
    """The meter said that it has taken them."""
    REFUSED = "refused"
    """The meter said that it has not."""
    NEW_PROVED = "new-proved"
    """A later association shows that it has them."""
    OLD_PROVED = "old-proved"
    """A later association shows that it has not."""


def in_doubt(device: Device) -> bool:
    """Whether nobody knows which keys the meter has."""
    return bool(device.next_encryption_key or device.next_authentication_key)


def changing(device: Device, command: ChangeKeys) -> Device:
    """Return the entry with the new keys beside the old ones."""
    return msgspec.structs.replace(
        device,
        next_encryption_key=command.encryption_key,
        next_authentication_key=command.authentication_key,
    )


def changed(device: Device) -> Device:
    """Return the entry with the new keys in the place of the old ones."""
    old = (device.encryption_key if device.next_encryption_key else b"",
           device.authentication_key if device.next_authentication_key else b"")  # fmt: skip
    former = (*device.former_keys, *(_digest(key) for key in old if key))
    return msgspec.structs.replace(
        kept(device),
        encryption_key=device.next_encryption_key or device.encryption_key,
        authentication_key=device.next_authentication_key or device.authentication_key,
        former_keys=former[-FORMER_MAX:],
    )


def kept(device: Device) -> Device:
    """Return the entry without the new keys."""
    return msgspec.structs.replace(device, next_encryption_key=b"", next_authentication_key=b"")


def names_of(device: Device) -> tuple[str, ...]:
    """Return which keys are in doubt."""
    both = (
        ("encryption", device.next_encryption_key),
        ("authentication", device.next_authentication_key),
    )
    return tuple(name for name, key in both if key)


def imported(known: Device | None, wanted: Device) -> Device:
    """Return the entry that an import makes of ``wanted``, which knows of no changed key.

    A list that is older than a change of keys does not bring the old ones back, and a list without
    the master key does not take it away.
    """
    if known is None or not (known.master_key or known.former_keys or in_doubt(known)):
        return wanted  # as nearly always, in lists of a million
    keys = {
        name: getattr(known, name)
        for name in ("encryption_key", "authentication_key")
        if (key := getattr(wanted, name)) and _digest(key) in known.former_keys
    }
    found = msgspec.structs.replace(
        wanted, master_key=wanted.master_key or known.master_key, former_keys=known.former_keys,
        **keys,
    )  # fmt: skip
    if not in_doubt(known) or _keys(found) != _keys(known):
        return found
    return msgspec.structs.replace(
        found,
        next_encryption_key=known.next_encryption_key,
        next_authentication_key=known.next_authentication_key,
    )


def _keys(device: Device) -> tuple[bytes, bytes]:
    return device.encryption_key, device.authentication_key


def _digest(key: bytes) -> bytes:
    return hashlib.blake2b(key, digest_size=_DIGEST_SIZE).digest()

"""The settings of a modem: a change that cuts the modem off takes itself back."""

from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from protocols.hml1.tlv import encode_tlv

ROLL_BACK_S: Final = 600.0
"""Without a session for so long after a change, the settings of before it come back."""
HASH_SIZE: Final = 4


class ModemSettings:
    """The settings in force, and those before a change that is on trial."""

    __slots__ = ("_before", "_deadline", "active")

    def __init__(self, values: Mapping[int, bytes]) -> None:
        self.active = dict(values)
        self._before: dict[int, bytes] | None = None
        self._deadline = 0.0

    @property
    def hash(self) -> bytes:
        """Four bytes by which the head-end knows whether it knows these settings."""
        ordered = encode_tlv(dict(sorted(self.active.items())))
        return sha256(ordered).digest()[:HASH_SIZE]

    @property
    def on_trial(self) -> bool:
        """Whether a change waits for the session that proves it good."""
        return self._before is not None

    def change(self, values: Mapping[int, bytes], now_s: float) -> None:
        """Put settings in force, on trial; a second change goes back to the same beginning."""
        if self._before is None:
            self._before = dict(self.active)
        self.active |= values
        self._deadline = now_s + ROLL_BACK_S

    def confirm(self) -> None:
        """Keep the change: a session was opened under it."""
        self._before = None

    def roll_back_if_due(self, now_s: float) -> bool:
        """Take an unproved change back when its time is over; return whether that happened."""
        if self._before is None or now_s < self._deadline:
            return False
        self.active, self._before = self._before, None
        return True

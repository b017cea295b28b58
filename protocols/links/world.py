"""What a link may ask of the program around it: the time, random bytes, secrets. All passed in."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import msgspec


class LinkWorld(msgspec.Struct, frozen=True, kw_only=True):
    """The world as a link sees it. None: the program has no such thing, and the link does without.

    The functions are called in the task that reads all sockets: they answer from memory, at once.
    """

    now: Callable[[], datetime] | None = None
    """The time, aware; links that tell it to a modem write it in the zone in which it comes."""
    random_bytes: Callable[[int], bytes] | None = None
    """So many unpredictable bytes."""
    secret_of: Callable[[str], bytes | None] | None = None
    """The key that the program shares with the modem of this name; None: there is none."""
    stored_up_to: Callable[[str], int | None] | None = None
    """Number of the last record of the modem of this name that is durable; None: not known now."""


NOWHERE: Final = LinkWorld()
"""No clock, no secrets."""

"""What carries APDUs between client and meter: the HDLC link or the TCP wrapper."""

from collections.abc import Generator, Sequence
from typing import Protocol

from protocols.dialogue import Exchange

Step = Generator[Exchange, bytes | None, None]
Answer = Generator[Exchange, bytes | None, bytes]


class Carrier(Protocol):
    """One link to one meter. Every method is a dialogue (``protocols.dialogue``)."""

    numbered: bool
    """Whether frames have numbers and the link is closed: an answer then belongs to its question,
    and the association ends with the link."""

    def connect(self) -> Step:
        """Open the link."""
        ...

    def ask(self, apdu: bytes, *, wait_s: float | None = None) -> Answer:
        """Send an APDU and return the answer to it."""
        ...

    def stream(self, apdus: Sequence[bytes], *, wait_s: float | None = None) -> Answer:
        """Send APDUs, one behind the other, and return the first that comes then.

        Carriers with numbers take one only.
        """
        ...

    def hear(self, *, wait_s: float | None = None) -> Answer:
        """Return the next APDU from the meter without asking again.

        Only for carriers without numbers, where what came may be no answer to what was asked.
        """
        ...

    def disconnect(self) -> Step:
        """Close the link; never raises because of the meter."""
        ...

"""One association of a simulated meter: what was agreed on, and the counters of its own key."""

from typing import Final

from protocols.dlms.acse import Mechanism
from protocols.dlms.security import protect

GUARDED: Final = 0x30
"""Authenticated and encrypted."""


class MeterAssociation:
    """One association."""

    def __init__(self, client: int) -> None:
        self.client = client
        self.open = False
        self.ciphered = False
        self.mechanism = Mechanism.NONE
        self.client_title = b""
        self.ours = b""
        self.theirs = b""
        self.max_pdu = 128
        self.conformance = 0
        self.dedicated = b""
        self.dedicated_counter = 0
        self.client_dedicated_counter = 0
        """The least counter under the dedicated key that the client may use next."""

    def allows(self, service: int) -> bool:
        """Whether both agreed on a service."""
        return bool(self.conformance & service)

    def under_dedicated(self, plain: bytes, title: bytes, ak: bytes) -> bytes:
        """Return ``plain`` protected under the dedicated key; uses one of its counters."""
        self.dedicated_counter += 1
        return protect(
            plain, title=title, control=GUARDED, counter=self.dedicated_counter,
            key=self.dedicated, ak=ak,
        )  # fmt: skip

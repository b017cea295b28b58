"""What clients of plain HTTP share."""

import ssl
from typing import Final

NO_CERTIFICATES: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody. A client that is told nothing else reads all certificates there are at its start,
which takes longer than most tests."""

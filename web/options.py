"""Settings of the web server, with their units and the sums behind the limits."""

import ipaddress
from typing import Final

import msgspec

READERS: Final = 8
"""Worker threads that read databases for the web: more would only queue for the disk."""

PROBES: Final = 4
"""Those that look whether the log is there. While it hangs they do too, and no reader with them."""


class WebOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How the web server behaves."""

    host: str = "127.0.0.1"
    """What it is bound to; on a loopback address no token is asked for."""
    hosts: tuple[str, ...] = ()
    """Further names by which people reach it, without port: a proxy's public name."""
    tick_s: float = 0.2
    """Pause between two frames of a live topic."""
    stall_s: float = 30.0
    """A live client that takes nothing for so long is closed."""
    slack: int = 65_536
    """Bytes that wait for a live client before its topics are conflated."""
    grace_s: float = 3.0
    """How long requests may go on after the order to stop."""
    connections_max: int = 2_000
    """HTTP and live together: modems need the file descriptors."""
    live_max: int = 1_000
    """Live clients."""
    command_s: float = 120.0
    """How long a command to a meter may take, unless the request says otherwise."""
    unavailable: tuple[type[Exception], ...] = ()
    """Exceptions of the read model that mean "the database is away"; answered with 503."""

    @property
    def is_local(self) -> bool:
        """Whether only programs of this machine can reach it."""
        return is_loopback(self.host)


def is_loopback(host: str) -> bool:
    """Whether ``host`` is an address, or ``localhost``, that only this machine can reach."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False

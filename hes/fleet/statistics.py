"""What a simulated fleet has done so far."""

import msgspec


class FleetStatistics(msgspec.Struct, kw_only=True):
    """Counts of the whole fleet since it began, but ``connected``, which is now."""

    modems: int = 0
    meters: int = 0
    connected: int = 0
    connections: int = 0
    reconnects: int = 0
    """Connections of a modem that had one before."""
    refused: int = 0
    """Attempts that found nobody listening, or nobody in time."""
    hang_ups: int = 0
    """Connections that the head-end closed."""
    pushes: int = 0
    """Pushes that meters made."""
    pushes_sent: int = 0
    """Pushes that were sent, each time counted."""
    pushes_confirmed: int = 0
    pushes_resent: int = 0
    pushes_given_up: int = 0
    """Pushes that were dropped: never confirmed, or too many were waiting."""
    requests: int = 0
    """Requests that a meter answered."""
    unreadable: int = 0
    """Requests with contents that no meter understands."""
    heartbeats: int = 0
    outages: int = 0
    """Power failures of modems."""
    bytes_in: int = 0
    bytes_out: int = 0
    faults: dict[str, int] = {}
    """What the network did, by kind."""

    def fault(self, kind: str) -> None:
        """Count one fault."""
        self.faults[kind] = self.faults.get(kind, 0) + 1

    def line(self) -> str:
        """Return what a person follows while it runs, in one line."""
        return f"{self.connected}/{self.modems} modems connected, {self._counts()}"

    def summary(self) -> str:
        """Return what was done in all, in one line."""
        return f"{self.modems} modems made {self.connections} connections, {self._counts()}"

    def _counts(self) -> str:
        return (
            f"{self.pushes_sent} pushes sent, {self.pushes_confirmed} confirmed, "
            f"{self.requests} requests answered, {self.reconnects} reconnects, "
            f"{self.refused} refused, {sum(self.faults.values())} faults"
        )

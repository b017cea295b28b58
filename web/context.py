"""What all requests of one web server share."""

from typing import Final

import trio

from web.history import History
from web.live import LiveFeed
from web.metrics import Metrics
from web.options import PROBES, READERS, WebOptions
from web.ports import Node
from web.rate import EventRate

READINGS_WINDOW_S: Final = 60.0
"""Meters speak in bursts: over a minute their number is steady."""


class Web:
    """The node behind the web, and what the web itself remembers."""

    def __init__(self, node: Node, options: WebOptions) -> None:
        self.node: Final = node
        self.options: Final = options
        self.limiter: Final = trio.CapacityLimiter(READERS)
        self.probes: Final = trio.CapacityLimiter(PROBES)
        self.history: Final = History(node.event_log, node.decoder)
        self.metrics: Final = Metrics()
        self.feed: Final = LiveFeed(options.stall_s, options.slack)
        self.rate: Final = EventRate()
        self.readings: Final = EventRate(window_s=READINGS_WINDOW_S)
        """Counts register readings, not log positions."""

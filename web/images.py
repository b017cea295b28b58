"""How far the last firmware image is on its way into a device, out of the newest events of it."""

from typing import Final

from hes.control import ImageAnswer
from hes.events.base import Recorded
from hes.events.firmware import FirmwareOffered
from hes.ids import StreamId
from hes.rules.firmware_progress import KINDS, progress
from web.context import Web

SCAN_MAX: Final = 20_000
"""Events of the device that are looked at for its last image."""
CHUNK: Final = 500


def last_image(web: Web, stream: StreamId) -> ImageAnswer | None:
    """Return what the newest events of a device say; None: nothing. For worker threads."""
    log, decoder = web.node.event_log, web.node.decoder
    topics = {kind.topic for kind in KINDS}
    told: list[Recorded] = []
    before = log.head() + 1
    for _ in range(SCAN_MAX // CHUNK):
        rows = log.read_stream_back(stream, before, CHUNK)
        for row in rows:
            if row.topic in topics:
                told.append(decoder.recorded(row))
                if isinstance(told[-1].event, FirmwareOffered):
                    return progress([recorded.event for recorded in reversed(told)])
        if len(rows) < CHUNK:
            return None
        before = rows[-1].position
    return None

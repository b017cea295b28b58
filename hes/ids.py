"""Names of things. A name is a type, so that a modem id can never be passed for a meter id."""

from typing import NewType

MeterId = NewType("MeterId", str)
"""The utility's name of a meter, as in the device list; usually the serial on the nameplate."""

ModemId = NewType("ModemId", str)
"""What a modem calls itself when it dials in: IMEI, phone number or a configured text."""

StreamId = NewType("StreamId", str)
"""Name of one event stream: ``meter:18097634``, ``modem:861234567890123``, ``node:main``."""

METER_PREFIX = "meter:"
MODEM_PREFIX = "modem:"
NODE_PREFIX = "node:"


def meter_stream(meter: MeterId) -> StreamId:
    """Return the stream that holds everything known about ``meter``."""
    return StreamId(METER_PREFIX + meter)


def modem_stream(modem: ModemId) -> StreamId:
    """Return the stream that holds the sessions and troubles of ``modem``."""
    return StreamId(MODEM_PREFIX + modem)


def node_stream(node: str) -> StreamId:
    """Return the stream of what concerns the node itself: unknown callers, crashes, commands."""
    return StreamId(NODE_PREFIX + node)


def meter_of(stream: str) -> MeterId | None:
    """Return the meter whose stream this is, or None."""
    if not stream.startswith(METER_PREFIX):
        return None
    return MeterId(stream.removeprefix(METER_PREFIX))


def modem_of(stream: str) -> ModemId | None:
    """Return the modem whose stream this is, or None."""
    if not stream.startswith(MODEM_PREFIX):
        return None
    return ModemId(stream.removeprefix(MODEM_PREFIX))

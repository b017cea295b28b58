"""What a modem with a schedule of its own asks a meter and keeps: its words as they come."""

from typing import Final

from hes.fleet.kinds import SimulatedMeter
from protocols.dlt645.exchange import READ, READ_1997
from protocols.dlt645.frame import ANY, encode_frame
from protocols.iec62056_21.frame import encode_option

READOUT: Final = encode_option("0", "5", "0")
TOTAL: Final = {"dlt645-2007": (READ, 0x00010000, 4), "dlt645-1997": (READ_1997, 0x9010, 2)}
"""Control code, identifier of the energy that was drawn, and the size of that."""
ANY_1997: Final = "9" * 12


def gather(protocol: str, address: str, meter: SimulatedMeter) -> bytes:
    """Return what the meter answered; nothing when it is busy with somebody else."""
    if protocol in TOTAL:
        control, identifier, size = TOTAL[protocol]
        anybody = ANY_1997 if size == 2 else ANY
        return meter.receive(
            encode_frame(address or anybody, control, identifier.to_bytes(size, "little"))
        )
    identified = meter.receive(f"/?{address}!\r\n".encode("ascii"))
    return meter.receive(READOUT) if identified else b""

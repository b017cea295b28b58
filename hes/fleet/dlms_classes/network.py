"""The modem inside a simulated meter: access point, port, whom it calls, how well it hears."""

from datetime import datetime

from hes.fleet.dlms_classes.stored import DONE, StoredObject
from protocols.dlms.classes.auto_connect import (
    AUTO_CONNECT,
    CONNECT,
    USUAL_OBIS as CONNECT_OBIS,
    AutoConnect,
    ConnectMode,
)
from protocols.dlms.classes.dates import decode_moment
from protocols.dlms.classes.gprs_modem_setup import (
    GPRS_MODEM_SETUP,
    USUAL_OBIS as GPRS_OBIS,
    GprsModemSetup,
    Qualities,
    Quality,
)
from protocols.dlms.classes.gsm_diagnostic import (
    GSM_DIAGNOSTIC,
    USUAL_OBIS as GSM_OBIS,
    Cell,
    GsmDiagnostic,
    Neighbour,
    PacketService,
    Registration,
)
from protocols.dlms.classes.tcp_udp_setup import TCP_UDP_SETUP, USUAL_OBIS, USUAL_PORT, TcpUdpSetup
from protocols.dlms.cosem import Refused
from protocols.dlms.cosem_time import encode_time

IP_SETUP = bytes((0, 0, 25, 1, 0, 255))
BEST_EFFORT = Quality(3, 4, 3, 4, 31)


def gprs() -> StoredObject[GprsModemSetup]:
    """Return class 45."""
    values = GprsModemSetup(apn="v-internet", quality=Qualities(BEST_EFFORT, BEST_EFFORT))
    return StoredObject(GPRS_MODEM_SETUP, GPRS_OBIS, values, {"apn", "pin", "quality"})


def tcp_udp() -> StoredObject[TcpUdpSetup]:
    """Return class 41."""
    values = TcpUdpSetup(
        port=USUAL_PORT, ip_setup=IP_SETUP, segment_size_bytes=576, connections=1, inactivity_s=180
    )
    return StoredObject(TCP_UDP_SETUP, USUAL_OBIS, values, {"port", "inactivity_s"})


def auto_connect() -> StoredObject[AutoConnect]:
    """Return class 29."""
    values = AutoConnect(
        mode=ConnectMode.PERMANENT, repetitions=3, repetition_delay_s=60,
        destinations=("198.51.100.1:4059",),
    )  # fmt: skip
    writable = {"mode", "repetitions", "repetition_delay_s", "windows", "destinations"}
    found = StoredObject(AUTO_CONNECT, CONNECT_OBIS, values, writable)
    found.methods = {CONNECT: lambda _parameter, _now: DONE}
    return found


class SimulatedDiagnostic(StoredObject[GsmDiagnostic]):
    """Class 47."""

    def __init__(self, utc_offset_min: int) -> None:
        values = GsmDiagnostic(
            operator="SIM-NET", registration=Registration.HOME, circuit_service=0,
            packet_service=PacketService.LTE, cell=Cell(0x4E21, 0x0C11, 19, 0),
            neighbours=(Neighbour(0x4E22, 11),),
        )  # fmt: skip
        super().__init__(GSM_DIAGNOSTIC, GSM_OBIS, values)
        self._utc_offset_min = utc_offset_min

    def read(self, index: int, now: datetime) -> bytes | Refused:
        """See ``StoredObject``; it is as of now."""
        octets = encode_time(now, utc_offset_min=self._utc_offset_min)
        self.change(captured_at=decode_moment(octets))
        return super().read(index, now)

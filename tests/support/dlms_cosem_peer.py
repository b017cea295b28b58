"""The client of dlms-cosem, a library that we did not write, in front of a simulated meter."""

from collections.abc import Callable
from typing import Any, TypeVar

from blocking_peer import behind_tcp
from dlms_bench import KEYS, PASSWORD
from dlms_cosem import cosem, enumerations
from dlms_cosem.clients.dlms_client import DlmsClient
from dlms_cosem.clients.hdlc_transport import SerialHdlcTransport

from hes.fleet.dlms_meter import SimulatedDlmsMeter
from protocols.dlms.acse import Mechanism

T = TypeVar("T")
MECHANISMS = {
    Mechanism.NONE: None,
    Mechanism.LOW: enumerations.AuthenticationMechanism.LLS,
    Mechanism.GMAC: enumerations.AuthenticationMechanism.HLS_GMAC,
}
INTERFACES = {c.value: c for c in enumerations.CosemInterface}
SILENCE_S = 5


def settings(auth: Mechanism, password: bytes = PASSWORD) -> dict[str, Any]:
    """Return the library's words for a kind of association."""
    found: dict[str, Any] = {"authentication_method": MECHANISMS[auth]}
    if auth is Mechanism.LOW:
        found["password"] = password
    if auth is Mechanism.GMAC:
        found |= {
            "encryption_key": KEYS.encryption, "authentication_key": KEYS.authentication,
            "client_system_title": b"DLC\0\0\0\0\1", "client_initial_invocation_counter": 10,
        }  # fmt: skip
    return found


def attribute(class_id: int, code: str, index: int) -> cosem.CosemAttribute:
    """Return the library's name of an attribute."""
    obis = cosem.Obis(*(int(part) for part in code.split(".")))
    return cosem.CosemAttribute(INTERFACES[class_id], obis, index)


async def over_tcp(
    meter: SimulatedDlmsMeter, talk: Callable[[DlmsClient], T], *, piece: int = 0, **more: Any
) -> T:
    """Return what ``talk`` returns of a client that reaches ``meter`` over a real TCP socket.

    The library blocks, so it runs in a thread, with its own limit of time on the socket.
    """

    def run(port: int) -> T:
        client = DlmsClient.with_tcp_transport(
            host="127.0.0.1", port=port, client_logical_address=1, server_logical_address=1,
            timeout=SILENCE_S, **more,
        )  # fmt: skip
        client.connect()
        try:
            return talk(client)
        finally:
            client.disconnect()

    meter.reset()
    return await behind_tcp(meter.receive, run, piece=piece)


class MemorySerial:
    """A serial port whose other end is a simulated meter."""

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self._answer = answer
        self._waiting = b""

    def write(self, data: bytes) -> None:
        """Send to the meter, which answers at once."""
        self._waiting += self._answer(bytes(data))

    def read_until(self, mark: bytes) -> bytes:
        """Return what waits up to ``mark``.

        Raises:
            TimeoutError: nothing waits.

        """
        if not self._waiting:
            raise TimeoutError
        end = self._waiting.find(mark) + len(mark)
        end = end if end >= len(mark) else len(self._waiting)
        read, self._waiting = self._waiting[:end], self._waiting[end:]
        return read


def over_hdlc(meter: SimulatedDlmsMeter, physical: int | None, **more: Any) -> DlmsClient:
    """Return a client that reaches ``meter`` over HDLC on a serial line."""
    transport = SerialHdlcTransport(
        client_logical_address=1, server_logical_address=1, server_physical_address=physical,
        serial_port="memory", serial=MemorySerial(meter.receive),
    )  # fmt: skip
    return DlmsClient(
        client_logical_address=1, server_logical_address=1, io_interface=transport, **more
    )

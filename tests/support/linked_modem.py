"""A simulated modem on a real socket, whatever its link, with a meter on its line."""

import contextlib
import socket
import threading
import time

from hes.fleet.kinds import SimulatedMeter
from hes.fleet.links.side import ModemSide

CHUNK_SIZE = 3
CHUNK_PAUSE_S = 0.0005
SILENCE_S_MAX = 60.0


class LinkedModem:
    """One modem in a thread of its own; all that it says goes out in chunks of three bytes."""

    def __init__(self, side: ModemSide, meter: SimulatedMeter, port: int) -> None:
        self.side, self.meter = side, meter
        self.heard = b""
        """Everything that the head-end said, as it came."""
        self.hung_up = threading.Event()
        """Set when the head-end has closed the connection."""
        self._talk = threading.Lock()
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=SILENCE_S_MAX)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def say(self, data: bytes) -> None:
        """Send bytes that the side has made."""
        with self._talk:
            for at in range(0, len(data), CHUNK_SIZE):
                self._socket.sendall(data[at : at + CHUNK_SIZE])
                time.sleep(CHUNK_PAUSE_S)

    def beat(self) -> None:
        """Send a heartbeat."""
        self.say(self.side.heartbeat(0.0))

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5.0)

    def _run(self) -> None:
        try:
            self.say(self.side.connected(0.0))
            while data := self._socket.recv(4096):
                self._take(data)
            self.hung_up.set()
        except OSError:
            pass  # closed by the test

    def _take(self, data: bytes) -> None:
        self.heard += data
        incoming = self.side.receive(data, 0.0)
        self.say(incoming.reply)
        answer = self.meter.receive(incoming.to_line) if incoming.to_line else b""
        if answer:
            self.say(self.side.wrap(answer))

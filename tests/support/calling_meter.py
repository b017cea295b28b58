"""A modem with one simulated DLMS meter on a socket of the test: it pushes, and it answers."""

import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from node_process import NodeProcess

from hes.fleet.dlms_meter import SimulatedDlmsMeter
from hes.fleet.plan import FleetOptions, ModemPlan, devices_csv, plan_fleet


class CallingMeter:
    """Connects to a node, where its device list has been imported."""

    def __init__(self, plan: ModemPlan, port: int) -> None:
        meter = plan.meters[0]
        self.serial = meter.identity.serial
        self.modem_id = plan.modem_id
        self.meter = SimulatedDlmsMeter(
            meter.identity,
            framing=plan.framing,
            logical=meter.logical,
            physical=meter.physical,
            world=lambda: datetime.now(UTC),
            rng=random.Random(1),
        )
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.sendall(f"MODEM:{plan.modem_id}\r\n".encode())

    def push(self) -> None:
        self.socket.sendall(self.meter.push(confirmed=False))

    def answer(self) -> None:
        """Answer from now on, in a thread that ends with the connection."""
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        try:
            while data := self.socket.recv(4096):
                if answer := self.meter.receive(data):
                    self.socket.sendall(answer)
        except OSError:
            return  # The test is over.

    def hang_up(self) -> None:
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


@contextmanager
def calling_meter(node: NodeProcess, *, seed: int = 5) -> Iterator[CallingMeter]:
    """Import a meter and let it call."""
    options = FleetOptions(meters=1, multidrop_share=0.0, push_share=1.0, seed=seed)
    plans = plan_fleet(options)
    node.import_csv(devices_csv(plans))
    found = CallingMeter(plans[0], node.modems)
    try:
        yield found
    finally:
        found.socket.close()

"""A modem that speaks HML/1: the protocol's own modem, with bytes instead of orders."""

from collections.abc import Callable
from typing import Final

from hes.fleet.links.side import Incoming, SideKind, SideWorld
from hes.fleet.planned import ModemPlan
from protocols.hml1.kinds import Tag
from protocols.hml1.messages import Alarm, Record
from protocols.hml1.modem import Flash, HangUp, Hml1Modem, Order, Send, ToSerial
from protocols.hml1.queue import RecordQueue
from protocols.hml1.settings import ModemSettings

MODEL = b"HES-FLEET"
FIRMWARE = b"1.0.0"


class Hml1Side:
    """See ``ModemSide``; beside the pipe it stores records and tells alarms.

    What a wrapped meter answer needs (an open pipe), the head-end has asked for before.
    """

    name = "hml1"

    def __init__(
        self,
        modem_id: str,
        secret: bytes,
        *,
        random_bytes: Callable[[int], bytes],
        maker: bytes = b"",
        capacity: int = 1000,
    ) -> None:
        identity = {Tag.ID: modem_id.encode(), Tag.MODEL: MODEL, Tag.FIRMWARE: FIRMWARE}
        flash = Flash(RecordQueue(capacity=capacity), ModemSettings({}))
        self.modem = Hml1Modem(
            {int(tag): value for tag, value in identity.items()},
            secret, flash, random_bytes=random_bytes, maker=maker,
        )  # fmt: skip

    def connected(self, _now_s: float) -> bytes:
        """See ``ModemSide``."""
        self.modem.lost()
        return self._incoming(self.modem.connected()).reply

    def receive(self, data: bytes, now_s: float) -> Incoming:
        """See ``ModemSide``.

        Raises:
            RemoteProtocolError: the head-end speaks another version; hang up.

        """
        return self._incoming(self.modem.receive(data, now_s))

    def wrap(self, data: bytes) -> bytes:
        """See ``ModemSide``."""
        return self._incoming(self.modem.from_serial(1, data)).reply

    def heartbeat(self, now_s: float) -> bytes:
        """See ``ModemSide``: whatever is due; ``next_due_s`` says when to ask."""
        return self.due(now_s).reply

    @property
    def next_due_s(self) -> float:
        """See ``BusySide``."""
        return self.modem.next_due_s

    def due(self, now_s: float) -> Incoming:
        """See ``BusySide``."""
        return self._incoming(self.modem.due(now_s))

    def store(self, record: Record, now_s: float) -> bytes:
        """See ``StoringSide``."""
        return self._incoming(self.modem.store(record, now_s)).reply

    def alarm(self, alarm: Alarm, now_s: float) -> bytes:
        """See ``StoringSide``."""
        return self._incoming(self.modem.alarm(alarm, now_s)).reply

    def _incoming(self, orders: list[Order]) -> Incoming:
        return Incoming(
            b"".join(o.data for o in orders if isinstance(o, ToSerial)),
            b"".join(o.data for o in orders if isinstance(o, Send)),
            next((o.reason for o in orders if isinstance(o, HangUp)), ""),
        )


def _make(plan: ModemPlan, world: SideWorld) -> Hml1Side:
    return Hml1Side(plan.modem_id, plan.secret, random_bytes=world.rng.randbytes)


SIDES: Final = {
    "hml1": SideKind(
        link="hml1",
        make=_make,
        name=lambda serial: f"8698765{serial}",
        checked=True,
        secret=True,
        stores=True,
    )
}

"""Both sides of HML/1 on a wire that tests may cut, delay and damage."""

from datetime import UTC, datetime
from typing import Any

from protocols.hml1.handshake import NONCE_SIZE
from protocols.hml1.kinds import Setting, Tag
from protocols.hml1.messages import Record
from protocols.hml1.modem import Flash, HangUp, Hml1Modem, Order, Send
from protocols.hml1.queue import RecordQueue
from protocols.hml1.settings import ModemSettings
from protocols.links.base import LinkEvent, LinkSettings, Reply
from protocols.links.hml1 import Hml1Link
from protocols.links.world import LinkWorld

NAME = "862000000000042"
SECRET = b"a secret of thirty-two bytes....."
NOW = datetime(2026, 11, 28, 3, 11, 13, tzinfo=UTC)


def flash(**queue: int) -> Flash:
    settings = ModemSettings({Setting.SERVER: b"old:7010", Setting.COLLECT_S: b"\0\0\x07\x08"})
    return Flash(RecordQueue(**queue), settings)


def record(text: bytes, meter: str = "000000000001") -> Record:
    return Record(
        number=0, meter=meter, protocol=3, utc_s=1_795_000_000, clock_quality=1,
        label=b"00010000", data=text,
    )  # fmt: skip


class Nonces:
    def __init__(self, letter: bytes) -> None:
        self.letter, self.count = letter, 0

    def __call__(self, size: int) -> bytes:
        assert size == NONCE_SIZE
        self.count += 1
        return self.letter * 4 + self.count.to_bytes(4)


class Wire:
    """A modem and a head-end; what each said that the other's user must know is collected."""

    def __init__(self, kept: Flash | None = None, **world: Any) -> None:
        self.stored: int | None = world.pop("stored", None)
        self.secrets = world.pop("secrets", {NAME: SECRET})
        self.nonces = Nonces(b"H")
        self.modem = Hml1Modem(
            {
                Tag.ID: NAME.encode(),
                Tag.MODEL: b"TEST",
                Tag.FIRMWARE: b"1.0",
                Tag.RSSI_DBM: b"\xb3",
            },
            SECRET,
            kept or flash(),
            random_bytes=Nonces(b"D"),
            **world,
        )  # fmt: skip
        self.now_s = 0.0
        self.events: list[LinkEvent] = []
        self.orders: list[Order] = []
        self.to_head_end: list[bytes] = []
        self.to_modem: list[bytes] = []
        self.link = self._link()

    def _link(self) -> Hml1Link:
        return Hml1Link(
            LinkSettings(
                world=LinkWorld(
                    now=lambda: NOW,
                    random_bytes=self.nonces,
                    secret_of=self.secrets.get,
                    stored_up_to=lambda _name: self.stored,
                )
            )
        )

    # -- the wire

    def connect(self) -> "Wire":
        self.modem.lost()
        self.to_head_end.clear()
        self.to_modem.clear()
        self.link = self._link()
        self.do(self.modem.connected())
        return self.run()

    def do(self, orders: list[Order]) -> None:
        for order in orders:
            if isinstance(order, Send):
                self.to_head_end.append(order.data)
            else:
                self.orders.append(order)

    def down(self, data: bytes) -> "Wire":
        self.to_modem.append(data)
        return self.run()

    def run(self, size: int = 1 << 20) -> "Wire":
        """Carry everything until both are quiet."""
        while self.to_head_end or self.to_modem:
            up, self.to_head_end = b"".join(self.to_head_end), []
            for at in range(0, len(up), size):
                self._take(self.link.receive(up[at : at + size]))
            down, self.to_modem = b"".join(self.to_modem), []
            for at in range(0, len(down), size):
                self.do(self.modem.receive(down[at : at + size], self.now_s))
        return self

    def _take(self, events: list[LinkEvent]) -> None:
        for event in events:
            if isinstance(event, Reply):
                self.to_modem.append(event.data)
            else:
                self.events.append(event)

    # -- what was said

    def said(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    def ordered(self, kind: type[Any]) -> list[Any]:
        return [order for order in self.orders if isinstance(order, kind)]

    @property
    def hung_up(self) -> list[str]:
        return [order.reason for order in self.ordered(HangUp)]

"""Conversations of IEC 62056-21, and the meters that they are held with."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from hes.fleet.iec62056_21_meter import Iec62056Plan, SimulatedIec62056Meter
from protocols.iec62056_21.conversation import Conversation, Iec62056Settings
from protocols.iec62056_21.frame import encode_command
from protocols.iec62056_21.options import Iec62056Options

NOW = datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC)
ENERGY = "1.0.1.8.0.255"
LOAD = "1.0.99.1.0.255"
HOURS_3 = NOW - timedelta(hours=3)
IDENT = b"/XYZ5TEST\r\n"
P0 = encode_command("P0", "()")
B0 = encode_command("B0")
Wire = Callable[[bytes], bytes]


def meter(**plan: Any) -> SimulatedIec62056Meter:
    return SimulatedIec62056Meter(
        Iec62056Plan(**{"serial": "00012345"} | plan), world=lambda: NOW, drift_s=7
    )


def talk(address: str = "12345", password: str = "00000000", **options: Any) -> Conversation:
    return Conversation(
        Iec62056Settings(
            address=address, password=password, utc_offset_min=420,
            options=Iec62056Options(**options),
        )
    )  # fmt: skip


class Script:
    """A meter told line by line: what it answers to what, in order; the last word stays."""

    def __init__(self, **answers: bytes | list[bytes]) -> None:
        self.asked: list[bytes] = []
        self._answers = answers

    def __call__(self, sent: bytes) -> bytes:
        self.asked.append(sent)
        name = self.name(sent)
        found = self._answers.get(name, b"")
        if isinstance(found, list):
            return found.pop(0) if found else b""
        return found

    @staticmethod
    def name(sent: bytes) -> str:
        if sent.startswith(b"/"):
            return "call"
        if sent.startswith(b"\x06"):
            return "ack" if len(sent) == 1 else "readout" if sent[3:4] == b"0" else "program"
        return "nak" if sent == b"\x15" else sent[1:3].decode("latin-1")

    def count(self, name: str) -> int:
        return sum(self.name(sent) == name for sent in self.asked)


def scripted(**answers: bytes | list[bytes]) -> Script:
    return Script(**{"call": IDENT, "program": P0} | answers)

"""A client and a simulated meter, with a line between them that does as it is told."""

import random
from collections.abc import Callable, Generator, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeVar

from hes.fleet.dlms_meter import SimulatedDlmsMeter
from hes.fleet.dlms_server import MeterIdentity
from protocols.dialogue import Exchange
from protocols.dlms.acse import Mechanism
from protocols.dlms.client import ClientSettings, DlmsClient
from protocols.dlms.hdlc_link import HdlcAddress, HdlcLink
from protocols.dlms.objects import ObjectCache
from protocols.dlms.profile import read_profile
from protocols.dlms.reader import TimeRules, read_registers
from protocols.dlms.security import Keys
from protocols.dlms.timers import DlmsTimers
from protocols.dlms.wrapper_link import WrapperLink

T = TypeVar("T")
NOW: Final = datetime(2026, 3, 31, 6, 40, 0, tzinfo=UTC)
KEYS: Final = Keys(bytes(range(16)), bytes(range(16, 32)))
TITLE: Final = b"SIM\x00\x00\x00\x12\x34"
PASSWORD: Final = b"12345678"
RULES: Final = TimeRules()
CODES = ["1.0.1.8.0.255", "1.0.32.7.0.255", "1.0.1.6.0.255", "0.0.96.1.0.255", "1.0.99.9.9.255"]


Tamper = Callable[[int, bytes], Iterable[bytes | None]]
"""From the number of an exchange, from 1, and the bytes of one side to the pieces that arrive.

None: nothing for as long as the client waits.
"""


def whole(_number: int, data: bytes) -> list[bytes | None]:
    """Deliver as it is."""
    return [data] if data else []


def pieces(size: int) -> Tamper:
    """Deliver in pieces of ``size`` bytes."""
    return lambda _, data: [data[at : at + size] for at in range(0, len(data), size)]


class Line:
    """Carries a dialogue to something that answers bytes; ``out`` and ``back`` may do harm."""

    def __init__(
        self, answer: Callable[[bytes], bytes], *, out: Tamper = whole, back: Tamper = whole
    ) -> None:
        self.answer = answer
        self.out = out
        self.back = back
        self.sent: list[bytes] = []
        self.silences_s: list[float] = []
        self.turns = 0

    def run(self, dialogue: Generator[Exchange, bytes | None, T], *, turns_max: int = 20_000) -> T:
        """Return the dialogue's result."""
        waiting: list[bytes | None] = []
        try:
            step: Any = next(dialogue)
            for _ in range(turns_max):
                self.turns += 1
                if step.send:
                    waiting += self._exchange(step.send)
                data = waiting.pop(0) if waiting else None
                if data is None:
                    self.silences_s.append(step.wait_s)
                step = dialogue.send(data)
        except StopIteration as end:
            result: T = end.value
            return result
        raise AssertionError("the dialogue has no end")

    def _exchange(self, send: bytes) -> list[bytes | None]:
        self.sent.append(send)
        number = len(self.sent)
        back = b"".join(self.answer(piece) for piece in self.out(number, send) if piece)
        return list(self.back(number, back))


class Bench:
    """One client and one meter."""

    def __init__(
        self,
        framing: str = "hdlc",
        auth: Mechanism = Mechanism.LOW,
        *,
        logical: int = 1,
        physical: int | None = None,
        size: int | None = None,
        information: int = 512,
        max_pdu: int = 1024,
        compress: bool = False,
        password: bytes = PASSWORD,
        keys: Keys = KEYS,
        client: int = 1,
        ciphered: bool = False,
        dedicated: bool = False,
        conformance: bytes = bytes.fromhex("00fe1f"),
        window: int = 8,
        meter_window: int = 4,
        out: Tamper = whole,
        back: Tamper = whole,
    ) -> None:
        secured = ciphered or auth is Mechanism.GMAC
        shared = auth not in {Mechanism.NONE, Mechanism.GMAC}
        identity = MeterIdentity(
            serial="20001234", title=TITLE if auth > Mechanism.LOW else b"", auth=auth,
            password=PASSWORD if shared else b"", keys=KEYS if secured else None,
            max_pdu=max_pdu, conformance=conformance, window=meter_window,
        )  # fmt: skip
        self.meter = SimulatedDlmsMeter(
            identity, framing=framing, logical=logical, physical=physical, world=lambda: NOW,
            rng=random.Random(1), compress=compress,
        )  # fmt: skip
        self.meter._hdlc.information_max = information
        self.line = Line(self.meter.receive, out=out, back=back)
        self.counters = iter(range(100, 1_000_000))
        timers = DlmsTimers()
        address = HdlcAddress(client=client, logical=logical, physical=physical)
        self.carrier: Any = (
            HdlcLink(address, timers, size=size)
            if framing == "hdlc"
            else WrapperLink(client, logical, timers)
        )
        settings = ClientSettings(
            auth=auth, password=password, keys=keys if secured else None, timers=timers,
            protected=secured, window=window,
        )  # fmt: skip
        self.client = DlmsClient(
            self.carrier, settings, counter=lambda: next(self.counters),
            challenge=lambda: b"K56iVagY" * 2,
            dedicated_key=(lambda: bytes(range(64, 80))) if dedicated else None,
        )  # fmt: skip

    def run(self, dialogue: Generator[Exchange, bytes | None, T]) -> T:
        """Return the dialogue's result."""
        return self.line.run(dialogue)

    def associate(self) -> "Bench":
        """Associate and return self."""
        self.run(self.client.associate())
        return self


def check_registers(bench: Bench) -> None:
    """Read registers of five kinds and compare them with what the customer consumed."""
    cache = ObjectCache({}, {}, {}, {})
    found = bench.run(read_registers(bench.client, CODES, cache))
    truth = bench.meter.objects.consumption
    values = {v.obis: v for v in found.values}
    assert values["1.0.1.8.0.255"].value == truth.energy_wh(NOW)
    assert (values["1.0.1.8.0.255"].scale.scaler, values["1.0.1.8.0.255"].scale.unit) == (0, 30)
    assert values["1.0.32.7.0.255"].value == round(truth.voltages_v(NOW)[0] * 10)
    assert (values["1.0.32.7.0.255"].scale.scaler, values["1.0.32.7.0.255"].scale.unit) == (-1, 35)
    assert values["1.0.1.6.0.255"].class_id == 4
    time = values["1.0.1.6.0.255"].time
    assert time is not None
    assert RULES.decode(time) is not None
    assert values["0.0.96.1.0.255"].value == b"20001234"
    assert values["0.0.96.1.0.255"].scale.scaler is None
    assert found.refused == {"1.0.99.9.9.255": "object-undefined"}
    asked = len(bench.line.sent)
    bench.run(read_registers(bench.client, ["1.0.1.8.0.255"], cache))
    assert cache.scales["1.0.1.8.0.255"].unit == 30
    assert len(bench.line.sent) - asked <= 12


def check_profile(bench: Bench, hours: int = 10) -> None:
    """Read so many hours of the load profile and compare them likewise."""
    end = datetime(2026, 3, 31, 6, 30, tzinfo=UTC)
    begin = end - timedelta(hours=hours)
    cache = ObjectCache({}, {}, {}, {})
    data = bench.run(read_profile(bench.client, "1.0.99.1.0.255", begin, end, cache, RULES))
    energy = bench.meter.objects.consumption.energy_wh
    assert [row.time for row in data.rows] == [
        begin + timedelta(minutes=30 * n) for n in range(2 * hours + 1)
    ]
    assert [row.values[0] for row in data.rows] == [energy(row.time) for row in data.rows]
    assert {row.status for row in data.rows} == {0}
    assert [c.obis for c in data.columns][:2] == ["1.0.1.8.0.255", "1.0.2.8.0.255"]
    assert [s.unit for s in data.scales] == [30, 30, 32, 32]
    assert data.period_s == 1800

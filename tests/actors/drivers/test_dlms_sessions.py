"""What a driver makes of meters that refuse, drop the link, or want other counters than ours."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pump import converse

from actors.drivers.base import CounterJump, DriverWorld
from actors.drivers.dlms import DlmsDriver
from actors.failures import reason_of
from hes.devices import Device
from hes.events.reading import FailureReason
from hes.fleet.dlms_meter import SimulatedDlmsMeter
from hes.fleet.dlms_server import MeterIdentity
from hes.ids import MeterId, ModemId
from protocols.dlms import acse, axdr_encode as ax, hdlc
from protocols.dlms.acse import Mechanism
from protocols.dlms.cosem import COUNTER_OBIS, Attribute
from protocols.dlms.hdlc import HdlcReader, Kind
from protocols.dlms.security import Keys
from protocols.dlms.wrapper import encode_wpdu
from protocols.errors import MeterRefused, MeterSilent, ProtocolError, RemoteProtocolError

NOW = datetime(2026, 3, 1, 5, 0, tzinfo=UTC)
EK, AK, TITLE = b"e" * 16, b"a" * 16, b"MTR\x00\x00\x00\x00\x07"
ENERGY = "1.0.1.8.0.255"
Wire = Callable[[bytes], bytes]


class Bench:
    """One simulated meter and the driver for it."""

    def __init__(self, framing: str, auth: Mechanism = Mechanism.NONE) -> None:
        keys = Keys(EK, AK) if auth is Mechanism.GMAC else None
        physical = 17 if framing == "hdlc" else None
        self.meter = SimulatedDlmsMeter(
            MeterIdentity(serial="7", title=TITLE, auth=auth, keys=keys), framing=framing,
            logical=1, physical=physical, world=lambda: NOW, rng=random.Random(7),
        )  # fmt: skip
        self.counter = 100
        device = Device(
            meter_id=MeterId("7"), modem_id=ModemId("9"), framing=framing,
            address="17" if physical else "", auth="gmac" if keys else "none",
            encryption_key=EK if keys else b"", authentication_key=AK if keys else b"",
        )  # fmt: skip
        world = DriverWorld(
            now=lambda: NOW, random_bytes=random.Random(8).randbytes, counter=self.next,
            utc_offset_min=420,
        )  # fmt: skip
        self.driver = DlmsDriver(device, world)
        self.asked: list[bytes] = []

    def next(self) -> int:
        self.counter += 1
        return self.counter

    def wire(self, data: bytes) -> bytes:
        self.asked.append(data)
        return self.meter.receive(data)

    def read(self, wire: Wire | None = None) -> Any:
        return converse(self.driver.registers([ENERGY]), wire or self.wire)

    def count(self, first_byte: int) -> int:
        """How many wrapped APDUs of a kind the meter was sent."""
        return sum(data[8] == first_byte for data in self.asked)


def test_a_meter_that_says_its_counter_is_jumped_to() -> None:
    bench = Bench("wrapper", Mechanism.GMAC)
    bench.meter.server.client_counter = 5_000
    with pytest.raises(CounterJump) as caught:
        bench.read()
    assert caught.value.wanted == 5_000
    assert isinstance(caught.value, ProtocolError), "the serial line takes it as an answer"
    assert reason_of(caught.value) is FailureReason.REFUSED


@pytest.mark.parametrize("framing", ["wrapper", "hdlc"])
@pytest.mark.parametrize("silent", [True, False])
def test_a_meter_that_hides_the_reason_is_asked_for_its_counter(framing: str, silent: bool) -> None:
    bench = Bench(framing, Mechanism.GMAC)
    bench.meter.server.client_counter = 5_000
    answer = bench.meter.server.answer
    refusal = None if silent else acse.encode_aare(acse.Aare(result=1, diagnostic=1))

    def hidden(apdu: bytes, client: int) -> bytes | None:
        said = answer(apdu, client)
        return refusal if said is not None and said[0] == 0xD8 else said

    bench.meter.server.answer = hidden  # type: ignore[method-assign]
    with pytest.raises(CounterJump) as caught:
        bench.read()
    assert caught.value.wanted == 5_000
    bench.counter = 5_000
    assert len(bench.read().values) == 1


def test_a_wrong_key_stays_a_refusal() -> None:
    bench = Bench("wrapper", Mechanism.GMAC)
    bench.meter.identity = bench.meter.server.identity = MeterIdentity(
        serial="7", title=TITLE, auth=Mechanism.GMAC, keys=Keys(b"x" * 16, AK)
    )
    with pytest.raises(ProtocolError) as caught:
        bench.read()
    assert not isinstance(caught.value, CounterJump)


@pytest.mark.parametrize("ahead", [0, 1])
def test_a_failure_after_the_counter_was_taken_is_told_as_it_is(ahead: int) -> None:
    """Some tell the counter that they took last, some the one that they would take next."""
    bench = Bench("wrapper", Mechanism.GMAC)
    server = bench.meter.server
    answer, read = server.answer, server._read

    def telling(attribute: Attribute, selection: Any) -> Any:
        if attribute.obis == COUNTER_OBIS:
            return ax.u32(server.client_counter - 1 + ahead)
        return read(attribute, selection)

    server._read = telling  # type: ignore[method-assign]

    def broken(apdu: bytes, client: int) -> bytes | None:
        said = answer(apdu, client)
        return said[:-1] if said is not None and client != 16 else said

    bench.meter.server.answer = broken  # type: ignore[method-assign]
    with pytest.raises(RemoteProtocolError) as caught:
        bench.read()
    assert caught.value.category == "truncated"


def test_a_dead_meter_is_not_asked_for_its_counter_too() -> None:
    bench = Bench("hdlc", Mechanism.GMAC)
    called: list[int] = []

    def dead(data: bytes) -> bytes:
        called.append(data[4])
        return b""

    with pytest.raises(MeterSilent):
        bench.read(dead)
    assert len(called) == 4


# -- links that drop


def dropping(bench: Bench, number: int) -> Wire:
    """Return the wire of a meter that once forgot the connection when the n-th I frame comes."""
    seen = 0

    def wire(data: bytes) -> bytes:
        nonlocal seen
        reader = HdlcReader()
        reader.receive_data(data)
        frame = reader.next_frame()
        assert frame is not None
        seen += frame.kind is Kind.I
        if frame.kind is Kind.I and seen == number:
            return hdlc.encode_frame(frame.source, frame.destination, hdlc.DM)
        return bench.wire(data)

    return wire


def test_a_read_begins_anew_when_the_link_drops() -> None:
    bench = Bench("hdlc")
    assert len(bench.read(dropping(bench, 2)).values) == 1


def test_but_only_once() -> None:
    bench = Bench("hdlc")

    def never(data: bytes) -> bytes:
        return dropping(bench, 1)(data)

    with pytest.raises(RemoteProtocolError, match="dropped the link"):
        bench.read(never)


def test_a_clock_is_never_set_twice() -> None:
    bench = Bench("hdlc")
    bench.meter.clock.drift_s = 30.0
    with pytest.raises(RemoteProtocolError, match="dropped the link"):
        converse(bench.driver.set_clock(shift_s_max=60.0), dropping(bench, 4))
    assert bench.meter.clock.drift_s == 0.0, "the shift was heard, its answer was lost"


# -- letting go


def test_each_conversation_over_the_wrapper_ends_with_a_release() -> None:
    bench = Bench("wrapper")
    bench.read()
    bench.read()
    assert bench.count(acse.AARQ_TAG) == bench.count(acse.RLRQ_TAG) == 2


def test_a_meter_that_answers_no_release_is_told_no_more() -> None:
    bench = Bench("wrapper")

    def deaf(data: bytes) -> bytes:
        answer = bench.wire(data)
        return b"" if data[8] == acse.RLRQ_TAG else answer

    bench.read(deaf)
    bench.read(deaf)
    assert bench.count(acse.RLRQ_TAG) == 1


def test_a_meter_that_was_left_in_the_middle_is_let_go_first() -> None:
    bench = Bench("wrapper")

    def cut(data: bytes) -> bytes:
        return bench.wire(data) if data[8] == acse.AARQ_TAG else b""

    with pytest.raises(MeterSilent):
        bench.read(cut)
    bench.asked.clear()
    bench.read()
    assert [data[8] for data in bench.asked[:2]] == [acse.RLRQ_TAG, acse.AARQ_TAG]


def test_a_late_refusal_of_a_conversation_that_broke_off_is_none_of_the_next() -> None:
    bench = Bench("wrapper")

    def cut(data: bytes) -> bytes:
        return bench.wire(data) if data[8] == acse.AARQ_TAG else b""

    def late(data: bytes) -> bytes:
        if data[8] != 0xC0:
            return bench.wire(data)
        stale = bytes((0xC4, 1, 0xC0 | data[10] + 7 & 0x0F, 1, 4))
        return encode_wpdu(1, 1, stale) + bench.wire(data)

    with pytest.raises(MeterSilent):
        bench.read(cut)
    assert len(bench.read(late).values) == 1


def test_invoke_ids_go_on_over_conversations() -> None:
    bench = Bench("wrapper")
    bench.read()
    before = [data[10] for data in bench.asked if data[8] == 0xC0]
    bench.asked.clear()
    bench.read()
    assert next(data[10] for data in bench.asked if data[8] == 0xC0) == before[-1] + 1


# -- times


def test_the_clock_is_looked_at_once_before_the_first_profile() -> None:
    bench = Bench("wrapper")
    for _ in range(2):
        day = timedelta(days=1)
        rows = converse(bench.driver.profile("load", NOW - day, NOW), bench.wire).rows
        assert len(rows) == 49
    clock = bytes((0, 8, 0, 0, 1, 0, 0, 255, 2))
    assert sum(data[11:20] == clock for data in bench.asked) == 1


def test_a_refused_clock_does_not_keep_the_profile_away() -> None:
    bench = Bench("wrapper")
    answer = bench.meter.server.answer
    clock = bytes((0, 8, 0, 0, 1, 0, 0, 255, 2))

    def no_clock(apdu: bytes, client: int) -> bytes | None:
        if apdu[3:12] == clock and len(apdu) == 13:
            return bytes((0xC4, 1, apdu[2], 1, 3))
        return answer(apdu, client)

    bench.meter.server.answer = no_clock  # type: ignore[method-assign]
    begin = NOW - timedelta(hours=2)
    assert converse(bench.driver.profile("load", begin, NOW), bench.wire).rows
    with pytest.raises(MeterRefused):
        converse(bench.driver.clock(), bench.wire)

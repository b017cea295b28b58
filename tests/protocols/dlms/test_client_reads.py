"""The client reads a simulated meter, whatever the link, the frames and the protection."""

from datetime import timedelta
from typing import Any

import pytest
from dlms_bench import CODES, NOW, Bench, check_profile, check_registers, pieces

from protocols.dlms import hdlc
from protocols.dlms.acse import Mechanism
from protocols.dlms.association import Association
from protocols.dlms.cosem import Attribute, Refused, obis_bytes
from protocols.dlms.hdlc import HdlcReader
from protocols.dlms.reader import (
    TimeRules,
    read_clock,
    read_counter,
    set_clock,
    shift_clock,
)

RULES = TimeRules()
SETUPS: dict[str, dict[str, Any]] = {
    "hdlc": {},
    "hdlc-none": {"auth": Mechanism.NONE},
    "hdlc-gmac": {"auth": Mechanism.GMAC},
    "hdlc-two-bytes": {"physical": 17},
    "hdlc-four-bytes": {"logical": 1, "physical": 1234},
    "hdlc-four-bytes-both": {"logical": 300, "physical": 16000, "auth": Mechanism.GMAC},
    "hdlc-small": {"information": 64},
    "hdlc-tiny": {"information": 16, "max_pdu": 128},
    "hdlc-gmac-small": {"information": 64, "max_pdu": 200, "auth": Mechanism.GMAC},
    "wrapper": {"framing": "wrapper"},
    "wrapper-none": {"framing": "wrapper", "auth": Mechanism.NONE},
    "wrapper-gmac": {"framing": "wrapper", "auth": Mechanism.GMAC},
    "wrapper-blocks": {"framing": "wrapper", "max_pdu": 128},
    "wrapper-gmac-blocks": {"framing": "wrapper", "max_pdu": 150, "auth": Mechanism.GMAC},
}


@pytest.fixture(params=SETUPS)
def bench(request: pytest.FixtureRequest) -> Bench:
    return Bench(**SETUPS[request.param]).associate()


def test_registers(bench: Bench) -> None:
    check_registers(bench)


def test_profile(bench: Bench) -> None:
    check_profile(bench)


def test_clock(bench: Bench) -> None:
    assert bench.run(read_clock(bench.client, RULES)) == NOW
    bench.run(set_clock(bench.client, NOW + timedelta(seconds=40), RULES))
    assert bench.run(read_clock(bench.client, RULES)) == NOW + timedelta(seconds=40)
    assert bench.run(shift_clock(bench.client, -40))
    assert bench.run(read_clock(bench.client, RULES)) == NOW
    assert not bench.run(shift_clock(bench.client, 901))


def test_release(bench: Bench) -> None:
    assert bench.client.state is Association.ASSOCIATED
    bench.run(bench.client.release())
    assert bench.client.state is Association.CLOSED
    bench.run(bench.client.associate())
    check_registers(bench)


@pytest.mark.parametrize("size", [1, 2, 13, 64, 200])
@pytest.mark.parametrize(
    "name", ["hdlc-gmac-small", "hdlc-four-bytes", "wrapper-gmac-blocks", "wrapper"]
)
def test_the_same_in_every_cut(name: str, size: int) -> None:
    bench = Bench(**SETUPS[name], out=pieces(size), back=pieces(size)).associate()
    check_registers(bench)
    check_profile(bench, hours=2)


@pytest.mark.parametrize("framing", ["hdlc", "wrapper"])
def test_rows_without_what_did_not_change(framing: str) -> None:
    bench = Bench(framing, compress=True, max_pdu=300).associate()
    check_profile(bench, hours=30)


@pytest.mark.parametrize("framing", ["hdlc", "wrapper"])
def test_a_long_profile(framing: str) -> None:
    check_profile(Bench(framing, Mechanism.GMAC, max_pdu=512).associate(), hours=24 * 7)


def test_the_public_client_reads_the_counter() -> None:
    secured = Bench("hdlc", Mechanism.GMAC)
    secured.meter.server.client_counter = 4711
    secured.client = Bench("hdlc", Mechanism.NONE, client=16).client
    public = Bench("hdlc", Mechanism.NONE, client=16)
    public.line.answer = secured.meter.receive
    public.associate()
    assert public.run(read_counter(public.client)) == 4710
    refused = public.run(public.client.get(Attribute(3, obis_bytes("1.0.1.8.0.255"), 2)))
    assert refused == Refused(3)


def test_a_meter_without_a_counter() -> None:
    bench = Bench().associate()
    bench.meter.server._read = lambda *_: Refused(4)  # type: ignore[method-assign]
    assert bench.run(read_counter(bench.client)) is None


@pytest.mark.parametrize(("agreed", "frames"), [("00fc1f", "one by one"), ("00fe1f", "at once")])
def test_lists_only_where_the_meter_can(agreed: str, frames: str) -> None:
    bench = Bench("wrapper").associate()
    assert bench.client.agreed is not None
    bench.client.agreed = type(bench.client.agreed)(
        conformance=bytes.fromhex(agreed), max_pdu=bench.client.agreed.max_pdu
    )
    before = bench.meter.requests
    attributes = [Attribute(3, obis_bytes(code), 2) for code in CODES[:2]] * 4
    results = bench.run(bench.client.get_list(attributes))
    assert len(results) == 8
    assert bench.meter.requests - before == (8 if frames == "one by one" else 1)
    assert bench.run(bench.client.get_list([])) == []


def test_the_frames_are_no_longer_than_agreed() -> None:
    for information in (16, 64, 128, 512):
        bench = Bench(information=information, physical=1234).associate()
        check_registers(bench)
        reader = HdlcReader()
        for sent in bench.line.sent:
            reader.receive_data(sent)
        frames = []
        while (frame := reader.next_frame()) is not None:
            frames.append(frame)
        carried = [f for f in frames if f.kind is hdlc.Kind.I]
        assert max(len(f.information) for f in carried) <= information
        assert {f.destination for f in frames[-3:]} == {hdlc.encode_address(1, 1234, 4)}

"""Modems whose meters speak IEC 62056-21 or DL/T 645."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from hes.fleet.kinds import KINDS
from hes.fleet.options import FleetOptions
from hes.fleet.plan import plan_fleet, protocol_of
from hes.fleet.weather import FaultProfile
from protocols.dlt645.frame import FrameReader, encode_frame
from protocols.meter_types.meter_type import PROTOCOLS

MakeBench = Callable[..., Any]
LONE = FleetOptions(
    meters=1, multidrop_share=0, push_share=1, push_every_s=30, heartbeat_s=0,
)  # fmt: skip
LINE = msgspec.structs.replace(LONE, meters=3, meters_per_modem=3, multidrop_share=1)
READ_2007, READ_1997 = (0x11, bytes.fromhex("00000100")), (0x01, bytes.fromhex("1090"))
"""The question for the total of the energy that was drawn."""
OTHERS = ["iec62056-21", "dlt645-2007", "dlt645-1997"]
each = pytest.mark.parametrize("protocol", OTHERS)


def speaking(options: FleetOptions, protocol: str, *, called: bool = True) -> FleetOptions:
    """Return the options with a seed whose first modem's meters speak ``protocol``."""
    share = "iec_share" if protocol.startswith("iec") else "dlt645_share"
    for seed in range(1, 100):
        found = msgspec.structs.replace(options, seed=seed, **{share: 1.0})
        modem = plan_fleet(found)[0]
        if modem.protocol == protocol and bool(modem.meters[0].address) is called:
            return found
    raise AssertionError(f"no seed makes such a modem of {protocol}")


def question(protocol: str, address: str) -> bytes:
    if protocol == "iec62056-21":
        return f"/?{address}!\r\n".encode()
    control, name = READ_2007 if protocol == "dlt645-2007" else READ_1997
    return encode_frame(address, control, name)


def test_every_protocol_of_the_device_list_is_simulated() -> None:
    assert set(KINDS) == set(PROTOCOLS)
    assert {protocol_of(luck / 100, LONE) for luck in range(100)} == {"dlms"}


@each
async def test_only_the_meter_that_is_called_answers(
    bench: MakeBench, autojump_clock: MockClock, protocol: str
) -> None:
    fleet = bench(speaking(LINE, protocol))
    assert fleet.plan.protocol == protocol
    await trio.sleep(1)
    session = fleet.sessions[0]
    for count, plan in enumerate(fleet.plan.meters, start=1):
        before = len(session.bytes_in)
        await session.stream.send_all(question(protocol, plan.address))
        await trio.sleep(1)
        answer = session.bytes_in[before:]
        if protocol == "iec62056-21":
            assert answer == b"/SIM5\\@HES010000\r\n"
        else:
            (frame,) = FrameReader().feed(answer)
            assert frame.from_meter
            assert frame.address == plan.address
        assert [meter.requests for meter, _ in fleet.modem._line.meters] == [1] * count + [0] * (
            3 - count
        )
    before = len(session.bytes_in)
    await session.stream.send_all(question(protocol, "99000001"))
    await trio.sleep(1)
    assert len(session.bytes_in) == before
    assert fleet.statistics.requests == 3


@each
async def test_a_lone_meter_without_an_address_answers_too(
    bench: MakeBench, autojump_clock: MockClock, protocol: str
) -> None:
    fleet = bench(speaking(LONE, protocol, called=False))
    assert fleet.plan.meters[0].address == ""
    await trio.sleep(1)
    anybody = {"iec62056-21": "", "dlt645-2007": "A" * 12, "dlt645-1997": "9" * 12}[protocol]
    await fleet.sessions[0].stream.send_all(question(protocol, anybody))
    await trio.sleep(1)
    assert fleet.statistics.requests == 1


@each
async def test_it_says_nothing_by_itself(
    bench: MakeBench, autojump_clock: MockClock, protocol: str
) -> None:
    fleet = bench(speaking(LINE, protocol))
    await trio.sleep(3600)
    assert [session.heard for session in fleet.sessions] == [[(0, fleet.registration)]]
    assert fleet.statistics.pushes == 0


@each
async def test_its_power_fails_without_a_last_gasp(
    bench: MakeBench, autojump_clock: MockClock, protocol: str
) -> None:
    profile = FaultProfile(outage_every_s=1000.0, outage_s=300.0)
    fleet = bench(speaking(LINE, protocol), profile=profile)
    await trio.sleep(fleet.modem._due.outage_at + 3001)
    before, after = fleet.sessions[:2]
    assert before.ended is not None
    assert after.began - before.ended > 1
    assert before.bytes_in == after.bytes_in == fleet.registration
    assert fleet.statistics.outages >= 1
    assert fleet.statistics.pushes == 0


@each
async def test_noise_from_the_head_end_ends_nothing(
    bench: MakeBench, autojump_clock: MockClock, protocol: str
) -> None:
    fleet = bench(speaking(LONE, protocol))
    await trio.sleep(1)
    session = fleet.sessions[0]
    for noise in (b"\x68" * 40, b"/?/?\x01\x02\x03", b"\xff" * 3000, b"\x7e\xa0\x07", bytes(300)):
        await session.stream.send_all(noise)
        await trio.sleep(1)
    await trio.sleep(120)
    before = fleet.statistics.requests
    await session.stream.send_all(question(protocol, fleet.plan.meters[0].address))
    await trio.sleep(1)
    assert fleet.statistics.requests == before + 1
    assert fleet.statistics.connections == 1

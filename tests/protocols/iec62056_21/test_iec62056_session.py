"""Conversations with a simulated meter, over a bad line too, and the way into mode E."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from examples import many
from hypothesis import given, settings, strategies as st
from iec62056_talk import (
    ENERGY,
    HOURS_3,
    LOAD,
    NOW,
    meter,
    scripted,
    talk,
)
from pump import converse

from protocols.dlms.hdlc_link import HdlcAddress, HdlcLink
from protocols.dlms.timers import DlmsTimers
from protocols.errors import (
    MeterRefused,
    MeterSilent,
    ProtocolError,
)
from protocols.iec62056_21.clock import read_clock, shaped, write_clock
from protocols.iec62056_21.frame import encode_block
from protocols.iec62056_21.mode_e import ModeELink
from protocols.iec62056_21.registers import read_registers
from protocols.iec62056_21.states import State
from protocols.iec62056_21.tables import read_log, read_profile


@pytest.mark.parametrize("piece", [0, 1, 3])
@pytest.mark.parametrize(
    ("plan", "options"),
    [
        ({}, {}),
        ({"check": "sum"}, {"check": "sum"}),
        ({"even": True}, {}),
        ({"bare": True}, {}),
        ({}, {"registers_by": "commands"}),
        ({}, {"login": "always"}),
        ({}, {"table_commands": ("R5",), "range_seasons": (False,)}),
        ({"identification": "SIM5TEST"}, {"baud_char": "0"}),
    ],
)
def test_everything_can_be_read(plan: dict[str, Any], options: dict[str, Any], piece: int) -> None:
    one, ours = meter(**plan), talk(**options)
    now = one.clock.now()
    found = converse(read_registers(ours, [ENERGY, "1.0.1.6.0.255"]), one.receive, piece=piece)
    assert found.refused == {}
    energy, maximum = found.values
    assert (energy.value, energy.scaler, energy.unit) == (
        one.values.consumption.energy_wh(now), -3, 0x300 | 30,
    )  # fmt: skip
    assert maximum.time is not None
    told = converse(
        read_profile(ours, LOAD, NOW - timedelta(days=2), NOW), one.receive, piece=piece
    )
    assert told.period_s == 1800
    assert [row.time for row in told.rows] == [
        datetime(2026, 3, 1, 12, tzinfo=UTC) - timedelta(minutes=30 * n) for n in range(95, -1, -1)
    ]
    for row in told.rows:
        assert row.values[0] == one.values.consumption.energy_wh(row.time)
    clock = converse(read_clock(ours), one.receive, piece=piece)
    assert clock.stamp.instant(ours.rules) == now
    converse(ours.close(), one.receive)
    assert ours.session.state is State.CLOSED


def test_only_who_is_called_answers() -> None:
    first, second = meter(), meter(serial="00099999")

    def line(sent: bytes) -> bytes:
        return first.receive(sent) + second.receive(sent)

    found = converse(read_registers(talk("000099999"), ["0.0.96.1.0.255"]), line)
    assert found.values[0].value == "00099999"
    assert first.requests == 0
    with pytest.raises(MeterSilent, match="called 3 times"):
        converse(read_registers(talk("777"), []), line)


def test_all_registers_are_what_the_meter_shows() -> None:
    one = meter()
    found = converse(read_registers(talk(), []), one.receive)
    told = {value.obis: value for value in found.values}
    assert told["1.0.1.8.0.1"].unit == 0x300 | 30
    assert told["1.0.32.7.0.255"].scaler == -1
    assert told["0.0.96.1.0.255"].value == "00012345"
    assert found.meter_time == one.clock.now()
    assert "1.0.0.9.1.255" not in told


def test_what_is_refused_is_a_result() -> None:
    found = converse(read_registers(talk(), [ENERGY, "1.0.99.8.0.255"]), meter().receive)
    assert [value.obis for value in found.values] == [ENERGY]
    assert found.refused == {"1.0.99.8.0.255": "ER07"}


def test_the_clock_is_set_with_a_password_and_only_then() -> None:
    one, ours = meter(), talk()
    told = converse(read_clock(ours), one.receive)
    converse(write_clock(ours, lambda: NOW, told), one.receive)
    assert one.clock.now() == NOW
    log = converse(
        read_log(ours, "0.0.99.98.0.255", HOURS_3, NOW + timedelta(hours=1)), one.receive
    )
    assert [entry.status for entry in log] == ["00008020"]


def test_parts_of_a_log_leave_no_gap_between_them() -> None:
    """Ranges are told in minutes, entries have seconds; the same entry is told twice."""
    asked: list[tuple[str, str]] = []
    entries = ["260228120030", "260301120000", "260301120005"]

    def wire(sent: bytes) -> bytes:
        if b"P.98" not in sent:
            return scripted()(sent)
        begin, _, end = sent.decode().partition("P.98(0")[2].partition(")")[0].partition(";0")
        asked.append((begin, end))
        told = [f"P.98(0{at})(80)()(0)\r\n" for at in entries if begin <= at[:10] <= end]
        return encode_block("".join(told) or "P.98(ERROR)")

    ours = talk(table_commands=("R5",), range_seasons=(True,))
    begin = NOW.replace(second=0) - timedelta(days=1, hours=7)
    log = converse(read_log(ours, "0.0.99.98.0.255", begin, NOW - timedelta(hours=7)), wire)
    assert asked == [("2602281200", "2603011200"), ("2603011200", "2603011201")]
    assert [entry.at for entry in log] == [f"0{at}" for at in entries]


@pytest.mark.parametrize("error", ["ERROR", "ER04"])
def test_a_clock_that_is_an_error_is_taken_from_the_readout(error: str) -> None:
    readout = encode_block("0.9.1(120005)\r\n0.9.2(260301)\r\n!\r\n")
    wire = scripted(R5=encode_block(f"0.9.2({error})"), R1=encode_block(f"0.9.2({error})"),
                    readout=readout)  # fmt: skip
    assert converse(read_clock(talk()), wire).stamp.local == datetime(2026, 3, 1, 12, 0, 5)  # noqa: DTZ001
    found = converse(
        read_registers(talk(registers_by="commands"), [ENERGY]),
        scripted(R5=encode_block(f"1.8.0({error})")),
    )
    assert found.refused == {ENERGY: f"1.8.0({error})"}


@pytest.mark.parametrize(
    ("password", "why"), [("11111111", "ER01"), ("", "the device list has none")]
)
def test_a_wrong_password_is_refused_and_never_repeated(password: str, why: str) -> None:
    one, ours = meter(), talk(password=password)
    told = converse(read_clock(ours), one.receive)
    with pytest.raises(MeterRefused, match=why):
        converse(write_clock(ours, lambda: NOW, told), one.receive)
    assert one.clock.now() != NOW
    assert sum(b"ER01" in sent for sent in one.sent) == (1 if password else 0)


def test_the_third_wrong_password_ends_the_session() -> None:
    one, ours = meter(), talk(password="1")
    told = converse(read_clock(ours), one.receive)
    for _ in range(2):
        with pytest.raises(MeterRefused):
            converse(write_clock(ours, lambda: NOW, told), one.receive)
    with pytest.raises(MeterRefused, match="B0"):
        converse(write_clock(ours, lambda: NOW, told), one.receive)


@settings(max_examples=many(0.4), deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([0, 1, 3, 64]), st.booleans())
def test_a_bad_line_gives_right_values_or_an_error(seed: int, piece: int, echo: bool) -> None:
    rng, one, ours = random.Random(seed), meter(), talk()

    def line(sent: bytes) -> bytes:
        answer = one.receive(sent)
        luck = rng.random()
        if luck < 0.05:
            return b""
        if luck < 0.15 and answer:
            at = rng.randrange(len(answer))
            answer = answer[:at] + bytes((rng.randrange(256),)) + answer[at + 1 :]
        elif luck < 0.2:
            answer = answer[: len(answer) // 2]
        elif luck < 0.25:
            answer = answer[: len(answer) // 2] + b"HEARTBEAT" + answer[len(answer) // 2 :]
        return (sent if echo else b"") + answer

    try:
        told = converse(read_profile(ours, LOAD, HOURS_3, NOW), line, piece=piece)
    except ProtocolError:
        return
    assert [row.values[0] for row in told.rows] == [
        one.values.consumption.energy_wh(row.time) for row in told.rows
    ]
    assert len(told.rows) == 6, "nothing is lost without an error"


def test_lost_answers_cost_time_and_nothing_else() -> None:
    for lost in range(1, 12):
        one, ours = meter(), talk()
        told = converse(
            read_profile(ours, LOAD, HOURS_3, NOW), one.receive, lose=lambda n, lost=lost: n == lost
        )
        assert len(told.rows) == 6, lost


# -- mode E


def test_the_line_is_handed_over_to_hdlc() -> None:
    heard: list[bytes] = []

    def wire(sent: bytes) -> bytes:
        heard.append(sent)
        if sent.startswith(b"/"):
            return b"/XYZ5\\2TEST\r\n"
        return sent if sent.startswith(b"\x06") else b""

    timers = DlmsTimers(repeats=0)
    link = HdlcLink(HdlcAddress(client=1, logical=1), timers, size=1)
    ours = talk("")
    with pytest.raises(MeterSilent):
        converse(ModeELink(ours.session, link).connect(), wire)
    assert heard[1] == b"\x06252\r\n"
    assert heard[2][:1] == b"\x7e", "then HDLC begins"
    assert ours.session.state is State.DOUBTFUL, "the next call begins with a break"


def test_a_meter_without_mode_e_refuses_it() -> None:
    link = HdlcLink(HdlcAddress(client=1, logical=1), DlmsTimers())
    with pytest.raises(MeterRefused, match="mode E"):
        converse(ModeELink(talk().session, link).connect(), scripted())


@pytest.mark.parametrize(
    ("like", "shape", "written"),
    [
        ("0220127", "%y%m%d", "0260301"), ("220127", "%y%m%d", "260301"),
        ("10:56:44", "%H%M%S", "12:00:05"), ("2022-01-27", "%y%m%d", "2026-03-01"),
        ("1056", "%H%M%S", "120005"),
    ],
)  # fmt: skip
def test_times_are_written_as_the_meter_writes_them(like: str, shape: str, written: str) -> None:
    assert shaped(like, NOW, shape) == written

"""Conversations with a simulated meter over a bad line, and with meters told line by line."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from examples import many
from hypothesis import given, settings, strategies as st
from pump import converse

from hes.fleet.iec62056_21_meter import Iec62056Plan, SimulatedIec62056Meter
from protocols.dialogue import Exchange
from protocols.dlms.hdlc_link import HdlcAddress, HdlcLink
from protocols.dlms.timers import DlmsTimers
from protocols.errors import (
    LocalProtocolError,
    MeterRefused,
    MeterSilent,
    ProtocolError,
    RemoteProtocolError,
)
from protocols.iec62056_21.clock import read_clock, shaped, write_clock
from protocols.iec62056_21.conversation import Conversation, Iec62056Settings
from protocols.iec62056_21.frame import encode_block, encode_command
from protocols.iec62056_21.mode_e import ModeELink
from protocols.iec62056_21.options import Iec62056Options, Iec62056Timers
from protocols.iec62056_21.registers import read_registers
from protocols.iec62056_21.states import State
from protocols.iec62056_21.tables import read_log, read_profile

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


# -- with the simulated meter


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


# -- with meters told line by line


def test_a_damaged_answer_is_asked_for_once_with_a_nak() -> None:
    good = encode_block("1.8.0(1.5*kWh)")
    wire = scripted(R5=good.replace(b"1.5", b"1.6"), nak=good)
    found = converse(read_registers(talk(registers_by="commands"), [ENERGY]), wire)
    assert (found.values[0].value, wire.count("nak"), wire.count("call")) == (15, 1, 1)


def test_then_the_session_is_begun_anew_with_a_break() -> None:
    good = encode_block("1.8.0(1.5*kWh)")
    bad = good.replace(b"1.5", b"1.6")
    wire = scripted(R5=[bad, good], nak=bad)
    found = converse(read_registers(talk("", registers_by="commands"), [ENERGY]), wire)
    assert found.values[0].value == 15
    assert [Script.name(sent) for sent in wire.asked] == [
        "call", "program", "R5", "nak", "B0", "call", "program", "R5",
    ]  # fmt: skip


def test_a_meter_that_never_gets_it_right_is_an_error() -> None:
    bad = encode_block("1.8.0(1.5*kWh)").replace(b"1.5", b"1.6")
    wire = scripted(R5=bad, nak=bad)
    with pytest.raises(RemoteProtocolError) as caught:
        converse(read_registers(talk(registers_by="commands"), [ENERGY]), wire)
    assert caught.value.category == "bcc"
    assert wire.count("call") == 3


def test_a_heartbeat_within_an_answer_is_a_damaged_answer() -> None:
    good = encode_block("1.8.0(1.5*kWh)")
    wire = scripted(R5=good[:6] + b"HB" + good[6:], nak=good)
    assert converse(read_registers(talk(registers_by="commands"), [ENERGY]), wire).values


def test_an_answer_that_breaks_off_is_asked_for_again() -> None:
    good = encode_block("1.8.0(1.5*kWh)\r\n!\r\n")
    wire = Script(call=IDENT, readout=good[:9], nak=good)
    found = converse(read_registers(talk(), [ENERGY]), wire)
    assert (found.values[0].value, wire.count("nak")) == (15, 1)


@pytest.mark.parametrize("answer", [b"\x15", encode_block("(ERROR)"), encode_block("1.8.0(ERROR)")])
def test_no_is_a_result(answer: bytes) -> None:
    wire = scripted(R5=answer, R1=answer)
    found = converse(read_registers(talk(registers_by="commands"), [ENERGY]), wire)
    assert found.values == []
    assert set(found.refused) == {ENERGY}


def test_the_command_that_the_meter_understands_is_kept() -> None:
    ours = talk(registers_by="commands")
    wire = scripted(R5=b"\x15", R1=encode_block("(1.5*kWh)"))
    converse(read_registers(ours, [ENERGY, "1.0.2.8.0.255"]), wire)
    assert (wire.count("R5"), wire.count("R1")) == (1, 2)


def test_the_late_answer_to_another_question_is_passed_over() -> None:
    late, right = encode_block("2.8.0(9*kWh)"), encode_block("1.8.0(1.5*kWh)")
    found = converse(
        read_registers(talk(registers_by="commands"), [ENERGY]), scripted(R5=late + right)
    )
    assert found.values[0].value == 15


def test_a_break_glued_to_an_answer_is_taken_note_of() -> None:
    answer = encode_block("(1.5*kWh)") + B0
    wire = scripted(R5=answer)
    codes = [f"1.0.{n}.8.0.255" for n in range(1, 7)]
    found = converse(read_registers(talk("", registers_by="commands"), codes), wire)
    assert len(found.values) == 6
    assert wire.count("call") == 6
    assert wire.count("B0") == 0


def test_a_meter_that_ends_the_session_is_called_again() -> None:
    wire = scripted(R5=[B0, encode_block("1.8.0(1.5*kWh)")])
    found = converse(read_registers(talk(registers_by="commands"), [ENERGY]), wire)
    assert (found.values[0].value, wire.count("call")) == (15, 2)


def test_our_own_echo_is_dropped() -> None:
    wire = scripted(R5=encode_block("1.8.0(1.5*kWh)"))
    found = converse(
        read_registers(talk(registers_by="commands"), [ENERGY]), lambda sent: sent + wire(sent)
    )
    assert found.values[0].value == 15


def test_a_write_without_an_answer_is_not_repeated() -> None:
    wire = scripted(
        R5=[encode_block("0.9.2(260301)"), encode_block("0.9.1(101010)")], P1=b"\x06", W5=b""
    )
    ours = talk()
    told = converse(read_clock(ours), wire)
    with pytest.raises(MeterSilent):
        converse(write_clock(ours, lambda: NOW, told), wire)
    assert wire.count("W5") == 1
    assert ours.session.state is State.DOUBTFUL


def test_what_is_given_up_in_the_middle_is_ended_with_a_break_first() -> None:
    ours = talk("")
    dialogue = read_registers(ours, [ENERGY])
    next(dialogue)
    dialogue.send(IDENT)
    dialogue.close()
    assert ours.session.state is State.DOUBTFUL
    first = next(read_registers(ours, [ENERGY]))
    assert first.send == B0


def test_a_silent_meter_is_called_three_times_and_no_more() -> None:
    wire = Script()
    with pytest.raises(MeterSilent):
        converse(read_registers(talk(), [ENERGY]), wire)
    calls = [sent for sent in wire.asked if sent.startswith((b"/", b"\xaf"))]
    assert calls == [b"/?12345!\r\n", b"\xaf?\xb1\xb23\xb45!\x8d\n", b"/?12345!\r\n"], (
        "once with even parity: it may not have understood us"
    )


def test_a_meter_of_mode_a_sends_by_itself() -> None:
    data = encode_block("1.8.0(1.5*kWh)\r\n!\r\n")
    wire = Script(call=b"/XYZ TEST\r\n" + data)
    for piece in (0, 1):
        found = converse(read_registers(talk(), [ENERGY]), wire, piece=piece)
        assert found.values[0].value == 15
    with pytest.raises(MeterRefused, match="mode A"):
        converse(read_clock(talk()), wire)


def test_the_clock_may_stand_in_the_readout_only() -> None:
    data = encode_block("0.9.1(101112)\r\n0.9.2(260301)\r\n!\r\n")
    told = converse(read_clock(talk()), Script(call=b"/XYZ TEST\r\n" + data))
    assert told.stamp.local.isoformat() == "2026-03-01T10:11:12"


def test_midnight_between_date_and_time_is_asked_again() -> None:
    answers = ["0.9.2(260301)", "0.9.1(000001)", "0.9.2(260302)", "0.9.1(000002)"]
    told = converse(read_clock(talk()), scripted(R5=[encode_block(text) for text in answers]))
    assert told.stamp.local.isoformat() == "2026-03-02T00:00:02"


def test_parts_are_acknowledged_and_damaged_ones_are_not() -> None:
    head = "P.01(0260301180000)(00)(30)(1)(1.5)(kW)\r\n(1)\r\n"
    second, third = encode_block("(2)\r\n", more=True), encode_block("(3)\r\n")
    wire = scripted(
        R6=encode_block(head, more=True), ack=[second.replace(b"2", b"7"), third], nak=second
    )
    told = converse(read_profile(talk(""), LOAD, HOURS_3, NOW + timedelta(hours=1)), wire)
    assert [row.values for row in told.rows] == [(1,), (2,), (3,)]
    assert [Script.name(sent) for sent in wire.asked[2:]] == ["R6", "ack", "nak", "ack"]


def test_tables_are_asked_for_in_the_way_that_the_meter_understands() -> None:
    head = "P.01(0260301180000)(00)(30)(1)(1.5)(kW)\r\n(1)\r\n"
    wire = scripted(R6=encode_block("(ER06)"), R5=encode_block(head))
    ours = talk()
    for _ in range(2):
        converse(read_profile(ours, LOAD, HOURS_3, NOW), wire)
    assert (wire.count("R6"), wire.count("R5")) == (1, 2)
    assert b"P.01(02603011600;02603011900)" in wire.asked[-1]


@pytest.mark.parametrize("word", ["P.01(ERROR)", "P.01()"])
def test_no_entries_are_an_empty_profile(word: str) -> None:
    answer = encode_block(word)
    told = converse(read_profile(talk(), LOAD, HOURS_3, NOW), scripted(R6=answer, R5=answer))
    assert told.rows == []


def test_a_meter_without_a_profile_refuses() -> None:
    no = encode_block("(ER06)")
    with pytest.raises(MeterRefused, match="ER06"):
        converse(read_profile(talk(), LOAD, HOURS_3, NOW), scripted(R6=no, R5=no))


def test_an_answer_without_end_is_an_error() -> None:
    part = encode_block("(1)" * 5000, more=True)
    with pytest.raises(RemoteProtocolError):
        converse(read_profile(talk(), LOAD, HOURS_3, NOW), scripted(R6=part, ack=part))


def test_a_readout_may_come_in_parts() -> None:
    wire = Script(
        call=IDENT, readout=encode_block("2.8.0(9*kWh)\r\n", more=True),
        ack=encode_block("1.8.0(1.5*kWh)\r\n!\r\n"),
    )  # fmt: skip
    assert converse(read_registers(talk(), [ENERGY]), wire).values[0].value == 15


def test_what_came_is_not_lost_when_the_rest_fails() -> None:
    wire = Script(call=[IDENT], readout=encode_block("1.8.0(1.5*kWh)\r\n!\r\n"))
    found = converse(read_registers(talk(), [ENERGY, "1.0.2.8.0.255"]), wire)
    assert found.values[0].value == 15
    assert "did not answer" in found.refused["1.0.2.8.0.255"]


def test_a_meter_that_never_enters_programming_mode_is_an_error() -> None:
    with pytest.raises(MeterSilent, match="programming"):
        converse(read_registers(talk(registers_by="commands"), [ENERGY]), scripted(program=b""))


def test_a_damaged_password_request_is_asked_for_again() -> None:
    bad = P0[:-1] + bytes((P0[-1] ^ 1,))
    wire = scripted(program=bad, nak=P0, R5=encode_block("1.8.0(1*kWh)"))
    assert converse(read_registers(talk(registers_by="commands"), [ENERGY]), wire).values
    assert wire.count("nak") == 1


def test_a_break_in_place_of_programming_mode() -> None:
    wire = scripted(program=[B0, P0], R5=encode_block("1.8.0(1*kWh)"))
    assert converse(read_registers(talk(registers_by="commands"), [ENERGY]), wire).values
    assert wire.count("call") == 2


def test_a_password_without_an_answer_is_an_error_and_not_repeated() -> None:
    wire = scripted(R5=[encode_block("0.9.2(260301)"), encode_block("0.9.1(101010)")], P1=b"")
    ours = talk()
    told = converse(read_clock(ours), wire)
    with pytest.raises(MeterSilent, match="password"):
        converse(write_clock(ours, lambda: NOW, told), wire)
    assert wire.count("P1") == 1


def test_a_write_may_repeat_the_password() -> None:
    wire = scripted(
        R5=[encode_block("0.9.2(260301)"), encode_block("0.9.1(101010)")], W1=b"\x06", P1=b"\x15"
    )
    ours = talk(login="never", write_password=True, write_command="W1")
    told = converse(read_clock(ours), wire)
    converse(write_clock(ours, lambda: NOW, told), wire)
    assert wire.asked[-2] == encode_command("W1", "0.9.2(260301)(00000000)")


def test_midnight_between_writing_date_and_time() -> None:
    one, ours = meter(), talk()
    told = converse(read_clock(ours), one.receive)
    late = datetime(2026, 3, 1, 16, 59, 59, tzinfo=UTC)
    times = [late, late + timedelta(seconds=2), late + timedelta(seconds=3)]
    converse(write_clock(ours, lambda: times.pop(0), told), one.receive)
    assert one.clock.now() == datetime(2026, 3, 1, 17, 0, 2, tzinfo=UTC)


def test_a_range_of_years_is_our_fault() -> None:
    with pytest.raises(LocalProtocolError, match="days"):
        converse(read_profile(talk(), LOAD, NOW - timedelta(days=2000), NOW), meter().receive)


def test_a_line_full_of_noise_is_silence() -> None:
    with pytest.raises(MeterSilent):
        converse(read_registers(talk(), [ENERGY]), lambda _: b"\x00\xffnoise" * 50, piece=9)


def calling(ours: Conversation) -> Exchange:
    dialogue = read_registers(ours, [ENERGY])
    next(dialogue)  # the break
    return dialogue.send(None)


def test_slow_lines_get_more_time() -> None:
    quick, slow = calling(talk()), calling(talk(baud=300))
    assert slow.wait_s - quick.wait_s == pytest.approx((1 / 300 - 1 / 9600) * 10 * (1024 + 10))


@given(st.lists(st.binary(max_size=60), max_size=30))
def test_whatever_comes_is_a_result_or_a_protocol_error(pieces: list[bytes]) -> None:
    ours = Conversation(
        Iec62056Settings(
            address="1", password="1", timers=Iec62056Timers(sign_ons=1, restarts=0)
        )
    )  # fmt: skip
    queue = [IDENT, *pieces]
    dialogue = read_profile(ours, LOAD, HOURS_3, NOW)
    step: Exchange = next(dialogue)
    try:
        for _ in range(500):
            assert 0 < step.wait_s < 60
            step = dialogue.send(queue.pop(0) if queue else None)
    except (StopIteration, ProtocolError):
        return
    raise AssertionError("the dialogue has no end")


def test_another_meter_that_answers_our_nak_is_passed_over() -> None:
    head = "P.01(0260301180000)(00)(30)(1)(1.5)(kW)\r\n(1)\r\n"
    second, other = encode_block("(2)\r\n"), encode_block("0.9.1(101010)")
    wire = scripted(
        R6=encode_block(head, more=True), ack=second.replace(b"2", b"7"), nak=other + second
    )
    told = converse(read_profile(talk(), LOAD, HOURS_3, NOW + timedelta(hours=1)), wire)
    assert [row.values for row in told.rows] == [(1,), (2,)]


def test_meters_that_were_not_called_leave_a_nak_alone() -> None:
    first, second = meter(), meter(serial="00099999")
    for one, address in ((first, "12345"), (second, "99999")):
        converse(
            read_registers(talk(address), [ENERGY]),
            lambda sent: first.receive(sent) + second.receive(sent),
        )
        assert one.requests == 2
    assert (first.receive(b"\x15"), second.receive(b"\x15") != b"") == (b"", True)


def test_an_identification_that_says_no_must_say_it_twice() -> None:
    wire = scripted(call=[b"/XXYZ5TEST\r\n", IDENT], R5=encode_block("1.8.0(1.5*kWh)"))
    found = converse(read_registers(talk(registers_by="commands"), [ENERGY]), wire)
    assert found.values[0].value == 15


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

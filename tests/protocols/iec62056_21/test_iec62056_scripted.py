"""Conversations with meters told line by line: what is damaged, refused, late or missing."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, strategies as st
from iec62056_talk import B0, ENERGY, HOURS_3, IDENT, LOAD, NOW, P0, Script, meter, scripted, talk
from pump import converse

from protocols.dialogue import Exchange
from protocols.errors import (
    LocalProtocolError,
    MeterRefused,
    MeterSilent,
    ProtocolError,
    RemoteProtocolError,
)
from protocols.iec62056_21.clock import read_clock, write_clock
from protocols.iec62056_21.conversation import Conversation, Iec62056Settings
from protocols.iec62056_21.frame import encode_block, encode_command
from protocols.iec62056_21.options import Iec62056Timers
from protocols.iec62056_21.registers import read_registers
from protocols.iec62056_21.states import State
from protocols.iec62056_21.tables import read_profile


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


def test_a_meter_that_never_enters_programming_mode_refuses_in_the_third_session() -> None:
    wire = scripted(program=b"")
    with pytest.raises(MeterRefused, match="programming"):
        converse(read_registers(talk(registers_by="commands"), [ENERGY]), wire)
    assert (wire.count("call"), wire.count("program")) == (3, 6)


def test_a_meter_that_once_was_in_programming_mode_is_silent_when_it_does_not_enter_it() -> None:
    wire = scripted(program=[P0], R5=encode_block("1.8.0(1*kWh)"))
    ours = talk(registers_by="commands")
    converse(read_registers(ours, [ENERGY]), wire)
    converse(ours.close(), wire)
    with pytest.raises(MeterSilent, match="programming"):
        converse(read_registers(ours, [ENERGY]), wire)


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

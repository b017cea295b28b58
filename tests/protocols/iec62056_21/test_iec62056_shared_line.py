"""Meters on one line, one of them left in programming mode: nobody's values are another's."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from examples import many
from hypothesis import given, settings, strategies as st
from pump import converse

from hes.fleet.iec62056_21_meter import Iec62056Plan, Mood, SimulatedIec62056Meter
from protocols.errors import RemoteProtocolError
from protocols.iec62056_21.clock import read_clock, write_clock
from protocols.iec62056_21.conversation import Conversation, Iec62056Settings
from protocols.iec62056_21.frame import encode_block, encode_command
from protocols.iec62056_21.options import Iec62056Options
from protocols.iec62056_21.registers import read_registers
from protocols.iec62056_21.tables import read_profile
from protocols.iec62056_21.whose import is_anothers

NOW = datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC)
HOURS_2 = NOW - timedelta(hours=2)
LOAD = "1.0.99.1.0.255"
ENERGY = "1.0.1.8.0.255"
FIRST, SECOND = "11111111", "22222222"
IDENT = b"/XYZ5TEST\r\n"


class SharedLine:
    """Two meters that both hear everything; ``deaf``: the first does not hear breaks."""

    def __init__(self, *, deaf: bool = False, even: bool = False) -> None:
        self.deaf = deaf
        self.meters = [
            SimulatedIec62056Meter(Iec62056Plan(serial=s, even=even), world=lambda: NOW)
            for s in (FIRST, SECOND)
        ]

    def __call__(self, sent: bytes) -> bytes:
        first, second = self.meters
        hears = not (self.deaf and b"B0" in sent)
        return (first.receive(sent) if hears else b"") + second.receive(sent)

    def leave_in_programming_mode(self) -> None:
        """Break off a conversation with the first meter."""
        dialogue = read_profile(talk(FIRST), LOAD, HOURS_2, NOW)
        step, waiting = next(dialogue), b""
        while self.meters[0].mood is not Mood.COMMAND:
            waiting += self(step.send) if step.send else b""
            data, waiting = waiting, b""
            step = dialogue.send(data or None)
        dialogue.close()


def talk(address: str, **options: Any) -> Conversation:
    return Conversation(
        Iec62056Settings(
            address=address, password="00000000", utc_offset_min=420,
            options=Iec62056Options(**options),
        )
    )  # fmt: skip


def energies(meter: SimulatedIec62056Meter, rows: list[Any]) -> list[int]:
    return [meter.values.consumption.energy_wh(row.time) for row in rows]


def test_a_neighbour_left_in_programming_mode_does_not_answer() -> None:
    line = SharedLine()
    line.leave_in_programming_mode()
    told = converse(read_profile(talk(SECOND), LOAD, HOURS_2, NOW), line)
    assert len(told.rows) == 4
    assert [row.values[0] for row in told.rows] == energies(line.meters[1], told.rows)
    line.leave_in_programming_mode()
    found = converse(read_registers(talk(SECOND, registers_by="commands"), [ENERGY]), line)
    assert found.values[0].value == line.meters[1].values.consumption.energy_wh(NOW)


def test_the_break_is_sent_in_either_parity_while_none_is_known() -> None:
    b0 = encode_command("B0")
    dialogue = read_registers(talk(SECOND), [ENERGY])
    assert next(dialogue).send == b0 + b"\x81B0\x03q"
    assert next(read_registers(talk(SECOND, parity="none"), [ENERGY])).send == b0
    assert next(read_registers(talk(""), [ENERGY])).send == b"/?!\r\n", "it is alone on its line"


def test_every_conversation_begins_with_a_break_however_well_the_last_one_ended() -> None:
    line, ours = SharedLine(), talk(SECOND)
    for _ in range(2):
        converse(read_profile(ours, LOAD, HOURS_2, NOW), line)
        converse(ours.close(), line)
        line.leave_in_programming_mode()
    told = converse(read_profile(ours, LOAD, HOURS_2, NOW), line)
    assert [row.values[0] for row in told.rows] == energies(line.meters[1], told.rows)


def test_a_clock_is_not_written_to_a_neighbour() -> None:
    line, ours = SharedLine(), talk(SECOND)
    clock = converse(read_clock(ours), line)
    converse(ours.close(), line)
    line.leave_in_programming_mode()
    converse(write_clock(ours, lambda: NOW + timedelta(seconds=90), clock), line)
    assert [meter.clock.drift_s for meter in line.meters] == [0, 90]


def test_two_answers_to_one_question_are_nobodys() -> None:
    line = SharedLine()
    line.leave_in_programming_mode()
    line.deaf = True
    with pytest.raises(RemoteProtocolError) as caught:
        converse(read_profile(talk(SECOND), LOAD, HOURS_2, NOW), line)
    assert caught.value.category == "address"


def programming(*operands: str) -> Any:
    """A meter that says one after another of these when programming mode begins."""
    left = list(operands)

    def wire(sent: bytes) -> bytes:
        if sent.startswith(b"/"):
            return IDENT
        if sent.startswith(b"\x06"):
            return encode_command("P0", f"({left.pop(0) if len(left) > 1 else left[0]})")
        return encode_block("1.8.0(1.5*kWh)") if b"1.8.0" in sent else b""

    return wire


def test_who_says_another_name_in_programming_mode_is_refused() -> None:
    ours = talk(SECOND, registers_by="commands")
    with pytest.raises(RemoteProtocolError, match="meter 11111111 answered for 22222222"):
        converse(read_registers(ours, [ENERGY]), programming(FIRST))


@pytest.mark.parametrize("said", [[SECOND], [""], ["00000000"], ["31415926", "27182818"]])
def test_who_says_its_own_name_or_none_or_a_new_word_each_time_is_not(said: list[str]) -> None:
    ours = talk(SECOND, registers_by="commands")
    assert converse(read_registers(ours, [ENERGY]), programming(*said)).values[0].value == 15


def readout(lines: str) -> Any:
    def wire(sent: bytes) -> bytes:
        if sent.startswith(b"/"):
            return IDENT
        return encode_block(f"{lines}1.8.0(1.5*kWh)\r\n!\r\n") if sent[:1] == b"\x06" else b""

    return wire


@pytest.mark.parametrize("code", ["0.0.0", "C.1.0", "0-0:96.1.0"])
def test_the_readout_of_another_meter_is_refused(code: str) -> None:
    with pytest.raises(RemoteProtocolError) as caught:
        converse(read_registers(talk(SECOND), [ENERGY]), readout(f"{code}({FIRST})\r\n"))
    assert caught.value.category == "address"
    both = readout(f"{code}({FIRST})\r\n0.0.0({SECOND})\r\n" if code != "0.0.0" else "")
    assert converse(read_registers(talk(SECOND), [ENERGY]), both).values[0].value == 15


@pytest.mark.parametrize(
    ("address", "told", "expected"),
    [
        ("22222222", ["11111111"], True),
        ("12345", ["00099999"], True),
        ("12345", ["00012345"], False),
        ("345", ["00012345"], False),
        ("00012345", ["345"], False),
        ("22222222", ["11111111", "22222222"], False),
        ("22222222", ["ABCDEFGH"], False),
        ("22222222", ["1"], False),
        ("22222222", [], False),
        ("", ["11111111"], False),
    ],
)
def test_who_is_another(address: str, told: list[str], expected: bool) -> None:
    assert is_anothers(address, told) is expected


@settings(max_examples=many(1))
@given(st.text(max_size=12), st.lists(st.text(max_size=12), max_size=3))
def test_any_text_is_judged_and_the_own_name_is_never_refused(own: str, told: list[str]) -> None:
    assert is_anothers(own, told) in {True, False}
    assert not is_anothers(own, [*told, own]) or not own.strip("() ").lstrip("0").isalnum()

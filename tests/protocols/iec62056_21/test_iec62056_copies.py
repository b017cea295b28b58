"""Lines that say everything twice, and answers that come late: never one question's for another's.

Not all answers repeat what was asked, and parts of one answer never do.
"""

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from protocols.dialogue import Exchange
from protocols.iec62056_21.conversation import Conversation, Iec62056Settings
from protocols.iec62056_21.frame import encode_block, encode_command
from protocols.iec62056_21.options import Iec62056Options
from protocols.iec62056_21.registers import read_registers
from protocols.iec62056_21.tables import read_profile

CODES = [f"1.0.{c}.7.0.255" for c in (76, 77, 78, 79)]
START = datetime(2026, 3, 1, tzinfo=UTC)
HEAD = "P.01(0260301000000)(00)(60)(1)(1.5)(kW)\r\n"


def talk() -> Conversation:
    options = Iec62056Options(
        registers_by="commands", read_commands=("R5",), table_commands=("R5",),
        range_seasons=(True,),
    )  # fmt: skip
    return Conversation(Iec62056Settings(address="", options=options))


class Meter:
    """It answers without saying to what."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def answer(self, sent: bytes) -> bytes:
        plain = bytes(byte & 0x7F for byte in sent)
        if plain.startswith(b"/"):
            return b"/XYZ5TEST\r\n"
        if plain.startswith(b"\x06051"):
            return encode_command("P0", "()")
        if plain == b"\x06":
            return self.part()
        if b"P.01" in plain:
            hours = range(24)
            self.parts = [HEAD, *(f"({hour})\r\n" for hour in hours)]
            return self.part()
        if b"R5" in plain:
            return encode_block(f"({plain[4:6].decode()}.5*kW)")
        return b""

    def part(self) -> bytes:
        return encode_block(self.parts.pop(0), more=bool(self.parts))


def run(dialogue: Generator[Exchange, bytes | None, Any], answers: Any) -> Any:
    """Carry a dialogue over a line that ``answers`` tells: seconds from now, and bytes."""
    now, coming = 0.0, []  # type: ignore[var-annotated]
    step: Exchange = next(dialogue)
    try:
        for _ in range(10_000):
            if step.send:
                coming += [(now + after, data) for after, data in answers(step.send)]
                coming.sort(key=lambda one: one[0])
            if coming and coming[0][0] <= now + step.wait_s:
                at, data = coming.pop(0)
                now = max(now, at)
                step = dialogue.send(data)
            else:
                now += step.wait_s
                step = dialogue.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("the dialogue has no end")


def twice(meter: Meter, cut: int) -> Any:
    def answers(sent: bytes) -> list[tuple[float, bytes]]:
        data = meter.answer(sent) * 2
        return [(0.1 + 0.01 * at, data[at : at + cut]) for at in range(0, len(data), cut)]

    return answers


@pytest.mark.parametrize("cut", [1, 3, 1000])
def test_a_line_that_says_everything_twice(cut: int) -> None:
    found = run(read_registers(talk(), CODES), twice(Meter(), cut))
    assert {v.obis: v.value for v in found.values} == {
        code: int(code[4:6]) * 10 + 5 for code in CODES
    }


def test_parts_that_come_twice_count_once() -> None:
    end = START + timedelta(hours=23)
    told = run(read_profile(talk(), "1.0.99.1.0.255", START, end), twice(Meter(), 7))
    assert [row.values for row in told.rows] == [(hour,) for hour in range(24)]


def test_an_answer_that_comes_after_its_repeat_was_asked_for() -> None:
    meter, commands = Meter(), []

    def answers(sent: bytes) -> list[tuple[float, bytes]]:
        commands.append(sent)
        late = b"R5" in sent and len([c for c in commands if b"R5" in c]) == 1
        return [(13.0 if late else 0.1, data)] if (data := meter.answer(sent)) else []

    found = run(read_registers(talk(), CODES), answers)
    assert {v.obis: v.value for v in found.values} == {
        code: int(code[4:6]) * 10 + 5 for code in CODES
    }

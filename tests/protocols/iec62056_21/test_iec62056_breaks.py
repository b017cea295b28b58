"""Conversations that break off: silence, noise, damage, in every part of a session."""

from collections.abc import Callable
from typing import Any

import pytest
from pump import converse

from protocols.errors import MeterRefused, MeterSilent, RemoteProtocolError
from protocols.iec62056_21.clock import read_clock
from protocols.iec62056_21.conversation import Conversation, Iec62056Settings
from protocols.iec62056_21.frame import encode_block, encode_command
from protocols.iec62056_21.line import HEARD_MAX
from protocols.iec62056_21.options import Iec62056Options
from protocols.iec62056_21.registers import read_registers

IDENT = b"/XYZ5TEST\r\n"
P0 = encode_command("P0", "()")
BAD = encode_block("1.8.0(1*kWh)")[:-1] + b"\x7f"
ENERGY, DEMAND = "1.0.1.8.0.255", "1.0.1.6.0.255"


def talk(**options: Any) -> Conversation:
    settings = Iec62056Settings(utc_offset_min=420, options=Iec62056Options(**options))
    return Conversation(settings)


def asking(*commands: str, **options: Any) -> Conversation:
    return talk(registers_by="commands", read_commands=commands, **options)


def meter(*answers: bytes, call: bytes = IDENT) -> Callable[[bytes], bytes]:
    """Return a meter that answers what follows the call with these, in order, and then nothing."""
    waiting = list(answers)

    def answer(sent: bytes) -> bytes:
        if sent.startswith(b"/"):
            return call
        if sent.startswith(b"\x01B0"):
            return b""
        if sent[:1] == b"\x06" and sent[3:4] == b"1":
            return P0
        return waiting.pop(0) if waiting else b""

    return answer


def test_a_meter_that_says_who_it_is_and_no_more() -> None:
    with pytest.raises(MeterSilent, match="sent no data"):
        converse(read_registers(talk(), []), meter())


def test_noise_without_end_is_no_meter() -> None:
    with pytest.raises(MeterSilent, match="did not answer"):
        converse(read_registers(talk(), []), meter(call=b"\x55" * (HEARD_MAX + 1)))


def test_an_answer_whose_second_part_never_comes() -> None:
    first = encode_block("1.8.0(1*kWh)\r\n", more=True)
    with pytest.raises(RemoteProtocolError, match="ended after 1 parts"):
        converse(read_registers(talk(), []), meter(*[first, b""] * 9))


def test_a_damaged_answer_that_is_not_repeated() -> None:
    with pytest.raises(RemoteProtocolError, match="was not repeated"):
        converse(read_registers(asking("R5"), [ENERGY]), meter(*[BAD, b""] * 9))


def test_of_a_code_that_stands_twice_the_first_counts() -> None:
    shown = encode_block("1.8.0(1*kWh)\r\n1.8.0(2*kWh)\r\n!\r\n")
    (value,) = converse(read_registers(talk(parity="none"), []), meter(shown)).values
    assert (value.value, value.scaler) == (1, 0)


def test_what_was_read_is_not_asked_for_again_in_the_next_session() -> None:
    energy, demand = encode_block("1.8.0(1*kWh)"), encode_block("1.6.0(2*kW)")
    line = meter(energy, b"", b"", demand)
    found = converse(read_registers(asking("R5"), [ENERGY, DEMAND]), line)
    assert [value.value for value in found.values] == [1, 2]
    assert found.refused == {}


def test_what_was_read_is_kept_when_the_rest_never_comes() -> None:
    line = meter(encode_block("1.8.0(1*kWh)"))
    found = converse(read_registers(asking("R5"), [ENERGY, DEMAND]), line)
    assert [value.value for value in found.values] == [1]
    assert list(found.refused) == [DEMAND]


def test_a_silent_meter_that_understands_the_command_is_silent() -> None:
    with pytest.raises(MeterSilent, match="no answer to R5"):
        converse(read_registers(asking("R5"), [ENERGY]), meter())


def test_an_empty_answer_is_none_and_the_next_command_is_tried() -> None:
    line = meter(encode_block(""), encode_block("1.8.0(1*kWh)"))
    found = converse(read_registers(asking("R5", "R1"), [ENERGY]), line)
    assert [value.value for value in found.values] == [1]
    with pytest.raises(MeterSilent, match="sent no data"):
        # Neither command tells the clock, so the readout is asked for it.
        converse(read_clock(asking("R5", "R1")), meter(*[encode_block("")] * 2))


def test_a_tariff_that_a_rate_has_taken_is_not_asked_for() -> None:
    tariff = "1.0.1.8.2.255"
    found = converse(read_registers(asking("R5", rates=(2,)), [tariff]), meter())
    assert (found.values, list(found.refused)) == ([], [tariff])


def test_a_value_that_the_meter_does_not_take() -> None:
    with pytest.raises(MeterRefused, match="refused to write"):
        converse(talk().session.write("0.9.1", "120000"), lambda _: b"\x15")

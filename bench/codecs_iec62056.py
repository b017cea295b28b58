"""IEC 62056-21 beside iec62056-21 0.0.2: a readout, from the bytes to codes, values and units."""

from collections.abc import Callable
from typing import Any

from iec62056_21.messages import AnswerDataMessage

from protocols.iec62056_21.datasets import parse_block
from protocols.iec62056_21.frame import Block, MessageReader, encode_block
from protocols.iec62056_21.units import split_unit

Made = tuple[str, str, Callable[[], Any], Callable[[], Any], float]
Row = tuple[str | None, str, str | None]


def readout() -> bytes:
    """Return the readout of a meter with rates, settlements and instantaneous values."""
    lines = ["F.F(00000000)", "0.0.0(20001234)", "0.9.1(130017)", "0.9.2(261128)"]
    for code, unit in (("1.8", "kWh"), ("2.8", "kWh"), ("3.8", "kvarh"), ("4.8", "kvarh")):
        lines += [f"{code}.{rate}({1000 * rate + 7:06}.{rate}23*{unit})" for rate in range(5)]
        lines += [f"{code}.0*{back:02}({900 - back:06}.456*{unit})" for back in range(1, 7)]
    lines += [f"{21 + 20 * n}.7.0({n + 1}.234*kW)" for n in range(3)]
    lines += [f"{31 + 20 * n}.7.0({n + 5}.02*A)" for n in range(3)]
    lines += [f"{32 + 20 * n}.7.0({230 + n}.1*V)" for n in range(3)]
    lines += ["13.7.0(0.987)", "14.7.0(49.98*Hz)"]
    return encode_block("".join(f"{line}\r\n" for line in lines) + "!\r\n")


def readout_pair() -> Made:
    """A whole readout, its check included."""
    data = readout()

    def ours() -> list[Row]:
        (block,) = MessageReader().feed(data)
        assert isinstance(block, Block)
        assert block.good
        found: list[Row] = []
        for code, values in parse_block(block.data):
            text, unit = split_unit(values[0])
            found.append((code, text, unit or None))
        return found

    def theirs() -> list[Any]:
        return AnswerDataMessage.from_bytes(data).data

    assert ours() == [(one.address, one.value, one.unit) for one in theirs()]
    return (f"62056-21 readout, {len(ours())} values", "iec62056-21", ours, theirs, 1.8)


def pairs() -> list[Made]:
    return [readout_pair()]

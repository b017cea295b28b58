"""Values in a readout, or an answer, that somebody else has asked for and kept."""

import re
from collections.abc import Sequence
from typing import Final

from protocols.errors import RemoteProtocolError
from protocols.iec62056_21.datasets import DataSet, parse_block, parse_lines
from protocols.iec62056_21.frame import Block, MessageReader
from protocols.iec62056_21.options import Iec62056Options
from protocols.iec62056_21.reading import clock_in, values_in
from protocols.iec62056_21.stamps import StampRules
from protocols.iec62056_21.telegram import TelegramReader
from protocols.values import RegistersRead

_ASKED: Final = re.compile(rb"[RW][0-9][\x02 ]?([^()\x00-\x20]{1,24})\(")
"""The code in a request as a modem notes it: ``R5 1.8.0()``."""


def registers_in(
    data: bytes, *, label: bytes = b"", utc_offset_min: int, options: Iec62056Options | None = None
) -> RegistersRead:
    """Return the registers in the readout or answer that ``data`` holds.

    ``label``: what was asked; meters do not always repeat it.

    Raises:
        RemoteProtocolError: there is none, or its check is wrong.

    """
    options = options or Iec62056Options()
    rules = StampRules(utc_offset_min, options.summer_min)
    sets = _named(_data_sets(data, options), label)
    time = clock_in(sets, options, rules)
    told = values_in(sets, options, rules)
    if not told:
        raise RemoteProtocolError("data", "no value of a known register")
    return RegistersRead(told, {}, time)


def _data_sets(data: bytes, options: Iec62056Options) -> list[DataSet]:
    blocks = [
        message
        for message in MessageReader(options.check).feed(data)
        if isinstance(message, Block) and not message.command
    ]
    if not all(block.good for block in blocks):
        raise RemoteProtocolError("check", "the check of the block is wrong")
    text = "".join(block.data for block in blocks)
    if not blocks:
        reader = TelegramReader()
        text = "".join(t.data for t in [*reader.feed(data), *reader.end()] if t.good)
    lines = parse_lines(text)
    return [found for line in lines for found in line] or parse_block(text)


def _named(sets: Sequence[DataSet], label: bytes) -> list[DataSet]:
    """Give an answer that does not repeat what was asked the code from the label."""
    asked = _ASKED.search(label)
    if asked is None or len(sets) != 1 or sets[0].code is not None:
        return list(sets)
    return [DataSet(asked[1].decode("latin-1"), sets[0].values)]

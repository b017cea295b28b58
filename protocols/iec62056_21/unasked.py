"""What a telegram of mode D says: values, its time, and whose it is."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from protocols.errors import RemoteProtocolError
from protocols.iec62056_21.datasets import DataSet, parse_block
from protocols.iec62056_21.identification import parse_identification
from protocols.iec62056_21.options import Iec62056Options
from protocols.iec62056_21.reading import clock_in, obis_in, values_in
from protocols.iec62056_21.stamps import StampRules
from protocols.iec62056_21.telegram import STX, Telegram
from protocols.values import RegistersRead

NAMES: Final = frozenset({
    "1.0.0.0.0.255", *(f"0.0.96.1.{e}.255" for e in (0, 1, 2, 3, 5, 6, 7, 8, 9)),
})  # fmt: skip
"""Codes under which meters tell their address, serial number or, on customer ports, identifier.
Not 0-0:96.1.4, the version of some customer ports: a number that all such meters share."""
GENERIC: Final = Iec62056Options()


class Unasked(msgspec.Struct, frozen=True):
    """The values of one telegram."""

    read: RegistersRead
    names: tuple[str, ...]
    """What the meter calls itself."""


def registers_of(
    telegram: Telegram, *, utc_offset_min: int, options: Iec62056Options = GENERIC
) -> Unasked:
    """Return what a telegram says; of a code that stands in it twice, the first.

    Raises:
        RemoteProtocolError: there is no value in it, or a bracket is not closed.

    """
    rules = StampRules(utc_offset_min, options.summer_min)
    sets = parse_block(telegram.data.replace(STX, ""))
    told = values_in(sets, options, rules)
    if not told:
        raise RemoteProtocolError("data", "a telegram without a value of a known register")
    read = RegistersRead(told, {}, clock_in(sets, options, rules))
    return Unasked(read, tuple(_names(sets, options)))


def names_of(telegram: Telegram, options: Iec62056Options = GENERIC) -> tuple[str, ...]:
    """Return what a meter calls itself: in its data or, where it says nothing there, before them.

    Raises:
        RemoteProtocolError: a bracket is not closed.

    """
    told = tuple(_names(parse_block(telegram.data.replace(STX, "")), options))
    return told or identified_as(telegram)


def identified_as(telegram: Telegram) -> tuple[str, ...]:
    """Return what stands in a telegram's identification: all of it, and the maker's own part."""
    try:
        found = parse_identification(telegram.identification)
    except RemoteProtocolError:
        return ()
    return found.text, found.rest


def _names(sets: Sequence[DataSet], options: Iec62056Options) -> Iterator[str]:
    for found in sets:
        if obis_in(found, options) in NAMES and (name := found.values[0].strip()):
            yield name
            yield from _spelt(name)


def _spelt(name: str) -> Iterator[str]:
    """Yield the text that customer ports write as the hex digits of its characters."""
    try:
        text = bytes.fromhex(name).decode("ascii").strip()
    except ValueError:
        return
    if text.isalnum():
        yield text

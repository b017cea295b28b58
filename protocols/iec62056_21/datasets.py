"""Data sets: ``address(value*unit)``, the form of all that a meter tells (IEC 62056-21, 6.4)."""

from typing import Final, NamedTuple

from protocols.errors import RemoteProtocolError

END: Final = "!"
"""The line that ends a data block."""
NEW_LINE: Final = "\r\n"


class DataSet(NamedTuple):
    """One address and the brackets behind it."""

    code: str | None
    """As the meter writes it; None: the answer does not repeat it."""
    values: tuple[str, ...]
    """What stands in the brackets, units included."""


def parse_lines(text: str) -> list[list[DataSet]]:
    """Return the data sets line by line; lines without a bracket say nothing.

    Brackets at the beginning of a line belong to the data set before it.

    Raises:
        RemoteProtocolError: ``truncated``, a bracket is not closed.

    """
    lines: list[list[DataSet]] = []
    more: list[str] = []
    for line in text.split(NEW_LINE):
        if line == END:
            break
        sets = parse_line(line)
        if sets and sets[0].code is None and lines:
            more += sets.pop(0).values
        if sets:
            _add(lines, more)
            more = []
            lines.append(sets)
    _add(lines, more)
    return lines


def _add(lines: list[list[DataSet]], more: list[str]) -> None:
    """Give the last data set the brackets that stood in lines of their own."""
    if more:
        last = lines[-1][-1]
        lines[-1][-1] = DataSet(last.code, (*last.values, *more))


def parse_line(line: str) -> list[DataSet]:
    """Return the data sets of one line.

    Raises:
        RemoteProtocolError: ``truncated``, a bracket is not closed.

    """
    code, bracket, rest = line.partition("(")
    if bracket and rest.find(")") == len(rest) - 1:  # one bracket, as in most lines
        return [DataSet(code.strip() or None, (rest[:-1],))]
    *pieces, tail = line.split(")")
    if "(" in tail:
        raise RemoteProtocolError("truncated", f"a bracket is not closed in {line[:40]!r}")
    gathered: list[tuple[str | None, list[str]]] = []
    for piece in pieces:
        code, bracket, value = piece.partition("(")
        if not bracket:
            continue  # a bracket closed twice
        if code or not gathered:
            gathered.append((code.strip() or None, [value]))
        else:
            gathered[-1][1].append(value)
    return [DataSet(code, tuple(values)) for code, values in gathered]


def parse_block(text: str) -> list[DataSet]:
    """Return all data sets of a data block or an answer, in their order.

    Raises:
        RemoteProtocolError: ``truncated``, a bracket is not closed.

    """
    return [data_set for line in parse_lines(text) for data_set in line]

"""Which message answers what: everything else on the line is passed over."""

import re
from collections.abc import Callable, Sequence
from typing import Final

from protocols.errors import RemoteProtocolError
from protocols.iec62056_21.codes import obis_of, same_code
from protocols.iec62056_21.frame import Block, Line, Message, Option
from protocols.iec62056_21.identification import is_request, parse_identification
from protocols.iec62056_21.line import BREAK, is_ack, is_break, is_nak

PASSWORD_REQUEST: Final = "P0"  # noqa: S105 -- the name of a command
ERROR: Final = "ER"
"""How error answers begin: ``(ERROR)``, ``(ER23)``, ``(ERR03)``."""
_ERROR_VALUE: Final = re.compile(r"ER(R|ROR)?[ _-]?[0-9]{0,3}")


def is_identification(message: Message) -> bool:
    """Whether a meter says who it is."""
    if not isinstance(message, Line) or is_request(message.text):
        return False
    try:
        parse_identification(message.text)
    except RemoteProtocolError:
        return False
    return True


def is_data(message: Message) -> bool:
    """Whether these are data, or a break in their place."""
    return isinstance(message, Block) and (not message.command or message.command == BREAK)


def is_part_of(code: str) -> Callable[[Message], bool]:
    """Return a test for further parts of the answer to ``code``; they may begin anywhere.

    No code: of a readout, which holds all there are.

    ACK and NAK have no address: another meter on the line may take them for itself, and its answer
    would end ours before its time.
    """

    def accept(message: Message) -> bool:
        if not is_data(message) or is_break(message):
            return is_break(message)
        assert isinstance(message, Block)  # noqa: S101 -- ``is_data`` says so
        named = bool(code) and obis_of(_name(message.data)) is not None
        return not (message.good and named and not are_to(message.data, code))

    return accept


def is_readout(message: Message) -> bool:
    """Whether this is a readout, and not the late answer to a command."""
    if not isinstance(message, Block) or message.command:
        return is_break(message)
    return not message.good or message.more or "!" in message.data or "\r\n" in message.data


def is_programming(message: Message) -> bool:
    """Whether the meter is in programming mode now, refuses to be, or sends its readout instead."""
    if isinstance(message, Block) and message.command:
        return message.command in {PASSWORD_REQUEST, BREAK}
    return isinstance(message, Block) and message.good and "!" in message.data


def unless_nak(accept: Callable[[Message], bool]) -> Callable[[Message], bool]:
    """After a NAK of ours: one that comes back is its echo."""
    return lambda message: not is_nak(message) and accept(message)


def is_verdict(message: Message) -> bool:
    """Whether the meter says that it took something, or did not."""
    return is_ack(message) or is_nak(message) or is_data(message)


def is_option(message: Message) -> bool:
    """Whether the meter repeats what was selected."""
    return isinstance(message, Option) or is_ack(message)


def are_to(text: str, code: str) -> bool:
    """Whether data are the answer to this code: they repeat it, or name none."""
    name = _name(text)
    return not name or same_code(name, code)


def _name(text: str) -> str:
    return text.partition("(")[0].strip("\r\n ")


def is_error(text: str) -> bool:
    """Whether an answer is an error code and nothing else."""
    return text.strip("\r\n").startswith(f"({ERROR}") and text.count("(") == 1


def is_error_value(values: Sequence[str]) -> bool:
    """Whether what stands behind a code is an error and no value: ``0.9.1(ERROR)``."""
    return len(values) == 1 and _ERROR_VALUE.fullmatch(values[0].strip()) is not None


def error_told(text: str) -> str | None:
    """Return the error that stands behind a code in place of all data: ``P.01(ER07)``; or None."""
    body = text.strip("\r\n! ")
    code, bracket, value = body.partition("(")
    is_error = bracket and value.endswith(")") and is_error_value([value[:-1]])
    return body if is_error and code else None


def given_reason(message: Message) -> str:
    """Return why the meter refused."""
    if is_nak(message):
        return "NAK"
    if is_break(message):
        return "it ended the session (B0)"
    return message.data.strip("\r\n()") if isinstance(message, Block) else "?"

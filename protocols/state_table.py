"""One step in a table of transitions: every state machine of the protocols goes through here.

A table is a module's constant, ``dict[tuple[State, Signal], State]`` of two enums: what is not
in it cannot happen. ``docs/state-machines.md`` is drawn from these tables.
"""

from collections.abc import Mapping
from enum import Enum
from typing import TypeVar

from protocols.errors import LocalProtocolError

State = TypeVar("State", bound=Enum)
Signal = TypeVar("Signal", bound=Enum)


def next_state(
    table: Mapping[tuple[State, Signal], State], state: State, signal: Signal, category: str
) -> State:
    """Return the state after ``signal``.

    Raises:
        LocalProtocolError: the table has no such transition, a bug of ours; the state is unchanged.

    """
    try:
        return table[state, signal]
    except KeyError:
        raise LocalProtocolError(category, f"{signal} while {state}") from None

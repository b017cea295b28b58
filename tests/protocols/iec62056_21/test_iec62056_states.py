"""The states of a session, told once more in other words."""

import pytest

from protocols.errors import LocalProtocolError
from protocols.iec62056_21.states import Signal, State, step


def walk(*signals: Signal) -> list[State]:
    state, seen = State.CLOSED, []
    for signal in signals:
        state = step(state, signal)
        seen.append(state)
    return seen


def test_a_readout_ends_by_itself() -> None:
    assert walk(Signal.ANSWERED, Signal.READOUT_CHOSEN, Signal.READOUT_ENDED) == [
        State.IDENTIFIED, State.READOUT, State.CLOSED,
    ]  # fmt: skip


def test_programming_mode_ends_with_a_break() -> None:
    told = (Signal.ANSWERED, Signal.PROGRAMMING_ENTERED, Signal.PASSWORD_TAKEN, Signal.BROKEN_OFF)
    assert walk(*told) == [State.IDENTIFIED, State.PROGRAMMING, State.UNLOCKED, State.CLOSED]


def test_the_line_may_be_handed_over() -> None:
    assert walk(Signal.ANSWERED, Signal.BINARY_CHOSEN)[-1] is State.BINARY


def test_whatever_fails_is_in_doubt_until_a_break_or_an_answer() -> None:
    for state in State:
        doubtful = step(state, Signal.FAILED)
        assert doubtful is State.DOUBTFUL
        assert step(doubtful, Signal.BROKEN_OFF) is State.CLOSED
        assert step(doubtful, Signal.ANSWERED) is State.IDENTIFIED
        assert step(state, Signal.BROKEN_OFF) is State.CLOSED


def test_everything_else_is_a_bug() -> None:
    allowed = {
        State.CLOSED: {Signal.ANSWERED},
        State.DOUBTFUL: {Signal.ANSWERED},
        State.IDENTIFIED: {
            Signal.READOUT_CHOSEN, Signal.PROGRAMMING_ENTERED, Signal.BINARY_CHOSEN,
        },
        State.READOUT: {Signal.READOUT_ENDED},
        State.PROGRAMMING: {Signal.PASSWORD_TAKEN},
        State.UNLOCKED: set(),
        State.BINARY: set(),
    }  # fmt: skip
    assert set(allowed) == set(State)
    for state in State:
        for signal in set(Signal) - allowed[state] - {Signal.FAILED, Signal.BROKEN_OFF}:
            with pytest.raises(LocalProtocolError):
                step(state, signal)

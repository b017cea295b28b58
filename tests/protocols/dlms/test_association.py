"""The association's table, told again in other words."""

import pytest

from protocols.dlms.association import Association, Signal, step
from protocols.errors import LocalProtocolError


def run(*signals: Signal) -> list[Association]:
    state = Association.CLOSED
    return [state := step(state, signal) for signal in signals]


def test_a_password_is_enough() -> None:
    told = [
        Signal.CONNECTED,
        Signal.REQUESTED,
        Signal.ACCEPTED,
        Signal.RELEASED,
        Signal.DISCONNECTED,
    ]
    assert run(*told) == [
        Association.LINKED, Association.ASSOCIATING, Association.ASSOCIATED, Association.RELEASING,
        Association.CLOSED,
    ]  # fmt: skip


def test_a_challenge_must_be_met_first() -> None:
    told = [Signal.CONNECTED, Signal.REQUESTED, Signal.CHALLENGED]
    assert run(*told, Signal.PROVEN)[-2:] == [Association.PENDING, Association.ASSOCIATED]
    assert run(*told, Signal.REFUSED)[-1] is Association.LINKED
    assert run(*told[:2], Signal.REFUSED, Signal.REQUESTED)[-1] is Association.ASSOCIATING


@pytest.mark.parametrize("state", Association)
def test_the_link_may_be_lost_at_any_time(state: Association) -> None:
    assert step(state, Signal.DISCONNECTED) is Association.CLOSED


def test_nothing_else_happens() -> None:
    allowed = {
        Association.CLOSED: {Signal.CONNECTED},
        Association.LINKED: {Signal.REQUESTED},
        Association.ASSOCIATING: {Signal.ACCEPTED, Signal.CHALLENGED, Signal.REFUSED},
        Association.PENDING: {Signal.PROVEN, Signal.REFUSED},
        Association.ASSOCIATED: {Signal.RELEASED},
        Association.RELEASING: set(),
    }
    for state in Association:
        for signal in set(Signal) - allowed[state] - {Signal.DISCONNECTED}:
            with pytest.raises(LocalProtocolError, match=f"{signal} while {state}"):
                step(state, signal)

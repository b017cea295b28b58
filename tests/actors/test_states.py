"""The connection states of a modem, told again in other words."""

from itertools import product

import pytest

from actors.states import ModemState, Signal, WrongMoment, step

CONNECTED = {ModemState.READY, ModemState.READING, ModemState.QUARANTINED}
AWAY = {ModemState.OFFLINE, ModemState.SILENT}


def story(*signals: Signal, of: ModemState = ModemState.OFFLINE) -> list[ModemState]:
    return [of := step(of, signal) for signal in signals]


def test_a_modem_calls_is_read_and_goes() -> None:
    assert story(Signal.ATTACHED, Signal.ASKED, Signal.ANSWERED, Signal.LOST) == [
        ModemState.READY,
        ModemState.READING,
        ModemState.READY,
        ModemState.OFFLINE,
    ]


def test_a_stranger_is_put_aside_until_he_is_known() -> None:
    assert story(Signal.ATTACHED, Signal.DISTRUSTED, Signal.ATTACHED) == [
        ModemState.READY,
        ModemState.QUARANTINED,
        ModemState.READY,
    ]


@pytest.mark.parametrize("state", ModemState)
def test_whoever_calls_is_ready_whatever_was_before(state: ModemState) -> None:
    assert step(state, Signal.ATTACHED) is ModemState.READY


@pytest.mark.parametrize("state", sorted(CONNECTED))
def test_every_connection_can_end_in_two_ways(state: ModemState) -> None:
    assert step(state, Signal.LOST) is ModemState.OFFLINE
    assert step(state, Signal.TIMED_OUT) is ModemState.SILENT


@pytest.mark.parametrize("state", sorted(AWAY))
def test_who_is_not_there_can_only_call(state: ModemState) -> None:
    assert {s for s in Signal if _allowed(state, s)} == {Signal.ATTACHED}


def test_the_line_belongs_to_the_trusted() -> None:
    asking = {s for s in ModemState if _allowed(s, Signal.ASKED)}
    answering = {s for s in ModemState if _allowed(s, Signal.ANSWERED)}
    assert (asking, answering) == ({ModemState.READY}, {ModemState.READING})


def test_everything_else_is_a_bug_of_ours_and_changes_nothing() -> None:
    allowed = sum(_allowed(state, signal) for state, signal in product(ModemState, Signal))
    # 5 ways to call, 1 into quarantine, 1 to ask, 1 to answer, 3 to be lost, 3 to fall silent.
    assert allowed == 5 + 1 + 1 + 1 + 3 + 3
    with pytest.raises(WrongMoment, match="asked while OFFLINE"):
        step(ModemState.OFFLINE, Signal.ASKED)


def _allowed(state: ModemState, signal: Signal) -> bool:
    try:
        step(state, signal)
    except WrongMoment:
        return False
    return True

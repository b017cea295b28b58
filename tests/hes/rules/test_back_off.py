"""Silent meters: asked after one round, two, four, and no less often than that."""

from itertools import pairwise

from hes.rules.back_off import PAUSE_MAX, BackOff


def rounds(back_off: BackOff, count: int) -> list[int]:
    """Return the rounds in which a meter is asked that never answers."""
    asked = []
    for number in range(count):
        if back_off.begin_round():
            asked.append(number)
            back_off.note_silence()
    return asked


def test_the_pauses_grow_and_end() -> None:
    asked = rounds(BackOff(), 24)
    assert asked == [0, 1, 3, 7, 11, 15, 19, 23]
    assert max(b - a for a, b in pairwise(asked)) == PAUSE_MAX


def test_tries_within_a_round_count_once() -> None:
    back_off = BackOff()
    assert back_off.begin_round()
    for _ in range(5):
        back_off.note_silence()
    assert (back_off.silent, back_off.left) == (1, 0)
    assert back_off.insists
    assert back_off.begin_round()
    back_off.note_silence()
    assert not back_off.insists


def test_what_is_told_of_a_round_without_a_question() -> None:
    back_off = BackOff(silent=3, left=3)
    assert not back_off.begin_round()
    assert str(back_off) == "silent in 3 rounds, so not asked in this one; asked again after 2 more"
    assert not back_off.begin_round()
    assert not back_off.begin_round()
    assert str(back_off).endswith("asked again in the next round")
    assert back_off.begin_round()

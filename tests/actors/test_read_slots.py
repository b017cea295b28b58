"""Slots for scheduled reads: never more than there are, given back once, and never lost."""

from hypothesis import given, strategies as st

from actors.read_slots import ReadSlots
from hes.ids import MeterId

A, B, C = ((MeterId(name), "collect") for name in "abc")


def test_no_more_than_there_are() -> None:
    slots = ReadSlots(2)
    assert slots.take(A, 0.0, 10.0)
    assert slots.take(B, 0.0, 10.0)
    assert not slots.take(C, 0.0, 10.0)
    slots.free(A)
    assert slots.take(C, 0.0, 10.0)
    assert len(slots) == 2


def test_who_has_one_keeps_it_and_needs_no_second() -> None:
    slots = ReadSlots(1)
    assert slots.take(A, 0.0, 10.0)
    assert slots.take(A, 5.0, 15.0)
    assert not slots.take(B, 12.0, 20.0)
    slots.free(A)
    slots.free(A)
    assert slots.take(B, 12.0, 20.0)
    assert not slots.take(C, 12.0, 20.0)


def test_one_whose_holder_died_ends_by_itself() -> None:
    slots = ReadSlots(1)
    slots.take(A, 0.0, 10.0)
    assert slots.expires_at == 10.0
    assert not slots.take(B, 9.9, 20.0)
    assert slots.take(B, 10.0, 20.0)


def test_back_fill_stands_aside_for_who_waits() -> None:
    told: list[int] = []
    slots = ReadSlots(2)
    slots.on_free = lambda: told.append(len(slots))
    slots.take(A, 0.0, 10.0)
    assert slots.take_spare(B, 0.0, 10.0)
    slots.free(B)
    assert told == []
    slots.sought = True
    assert not slots.take_spare(B, 0.0, 10.0)
    slots.free(B)
    slots.free(A)
    assert told == [0]


@given(st.integers(1, 4), st.lists(st.tuples(st.sampled_from("tfs"), st.integers(0, 9))))
def test_as_told_by_a_set(most: int, told: list[tuple[str, int]]) -> None:
    slots, held, in_line = ReadSlots(most), set[int](), set[int]()
    for what, number in told:
        key = (MeterId(str(number)), "collect")
        if what == "f":
            slots.free(key)
            held.discard(number)
        else:
            spare = what == "s"
            fits = number in held or (len(held) < most and not (spare and in_line))
            take = slots.take if what == "t" else slots.take_spare
            assert take(key, 0.0, 10.0) == fits
            held |= {number} if fits else set()
            in_line |= {number} if spare and not fits else set()
        assert len(slots) == len(held) <= most
        assert {int(meter) for meter in slots.in_line} == in_line

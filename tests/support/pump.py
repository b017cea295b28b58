"""Runs a dialogue against something that answers bytes, in memory, cut and damaged as asked."""

from collections.abc import Callable, Generator
from typing import Any, TypeVar

from protocols.dialogue import Exchange

T = TypeVar("T")
Wire = Callable[[bytes], bytes]


def converse(
    dialogue: Generator[Exchange, bytes | None, T],
    answer: Wire,
    *,
    piece: int = 0,
    lose: Callable[[int], bool] = lambda _: False,
    turns_max: int = 10_000,
) -> T:
    """Return the dialogue's result.

    ``piece``: the answer comes in pieces of so many bytes; 0: whole. ``lose(n)``: whether the n-th
    answer gets lost (from 1).
    """
    asked = 0
    waiting = b""
    try:
        step: Any = next(dialogue)
        for _ in range(turns_max):
            if step.send:
                asked += 1
                got = answer(step.send)
                waiting += b"" if lose(asked) else got
            if not waiting:
                step = dialogue.send(None)
                continue
            size = piece or len(waiting)
            data, waiting = waiting[:size], waiting[size:]
            step = dialogue.send(data)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("the dialogue has no end")

"""A meter that stays silent is asked less often, so that it does not eat a line that others need.

A dead meter holds its line for half a minute at each try. The pauses between its rounds grow: one
round, two, at most four. Pure: rounds in, an answer out.
"""

from typing import Final

import msgspec

PAUSE_MAX: Final = 4
"""Rounds: two hours where a round is half an hour. A modem that connects anew ends a pause."""


class BackOff(msgspec.Struct):
    """What is remembered of a meter that did not answer."""

    silent: int = 0
    """Rounds in a row in which it was asked and said nothing."""
    left: int = 0
    """Rounds in which it is not asked."""
    asked: bool = True
    """Whether it was asked in this round and has not been found silent in it yet."""

    @property
    def insists(self) -> bool:
        """Whether it is worth to ask again within the same round."""
        return self.silent < 2

    def begin_round(self) -> bool:
        """Return whether the meter is asked in the round that begins."""
        self.asked = not self.left
        if self.left:
            self.left -= 1
        return self.asked

    def note_silence(self) -> None:
        """Take note that it did not answer; further tries of the same round change nothing."""
        if self.asked:
            self.asked = False
            self.silent += 1
            self.left = min(2 ** (self.silent - 1), PAUSE_MAX) - 1

    def __str__(self) -> str:
        again = "in the next round" if not self.left else f"after {self.left} more"
        return f"silent in {self.silent} rounds, so not asked in this one; asked again {again}"

"""Records on their way from a modem into the log of the head-end.

In order, none missing, and none acknowledged before it is durable.
"""

from enum import Enum
from typing import Final

from protocols.errors import LocalProtocolError


class Judgement(Enum):
    """What to do with a record that came."""

    NEW = "new"
    """Store it."""
    STORED = "stored"
    """It is durable; say so again."""
    UNDER_WAY = "under-way"
    """It came again before it was called durable: whoever was to store it may have died, so it is
    handed out again. The same number is the same record."""
    GAP = "gap"
    """Some before it are missing: ask for them, once."""
    AHEAD = "ahead"
    """As above, and they have been asked for."""


FIRST_NUMBER: Final = 1


class RecordIntake:
    """The head-end's book of the records of one modem, for one session."""

    __slots__ = ("_asked", "expected", "stored")

    def __init__(self, stored: int | None) -> None:
        self.stored = stored
        """The last number that is durable; None: the program does not know (yet)."""
        self.expected = None if stored is None else stored + 1
        """The next number in order; None: whatever comes first is the first."""
        self._asked = False

    def begins_at(self, oldest: int) -> tuple[int, int] | None:
        """Note the oldest record that the modem still has; return the numbers that are lost."""
        if self.expected is None:
            self.expected = oldest
            return None
        return self.lost_up_to(oldest - 1)

    def lost_up_to(self, number: int) -> tuple[int, int] | None:
        """Note that records up to ``number`` never come; return which of them were missing."""
        first = number if self.expected is None else self.expected
        if number < first:
            return None
        self.expected, self._asked = number + 1, False
        return first, number

    def judge(self, number: int) -> Judgement:
        """Say what is to be done with the record of this number."""
        if self.expected is None or number == self.expected:
            self.expected, self._asked = number + 1, False
            return Judgement.NEW
        if number < self.expected:
            durable = self.stored is not None and number <= self.stored
            return Judgement.STORED if durable else Judgement.UNDER_WAY
        asked, self._asked = self._asked, True
        return Judgement.AHEAD if asked else Judgement.GAP

    def stored_up_to(self, number: int) -> bool:
        """Note what is durable now; False when that was known.

        Raises:
            LocalProtocolError: nobody has handed out that number.

        """
        if self.expected is not None and number >= self.expected:
            told = f"record {number} is called durable, {self.expected} has not come"
            raise LocalProtocolError("record", told)
        if self.stored is not None and number <= self.stored:
            return False
        self.stored = number
        return True

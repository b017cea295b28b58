"""The records of a modem until the head-end has said that they are durable: its flash."""

from collections import deque
from typing import Final

import msgspec

from protocols.hml1.kinds import RecordKind
from protocols.hml1.messages import Record, encode_number

WINDOW: Final = 8
"""Records under way at a time."""


class RecordQueue:
    """Numbers never begin anew; when the flash is full the oldest record makes room."""

    __slots__ = ("_next_to_send", "_waiting", "capacity", "freed", "next_number")

    def __init__(self, *, next_number: int = 1, capacity: int = 1000) -> None:
        self.next_number = next_number
        self.capacity = capacity
        self.freed = next_number - 1
        """The last number that is durable at the head-end, or overwritten and told so."""
        self._waiting: deque[Record] = deque()
        self._next_to_send = next_number

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, record: Record) -> int:
        """Store a record under the next number, and return that."""
        number, self.next_number = self.next_number, self.next_number + 1
        self._waiting.append(msgspec.structs.replace(record, number=number))
        if len(self._waiting) > self.capacity:
            self._overwrite()
        return number

    def _overwrite(self) -> None:
        """Put one note in the place of the two oldest records, or make the note longer."""
        first, second = self._waiting.popleft(), self._waiting.popleft()
        began = first.data if first.kind == RecordKind.LOST else encode_number(first.number)
        note = msgspec.structs.replace(second, kind=RecordKind.LOST, label=b"", data=began)
        self._waiting.appendleft(note)

    def to_send(self) -> list[Record]:
        """Return what may be sent now: in order, no more than the window under way."""
        end = self.freed + WINDOW
        ready = [r for r in self._first(WINDOW) if self._next_to_send <= r.number <= end]
        if not ready and self._waiting and self._waiting[0].number > end:
            # A note of overwritten records jumps over more numbers than the window has.
            note = self._waiting[0]
            ready = [note] if self._next_to_send <= note.number else []
        if ready:
            self._next_to_send = ready[-1].number + 1
        return ready

    def _first(self, count: int) -> list[Record]:
        return [self._waiting[at] for at in range(min(count, len(self._waiting)))]

    def rewind(self) -> None:
        """Send everything that is not durable again."""
        self._next_to_send = self.freed + 1

    def durable_up_to(self, number: int) -> None:
        """Forget what the head-end has stored; what was never sent is not forgotten."""
        if number >= self.next_number:
            return
        while self._waiting and self._waiting[0].number <= number:
            self._waiting.popleft()
        self.freed = max(self.freed, number)
        self._next_to_send = max(self._next_to_send, number + 1)

    def begin_session(self, stored: int | None) -> None:
        """Note what the head-end has when a session begins.

        When it has more than this modem ever numbered, the flash was wiped: what waits is numbered
        anew behind that, so that nothing new is taken for something old.
        """
        if stored is not None and stored >= self.next_number:
            waiting, self._waiting = self._waiting, deque()
            self.next_number, self.freed = stored + 1, stored
            for record in waiting:
                self.put(record)
        elif stored is not None:
            self.durable_up_to(stored)
        self.rewind()

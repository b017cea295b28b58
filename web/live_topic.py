"""One topic of the live feed: who listens, what is new, and the number of the last frame."""

from typing import Any, Final

from web.frames import text_frame
from web.json_answer import encode_json
from web.stream import FeedStream

PENDING_MAX: Final = 1_000
"""Changes of one tick. With more, everybody gets a fresh snapshot, which is smaller."""
EVENTS_MAX: Final = 50
"""Events of one tick that are shown; nobody reads faster."""
HELD_MAX: Final = 100
"""Frames kept while a snapshot is made: 20 s of them at the usual tick."""


class Client:
    """One listener; compared by identity."""

    __slots__ = ("behind", "moved_at", "stream", "topics", "written")

    def __init__(self, stream: FeedStream) -> None:
        self.stream = stream
        self.topics: set[str] = set()
        self.behind = False
        """It gets nothing until it has taken what waits, then a snapshot of each topic."""
        self.moved_at = 0.0
        """When the kernel last took bytes for it, in trio's seconds."""
        self.written = 0


class Topic:
    """Listeners and news. A listener is ``joining`` until it has its snapshot, then ``live``.

    One that is behind is neither; it joins again when it has caught up.
    """

    __slots__ = (
        "_skips", "_unkeyed", "generation", "held", "joining", "listeners", "live", "making",
        "name", "pending", "seq", "skipped",
    )  # fmt: skip

    def __init__(self, name: str, *, skips: bool) -> None:
        self.name = name
        self.seq = 0
        """Number of the last frame."""
        self.listeners: dict[Client, None] = {}
        self.live: dict[Client, None] = {}
        self.joining: dict[Client, None] = {}
        self.pending: dict[Any, Any] = {}
        self.making = False
        """Whether a snapshot is being made."""
        self.generation = 0
        """Raised when a snapshot in the making has become useless."""
        self.held: list[bytes] = []
        """Frames since the snapshot in the making was begun: they follow it."""
        self._skips = skips
        self.skipped = 0
        self._unkeyed = 0

    def take(self, item: Any, key: Any) -> None:
        """Note something new; with the same ``key``, it replaces what waits already."""
        if self._skips and len(self.pending) >= EVENTS_MAX:
            self.skipped += 1
            return
        if key is None:
            self._unkeyed += 1
            key = self._unkeyed
        self.pending[key] = item
        if len(self.pending) > PENDING_MAX:
            self.start_anew()

    def take_frame(self) -> bytes | None:
        """Return the frame with everything new, encoded once for all; None when none is needed."""
        items = list(self.pending.values())
        if self.skipped:
            items.append({"skipped": self.skipped})
        self.pending.clear()
        self._unkeyed = self.skipped = 0
        # Who is joining gets a snapshot that is begun later, hence with all of this in it.
        if not items or not (self.live or self.making):
            return None
        self.seq += 1
        frame = text_frame(encode_json({"topic": self.name, "seq": self.seq, "delta": items}))
        if self.making:
            self._hold(frame)
        return frame

    def _hold(self, frame: bytes) -> None:
        self.held.append(frame)
        if len(self.held) > HELD_MAX:
            self.generation += 1
            self.held.clear()

    def snapshot_frame(self, seq: int, body: Any) -> bytes:
        """Return the frame that a listener begins with."""
        return text_frame(encode_json({"topic": self.name, "seq": seq, "snapshot": body}))

    def start_anew(self) -> None:
        """Let everybody wait for a new snapshot: too much happened for deltas."""
        self.joining |= self.live
        self.live.clear()
        self.pending.clear()
        self.held.clear()
        self.generation += 1

    def add(self, client: Client) -> None:
        """Take a listener in."""
        self.listeners[client] = None
        if not client.behind:
            self.joining[client] = None

    def pause(self, client: Client) -> None:
        """Tell ``client`` nothing until it joins again."""
        self.live.pop(client, None)
        self.joining.pop(client, None)

    def remove(self, client: Client) -> None:
        """Forget a listener."""
        self.pause(client)
        self.listeners.pop(client, None)

    @property
    def is_unused(self) -> bool:
        """Whether nobody listens and nothing is under way."""
        return not (self.listeners or self.making)

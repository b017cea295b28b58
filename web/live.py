"""The live feed: what changes goes to many screens, encoded once, never waiting for any of them.

Between two ticks news is gathered; at a tick each topic with news becomes one frame, and the frame
is offered to the kernel for each listener. A listener who does not keep up is left out, and gets a
snapshot when it has caught up; so memory is bounded and nobody sees a gap: the numbers after a
snapshot follow its own.
"""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import msgspec
import trio

from web.errors import error_body
from web.frames import GOING_AWAY, PING, text_frame
from web.json_answer import encode_json
from web.live_topic import Client, Topic
from web.stream import FeedStream

SENDS_MAX: Final = 200
"""Sends without a break: some 2 ms, which nobody else in the thread notices."""
PING_S: Final = 25.0
"""Proxies close connections that are quiet for 60 s."""
SNAPSHOT_RETRY_S: Final = 2.0
SKIPPING_KINDS: Final = frozenset({"events"})
DIFFERENCES: Final = frozenset({"overview", "tree"})
"""Topics whose publisher compares and tells only differences; see ``take_fresh``."""

Snapshot = Callable[[str], Awaitable[Any]]
"""The part of a topic's name behind the colon, to its body; raises ``NoSnapshot``."""


class NoSnapshot(Exception):
    """The topic has nothing to begin with; ``lasting`` means that waiting does not help."""

    def __init__(self, message: str, *, lasting: bool) -> None:
        super().__init__(message)
        self.lasting = lasting


class FeedStatistics(msgspec.Struct, frozen=True):
    """Totals since the start, and how many listen now."""

    clients: int
    topics: int
    encoded: int
    """Frames made, each once for all its listeners."""
    sent: int
    snapshots: int
    resyncs: int
    """Listeners who fell behind and caught up."""
    stalled: int
    """Listeners closed because they took nothing."""


class LiveFeed:
    """Topics and their listeners; all methods but ``run`` are plain."""

    def __init__(self, stall_s: float, slack: int) -> None:
        self._stall_s = stall_s
        self._slack = slack
        self._sources: dict[str, Snapshot] = {}
        self._topics: dict[str, Topic] = {}
        self._clients: dict[Client, None] = {}
        self._slow: dict[Client, None] = {}
        self._fresh: set[str] = set()
        self._sends = 0
        self._counts = dict.fromkeys(("encoded", "sent", "snapshots", "resyncs", "stalled"), 0)

    def offer(self, kind: str, snapshot: Snapshot) -> None:
        """Say how listeners of topics of a kind begin: ``meters``, or ``meter`` for meter:ID."""
        self._sources[kind] = snapshot

    # -- what happens

    def publish(self, topic: str, item: Any, key: Any = None) -> None:
        """Tell the listeners of ``topic``, if any, at the next tick.

        Within a tick, an item replaces an earlier one with the same ``key``.
        """
        found = self._topics.get(topic)
        if found is not None:
            found.take(item, key)

    def is_heard(self, topic: str) -> bool:
        """Whether anybody listens to ``topic``: telling others' news would be wasted."""
        return topic in self._topics

    def heard(self, kind: str) -> list[str]:
        """Return the keys of the topics of ``kind`` that somebody listens to."""
        prefix = kind + ":"
        return [name.removeprefix(prefix) for name in self._topics if name.startswith(prefix)]

    def take_fresh(self, topic: str) -> bool:
        """Whether anybody began with a snapshot of ``topic`` since this was last asked.

        Whoever publishes only differences then tells everything once: the newcomers' snapshot may
        lie between two states that were compared.
        """
        fresh = topic in self._fresh
        self._fresh.discard(topic)
        return fresh

    # -- who listens

    def join(self, stream: FeedStream) -> Client:
        """Add a listener, without topics yet."""
        client = Client(stream)
        self._clients[client] = None
        return client

    def leave(self, client: Client) -> None:
        """Forget a listener."""
        self._clients.pop(client, None)
        self._slow.pop(client, None)
        for name in client.topics:
            self._topics[name].remove(client)
        client.topics.clear()

    def knows(self, topic: str) -> bool:
        """Whether there is such a topic."""
        kind, colon, key = topic.partition(":")
        return kind in self._sources and bool(colon) == bool(key) == (kind == "meter")

    def subscribe(self, client: Client, topic: str) -> None:
        """Let ``client`` begin with a snapshot of ``topic``; twice changes nothing."""
        if topic in client.topics or client not in self._clients:
            return
        client.topics.add(topic)
        if topic not in self._topics:
            skips = topic.partition(":")[0] in SKIPPING_KINDS
            self._topics[topic] = Topic(topic, skips=skips)
        self._topics[topic].add(client)

    def unsubscribe(self, client: Client, topic: str) -> None:
        """Tell ``client`` no more of ``topic``."""
        if topic in client.topics:
            client.topics.discard(topic)
            self._topics[topic].remove(client)

    def tell(self, client: Client, body: Any) -> None:
        """Send something to one listener, unless it is behind."""
        if not client.behind:
            self._send(client, text_frame(encode_json(body)))

    def say_goodbye(self) -> None:
        """Tell all listeners that the server stops."""
        for client in list(self._clients):
            self._send(client, GOING_AWAY)
            self.leave(client)

    def statistics(self) -> FeedStatistics:
        """Return the totals."""
        return FeedStatistics(clients=len(self._clients), topics=len(self._topics), **self._counts)

    # -- the loop

    async def run(self, tick_s: float) -> None:
        """Tell the listeners every ``tick_s`` seconds, for ever."""
        pinged_at = trio.current_time()
        async with trio.open_nursery() as snapshots:
            while True:
                await trio.sleep(tick_s)
                self._look_after_slow()
                for topic in list(self._topics.values()):
                    await self._tick(topic)
                    if topic.joining and not topic.making:
                        topic.making = True
                        snapshots.start_soon(self._make_snapshot, topic)
                    elif topic.is_unused:
                        del self._topics[topic.name]
                if trio.current_time() - pinged_at >= PING_S:
                    pinged_at = trio.current_time()
                    await self._send_all(list(self._clients), PING)

    async def _tick(self, topic: Topic) -> None:
        frame = topic.take_frame()
        if frame is not None:
            self._counts["encoded"] += 1
            await self._send_all(list(topic.live), frame, topic)

    async def _send_all(
        self, clients: list[Client], frame: bytes, topic: Topic | None = None
    ) -> None:
        for client in clients:
            # While others had their turn, it may have left or fallen behind.
            if client in (self._clients if topic is None else topic.live) and not client.behind:
                self._send(client, frame)
                self._sends += 1
                if self._sends % SENDS_MAX == 0:
                    await trio.lowlevel.checkpoint()

    def _send(self, client: Client, frame: bytes) -> bool:
        """Offer a frame; return whether it was taken."""
        try:
            taken = client.stream.send_nowait(frame, self._slack)
        except trio.BrokenResourceError:
            self._drop(client)
            return False
        if client.stream.waiting or not taken:
            self._watch(client)
        if taken:
            self._counts["sent"] += 1
        else:
            client.behind = True
            for name in client.topics:
                self._topics[name].pause(client)
        return taken

    def _watch(self, client: Client) -> None:
        if client not in self._slow:
            self._slow[client] = None
            client.moved_at = trio.current_time()
            client.written = client.stream.written

    def _look_after_slow(self) -> None:
        now = trio.current_time()
        for client in list(self._slow):
            try:
                done = client.stream.flush()
            except trio.BrokenResourceError:
                self._drop(client)
                continue
            if client.stream.written != client.written:
                client.written = client.stream.written
                client.moved_at = now
            if done:
                self._caught_up(client)
            elif now - client.moved_at > self._stall_s:
                self._counts["stalled"] += 1
                self._drop(client)

    def _caught_up(self, client: Client) -> None:
        del self._slow[client]
        if client.behind:
            client.behind = False
            self._counts["resyncs"] += 1
            for name in client.topics:
                self._topics[name].add(client)

    def _drop(self, client: Client) -> None:
        """Close a listener; its session wakes up and ends."""
        self.leave(client)
        client.stream.kill()

    # -- snapshots

    async def _make_snapshot(self, topic: Topic) -> None:
        """Make one snapshot for all who wait, those who come meanwhile too."""
        kind, _, key = topic.name.partition(":")
        topic.held.clear()
        seq, generation = topic.seq, topic.generation
        try:
            body = await self._sources[kind](key)
        except NoSnapshot as problem:
            self._tell_no_snapshot(topic, problem)
            if not problem.lasting:
                await trio.sleep(SNAPSHOT_RETRY_S)
        else:
            if topic.generation == generation:
                self._begin(topic, topic.snapshot_frame(seq, body))
        finally:
            topic.making = False

    def _begin(self, topic: Topic, frame: bytes) -> None:
        self._counts["snapshots"] += 1
        if topic.name in DIFFERENCES:
            self._fresh.add(topic.name)
        joining, topic.joining = topic.joining, {}
        for client in joining:
            if all(self._send(client, part) for part in (frame, *topic.held)):
                topic.live[client] = None
        topic.held.clear()

    def _tell_no_snapshot(self, topic: Topic, problem: NoSnapshot) -> None:
        code = "unknown-topic" if problem.lasting else "unavailable"
        body = error_body(code, str(problem), {"topic": topic.name})
        for client in list(topic.joining):
            self.tell(client, body)
            if problem.lasting:
                self.unsubscribe(client, topic.name)

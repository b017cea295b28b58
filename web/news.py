"""From what happens in the node to the topics of the live feed.

The node calls the ``on_...`` methods; they only note. Rows are fetched at the tick, for those
topics that somebody listens to, hence as often as people look and not as often as meters speak.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

import msgspec
import trio

from hes.events.base import Recorded
from hes.events.command import CommandFinished, CommandRequested
from hes.events.commit import Commit
from hes.events.meter_clock import ClockSet
from hes.events.meter_control import MeterConfigured, RelaySwitched
from hes.events.meter_keys import MeterKeysChanged, MeterKeysChanging, MeterKeysKept
from hes.events.reading import LoadProfileRead, PushKept, ReadFailed, Reading
from hes.ids import METER_PREFIX, meter_of
from hes.rules.firmware_progress import KINDS as FIRMWARE
from hes.store.errors import StoreError
from hes.store.json_form import to_plain
from hes.tree import ActorStatus
from web.context import Web
from web.forms import meter_event_row, profile_rows, reading_rows
from web.live_topic import EVENTS_MAX
from web.overview import overview_body
from web.ports import Row
from web.reading import read
from web.topics import tree_of

WAITING_EVENTS_MAX: Final = 5_000
"""Events between the log and the read models; more only while those catch up."""
ORDERED: Final = (
    CommandRequested, CommandFinished, RelaySwitched, MeterConfigured, MeterKeysChanging,
    MeterKeysChanged, MeterKeysKept, ClockSet, *FIRMWARE,
)  # fmt: skip
"""Steps of what somebody asked of a meter: its page shows them as they come."""
KEYS_MAX: Final = 500
"""Rows fetched at one tick: some 10 ms of a worker thread; the others wait for the next."""
OVERVIEW_S: Final = 1.0
TREE_S: Final = 2.0
MODEMS_S: Final = 1.0
UNSTEADY: Final = frozenset({"uptime_s", "current_for_s", "crash_ago_s", "children"})
"""Of an actor's status: what always changes, or is told of the children themselves."""


class News:
    """Notes what changed and tells the feed."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self._feed = web.feed
        self._away: tuple[type[Exception], ...] = (StoreError, *web.options.unavailable)
        self._position = 0
        self._readings = 0
        self._waiting: deque[Sequence[Recorded]] = deque()
        """Commits of the log that the read models do not show yet, the last one perhaps in part."""
        self._waiting_events = 0
        self._meters: dict[str, None] = {}
        self._alarms: dict[str, None] = {}
        self._modems: dict[str, None] = {}
        self._paths: dict[str, None] = {}
        self._overview: dict[str, Any] = {}
        self._statuses: dict[str, dict[str, Any]] = {}
        self._due: dict[str, float] = {}

    # -- called by the node, in the trio thread

    def on_events(self, events: Commit) -> None:
        """Note events that are durable; they are told once the read models have them."""
        self._readings += events.number_of(Reading)
        self._waiting.append(events)
        self._waiting_events += len(events)
        while self._waiting_events > WAITING_EVENTS_MAX and len(self._waiting) > 1:
            self._waiting_events -= len(self._waiting.popleft())
        if events[0].position <= self._position:
            # The read models found them in the log before the journal told of them.
            self._release()

    def on_commit(self, changes: Iterable[tuple[str, str]], position: int) -> None:
        """Note what the read models changed; they stand at ``position`` of the log now."""
        self._position = max(self._position, position)
        noted = {"meters": self._meters, "alarms": self._alarms, "modems": self._modems}
        for topic, key in changes:
            if topic in noted:
                noted[topic][key] = None
        self._release()

    def on_actor(self, path: str) -> None:
        """Note that the actor at ``path`` crashed or changed its state."""
        if self._feed.is_heard("tree"):
            self._paths[path] = None

    # -- telling

    async def run(self, tick_s: float) -> None:
        """Tell the feed every ``tick_s`` seconds, for ever."""
        while True:
            await trio.sleep(tick_s)
            self._web.rate.note(trio.current_time(), self._position)
            self._web.readings.note(trio.current_time(), self._readings)
            self._tell_actors()
            self._tell_modems()
            try:
                await self._tell_rows(self._meters, self._web.node.read_model.meter_rows, _meter)
                await self._tell_rows(self._alarms, self._web.node.read_model.alarm_rows, _alarm)
                await self._tell_overview()
            except self._away:
                # The keys that were not fetched are noted still; the next tick tries again.
                continue

    def _release(self) -> None:
        keys = set(self._feed.heard("meter"))
        heard = self._feed.is_heard("events")
        shown = 0
        for recorded in self._due_events(wanted=heard or bool(keys)):
            if heard:
                # Beyond the limit the feed only counts: no need to make the text.
                shown += 1
                self._feed.publish("events", to_plain(recorded) if shown <= EVENTS_MAX else None)
            meter = meter_of(recorded.stream)
            if meter in keys:
                self._tell_meter(meter, recorded)

    def _due_events(self, *, wanted: bool) -> Iterator[Recorded]:
        """Yield what the read models show by now, if it is ``wanted``, and forget it."""
        waiting = self._waiting
        while waiting and waiting[0][0].position <= self._position:
            commit = waiting.popleft()
            self._waiting_events -= len(commit)
            beyond = max(0, commit[-1].position - self._position)
            if beyond:
                waiting.appendleft(commit[-beyond:])
                self._waiting_events += beyond
            if wanted:
                yield from commit[: len(commit) - beyond]

    def _tell_meter(self, meter: str, recorded: Recorded) -> None:
        event = recorded.event
        kind = "event"
        rows: list[dict[str, Any]] = []
        if isinstance(event, Reading):
            kind, rows = "reading", reading_rows(event)
        elif isinstance(event, LoadProfileRead):
            kind, rows = "interval", profile_rows([event])
        elif isinstance(event, PushKept | ReadFailed):
            # Rare, and shown out of the read model: the page looks again.
            kind, rows = "changed", [{"type": event.topic}]
        elif isinstance(event, ORDERED):
            kind, rows = "order", [to_plain(recorded)]
        else:
            row = meter_event_row(recorded)
            rows = [] if row is None else [row]
        for row in rows:
            self._feed.publish(METER_PREFIX + meter, {"kind": kind, "data": row})

    async def _tell_rows(
        self,
        keys: dict[str, None],
        fetch: Callable[[Sequence[str]], Sequence[Row]],
        tell: Callable[["News", dict[str, Any]], None],
    ) -> None:
        some = list(keys)[:KEYS_MAX]
        if not some:
            return
        if not self._is_row_heard(keys is self._meters):
            keys.clear()
            return
        # First off the list, then fetched: what changes meanwhile is noted anew.
        for key in some:
            del keys[key]
        try:
            rows = await read(self._web, fetch, some)
        except self._away:
            keys.update(dict.fromkeys(some))
            raise
        for row in rows:
            tell(self, msgspec.to_builtins(row))

    def _is_row_heard(self, of_meters: bool) -> bool:
        topic = "meters" if of_meters else "alarms"
        return self._feed.is_heard(topic) or bool(self._feed.heard("meter"))

    def tell_row(self, topic: str, kind: str, row: dict[str, Any], key: Any) -> None:
        """Publish a row to its own topic and to that of its meter."""
        self._feed.publish(topic, row, key)
        meter = row["meter_id"]
        if meter is not None:
            self._feed.publish(METER_PREFIX + meter, {"kind": kind, "data": row}, (kind, key))

    def _is_due(self, topic: str, every_s: float) -> bool:
        """Whether ``topic`` is listened to and was not told for ``every_s``."""
        now = trio.current_time()
        if not self._feed.is_heard(topic) or now < self._due.get(topic, 0.0):
            return False
        self._due[topic] = now + every_s
        return True

    async def _tell_overview(self) -> None:
        if not self._is_due("overview", OVERVIEW_S):
            return
        body = await overview_body(self._web)
        before, self._overview = self._overview, body
        if self._feed.take_fresh("overview"):
            before = {}  # Somebody began in between, from other numbers than these.
        changed = {name: value for name, value in body.items() if before.get(name) != value}
        if changed:
            self._feed.publish("overview", changed)

    def _tell_modems(self) -> None:
        if not self._feed.is_heard("modems"):
            self._modems.clear()
        if not self._modems or not self._is_due("modems", MODEMS_S):
            return
        for view in self._web.node.commander.modems():
            if view.modem_id in self._modems:
                self._feed.publish("modems", view, view.modem_id)
        self._modems.clear()

    def _tell_actors(self) -> None:
        paths, self._paths = self._paths, {}
        for path in paths:
            try:
                self._tell_actor(self._web.node.tree(path, 0, 0, 0))
            except LookupError:
                continue  # It is gone; whoever shows its parent sees that there.
        if self._is_due("tree", TREE_S):
            self._tell_changed(tree_of(self._web))

    def _tell_changed(self, root: ActorStatus) -> None:
        before, self._statuses = self._statuses, {}
        if self._feed.take_fresh("tree"):
            before = {}
        waiting = [root]
        while waiting:
            status = waiting.pop()
            waiting.extend(status.children)
            steady = {
                name: getattr(status, name)
                for name in ActorStatus.__struct_fields__
                if name not in UNSTEADY
            }
            self._statuses[status.path] = steady
            if before.get(status.path) != steady:
                self._tell_actor(status)

    def _tell_actor(self, status: ActorStatus) -> None:
        self._feed.publish("tree", msgspec.structs.replace(status, children=[]), status.path)


def _meter(news: News, row: dict[str, Any]) -> None:
    news.tell_row("meters", "row", row, row["meter_id"])


def _alarm(news: News, row: dict[str, Any]) -> None:
    news.tell_row("alarms", "alarm", row, row["id"])

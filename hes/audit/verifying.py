"""Walks a whole log and says whether it is as it was written: chains, gaps, head and anchors.

One thread reads pages while another checks them. Of what was read, version and chain value of each
stream's last event are kept: some 200 bytes a stream.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

from hes.audit.errors import AuditError
from hes.events.audit import Anchored
from hes.store.anchor import FIRST, STREAM, Span
from hes.store.chain import ChainedRow, Fault, Verifier
from hes.store.codec import EventCodec
from hes.store.errors import StoreError, StoreUnavailable
from hes.store.port import EventLog, StoredRow

PAGE: Final = 10_000
END: Final = 2**63
FAULTS_MAX: Final = 100
"""So many are told; a log that was restored wrongly has millions."""
Progress = Callable[[int, int], None]
"""Told how many events of how many are checked."""


class Verdict(NamedTuple):
    """What a walk through the log has shown."""

    events: int
    streams: int
    anchors: int
    anchored: int
    """Position up to which anchors cover the log; what came after has only its chains."""
    last_digest: bytes | None
    """Of the newest anchor: what to keep elsewhere."""
    last_root: bytes | None
    purged: int
    """Events that were purged by a rule or a person: nothing can be told of them, nor of anchors
    that cover them. Who purged is in ``hes audit``."""
    faults: tuple[Fault, ...]
    """The first of them first; at most ``FAULTS_MAX``."""

    @property
    def ok(self) -> bool:
        """Whether the log is as it was written."""
        return not self.faults


def verify(
    log: EventLog,
    codec: EventCodec,
    kept: Sequence[bytes] = (),
    progress: Progress = lambda _done, _all: None,
) -> Verdict:
    """Check the log up to where its head stands now; a node may write it meanwhile.

    ``kept``: digests or roots of anchors that were kept elsewhere, and must be in the log.

    Raises:
        StoreError: the database cannot be read.

    """
    head = log.head()
    anchors, faults = _anchors(log, codec, head)
    purged = log.purged()
    spans = Spans(anchors, purged)
    verifier = Verifier(purged, log.purged_end)
    for rows in _pages(log, head, faults):
        faults += verifier.take(rows)
        faults += spans.take(rows)
        del faults[10 * FAULTS_MAX :]
        progress(verifier.position, head)
    faults += spans.end()
    end = verifier.end(head)
    faults += [end] if end is not None else _behind(log, head)
    faults += _layouts(log)
    faults += _missing(anchors, kept)
    last = anchors[-1][1] if anchors else None
    return Verdict(
        head, verifier.streams, len(anchors), 0 if last is None else last.last,
        None if last is None else last.digest, None if last is None else last.root,
        sum(last - first + 1 for first, last in purged),
        tuple(sorted(faults, key=_place)[:FAULTS_MAX]),
    )  # fmt: skip


def _place(fault: Fault) -> int:
    """Return where a fault is told: those of no event behind all others."""
    return fault.position or END


def _pages(log: EventLog, head: int, faults: list[Fault]) -> Iterator[list[ChainedRow]]:
    """Yield the log up to ``head``; the next page is read while one is looked at.

    What cannot be read is added to ``faults``, and left out.
    """
    at = 0
    with ThreadPoolExecutor(1, "read") as reader:
        coming = reader.submit(_page, log, at, head)
        while at < head:
            rows, at, wrong = coming.result()
            coming = reader.submit(_page, log, at, head)
            faults += wrong
            yield rows


def _page(log: EventLog, at: int, head: int) -> tuple[list[ChainedRow], int, list[Fault]]:
    """Return the rows behind ``at``, where to go on, and what could not be read."""
    try:
        rows = log.read_chained(at, min(PAGE, max(1, head - at)))
        last = rows[-1].position if rows else head
        return [row for row in rows if row.position <= head], last, []
    except StoreUnavailable:
        raise
    except StoreError:
        return _one_by_one(log, at, min(at + PAGE, head))


def _one_by_one(log: EventLog, at: int, end: int) -> tuple[list[ChainedRow], int, list[Fault]]:
    rows: list[ChainedRow] = []
    faults: list[Fault] = []
    while at < end:
        try:
            found = log.read_chained(at, 1)
        except StoreUnavailable:
            raise
        except StoreError as problem:
            at += 1
            faults.append(
                Fault(at, "", 0, f"this event or the one behind it is unreadable: {problem}")
            )
            continue
        at = found[0].position if found else end
        rows += [row for row in found if row.position <= end]
    return rows, at, faults


def _behind(log: EventLog, head: int) -> list[Fault]:
    """Return what stands behind the head that is read afterwards: no writer puts it there."""
    rows = log.read_chained(head, 1)
    now = log.head()
    late = [row for row in rows if row.position > now]
    return [Fault(r.position, "", 0, f"events stand behind the head at {now}") for r in late]


def _layouts(log: EventLog) -> list[Fault]:
    """Return what is wrong with the channel layouts: each has the hash of its content as name."""
    try:
        log.layouts()
    except StoreUnavailable:
        raise
    except StoreError as problem:
        return [Fault(0, "", 0, str(problem))]
    return []


# -- anchors


Anchors = list[tuple[StoredRow, Anchored]]


def _anchors(log: EventLog, codec: EventCodec, head: int) -> tuple[Anchors, list[Fault]]:
    """Return the anchors up to ``head``, and what in their stream is none."""
    found: Anchors = []
    faults: list[Fault] = []
    version = -1
    while rows := _anchor_rows(log, version, head, faults):
        version = rows[-1].version
        for row in rows:
            if row.position > head:
                continue
            try:
                found.append((row, as_anchor(codec, row)))
            except AuditError as problem:
                faults.append(Fault(row.position, row.stream, row.version, str(problem)))
    return found, faults


def _anchor_rows(log: EventLog, version: int, head: int, faults: list[Fault]) -> list[StoredRow]:
    try:
        return log.read_stream(STREAM, version, PAGE)
    except StoreUnavailable:
        raise
    except StoreError as problem:
        faults.append(Fault(head, STREAM, 0, f"the anchors cannot be read: {problem}"))
        return []


def as_anchor(codec: EventCodec, row: StoredRow) -> Anchored:
    """Return the anchor in a row of the stream of anchors.

    Raises:
        AuditError: it holds something else.

    """
    try:
        event = codec.decode(row.topic, row.state)
    except StoreError as problem:
        raise AuditError(f"this anchor cannot be read: {problem}") from None
    if not isinstance(event, Anchored):
        raise AuditError(f"this is a {event.topic}, no anchor")
    return event


def _missing(anchors: Anchors, kept: Sequence[bytes]) -> list[Fault]:
    known = {value for _, anchor in anchors for value in (anchor.digest, anchor.root)}
    return [
        Fault(0, STREAM, 0, f"no anchor has the value {value.hex()} that was kept elsewhere")
        for value in kept
        if value not in known
    ]


def _octets(value: object) -> bytes:
    return value if isinstance(value, bytes) else b""


class Spans:
    """Folds the chain values of a log anew for each anchor, and compares."""

    def __init__(self, anchors: Anchors, purged: Sequence[tuple[int, int]] = ()) -> None:
        self._anchors = iter(anchors)
        self._purged = purged
        self._before = FIRST
        self._covered = 0
        self._row: StoredRow | None = None
        self._anchor: Anchored | None = None
        self._span = Span(FIRST, 0, 0)
        self._found = self._next()

    def take(self, rows: Sequence[ChainedRow]) -> list[Fault]:
        """Take the next rows of the log, in order; return what is wrong."""
        positions = [row.position for row in rows]
        while self._anchor is not None and positions and self._anchor.first <= positions[-1]:
            start = bisect_left(positions, self._anchor.first)
            stop = bisect_right(positions, self._anchor.last)
            # A value that was altered into none is a fault of its chain; here it gives another sum.
            self._span.take([_octets(row.chain) for row in rows[start:stop]])
            if positions[-1] < self._anchor.last:
                break
            self._compare(self._anchor)
        return self._told()

    def end(self) -> list[Fault]:
        """Return what is wrong with an anchor whose events do not come any more."""
        if self._anchor is not None:
            self._blame(f"it covers events up to {self._anchor.last}, which are not there")
        return self._told()

    def _compare(self, anchor: Anchored) -> None:
        digest, root = self._span.digest(), self._span.tree.root()
        wrong = digest != anchor.digest or anchor.root not in {None, root}
        if wrong and not self._has_purged(anchor):
            self._blame(
                f"events {anchor.first} to {anchor.last} are not those that were anchored:"
                " one of them was changed, and the chains written anew"
            )
        self._before, self._covered = anchor.digest, anchor.last
        self._found += self._next()

    def _has_purged(self, anchor: Anchored) -> bool:
        return any(first <= anchor.last and last >= anchor.first for first, last in self._purged)

    def _next(self) -> list[Fault]:
        self._row, self._anchor = next(self._anchors, (None, None))
        if self._anchor is None or self._row is None:
            return []
        anchor, row = self._anchor, self._row
        self._span = Span(anchor.previous, anchor.first, anchor.last)
        follows = anchor.first == self._covered + 1 and anchor.last >= anchor.first
        if follows and anchor.last < row.position and anchor.previous == self._before:
            return []
        reason = "it does not follow the anchor before it: one was dropped or changed"
        return [Fault(row.position, row.stream, row.version, reason)]

    def _blame(self, reason: str) -> None:
        if self._row is not None:
            self._found.append(
                Fault(self._row.position, self._row.stream, self._row.version, reason)
            )

    def _told(self) -> list[Fault]:
        found, self._found = self._found, []
        return found

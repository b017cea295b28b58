"""Anchors: each covers what came since the one before, and is chained to it."""

import hashlib
import struct
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from hes.events.audit import Anchored
from hes.store.anchor import STREAM, last_anchor, next_anchor, span_of
from hes.store.codec import EventCodec
from hes.store.errors import StoreError
from hes.store.open import open_log
from hes.store.port import Append, EventLog

NOW = datetime(2026, 5, 1, 0, 5, tzinfo=UTC)
CODEC = EventCodec()


@pytest.fixture
def log() -> Iterator[EventLog]:
    opened = open_log("sqlite://")
    opened.fence()
    yield opened
    opened.close()


def write(log: EventLog, count: int) -> None:
    log.append([Append("meter:1", None, [("Reading/1", b"x")] * count)])


def anchored(log: EventLog) -> Anchored:
    event = next_anchor(log, CODEC, NOW)
    assert event is not None
    log.append([Append(STREAM, None, [CODEC.encode(event)])])
    return event


def test_an_empty_log_has_nothing_to_anchor(log: EventLog) -> None:
    assert next_anchor(log, CODEC, NOW) is None
    assert last_anchor(log, CODEC) is None


def test_anchors_cover_everything_once(log: EventLog) -> None:
    write(log, 3)
    first = anchored(log)
    write(log, 2)
    second = anchored(log)
    assert (first.first, first.last, second.first, second.last) == (1, 3, 4, 6)
    assert (first.previous, second.previous) == (bytes(32), first.digest)
    assert last_anchor(log, CODEC) == second


def test_a_digest_is_told_again_in_other_words(
    log: EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hes.store.anchor.PAGE", 2)
    write(log, 5)
    told = b"hes-anchor/1\x00" + bytes(32) + struct.pack(">qq", 1, 5) + b"".join(log.chains(0, 9))
    anchor = anchored(log)
    assert anchor.digest == hashlib.sha256(told).digest()
    hashes = [hashlib.sha256(b"\0" + chain).digest() for chain in log.chains(0, 5)]

    def node(left: bytes, right: bytes) -> bytes:
        return hashlib.sha256(b"\1" + left + right).digest()

    four = node(node(*hashes[:2]), node(*hashes[2:4]))
    assert anchor.root == node(four, hashes[4])


def test_events_that_are_gone_give_no_digest(log: EventLog) -> None:
    write(log, 2)
    with pytest.raises(StoreError, match="missing behind position 2; run hes verify"):
        span_of(log, bytes(32), 1, 3)


def test_a_stream_of_anchors_holds_nothing_else(log: EventLog) -> None:
    log.append(
        [
            Append(
                STREAM,
                None,
                [("NodeStopped/1", bytes.fromhex("93d7ff3b9aca0069f495c3c0a75349475445524d"))],
            )
        ]
    )
    with pytest.raises(StoreError, match="holds a NodeStopped/1"):
        next_anchor(log, CODEC, NOW)

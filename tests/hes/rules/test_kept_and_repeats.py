"""Messages kept as they came, in pieces that fit; messages that come again, counted once."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, strategies as st

from hes.events.reading import PushKept
from hes.rules.kept import PART_SIZE, kept_events
from hes.rules.repeats import (
    DIGEST_SIZE,
    DIGESTS_KEPT,
    WINDOW,
    CounterWindow,
    digest_of,
    is_repeat,
    remember,
)
from hes.store.codec import EventCodec

NOW = datetime(2026, 5, 1, 12, 0, 0, 123_456, tzinfo=UTC)
EVENT_SIZE_MAX = 2000
SIZES = [0, 1, PART_SIZE - 1, PART_SIZE, PART_SIZE + 1, 3 * PART_SIZE, 65_535]


@pytest.mark.parametrize("size", SIZES)
def test_a_message_of_any_size_is_kept_whole(size: int) -> None:
    data = bytes(n % 251 for n in range(size))
    parts = kept_events("no-key", "why", data, NOW, digest=b"12345678", title="4c475a")
    assert all(isinstance(part, PushKept) for part in parts)
    kept = [part for part in parts if isinstance(part, PushKept)]
    assert b"".join(part.data for part in kept) == data
    assert [part.part for part in kept] == list(range(1, len(kept) + 1))
    assert {part.parts for part in kept} == {max(1, -(-size // PART_SIZE))}
    assert [part.digest for part in kept] == [b"12345678", *[None] * (len(kept) - 1)]


@given(st.text(), st.text(), st.text(), st.integers(0, 4000))
def test_no_part_is_larger_than_an_event_may_be(
    reason: str, detail: str, title: str, size: int
) -> None:
    long = kept_events(reason * 99, detail * 99, bytes(size), NOW, digest=bytes(8), title=title * 9)
    for event in long:
        _, state = EventCodec().encode(event)
        assert len(state) <= EVENT_SIZE_MAX


def test_texts_are_cut_between_letters() -> None:
    (event,) = kept_events("ok", "Đà Nẵng " * 99, b"", NOW)
    assert isinstance(event, PushKept)
    assert event.detail
    assert ("Đà Nẵng " * 99).startswith(event.detail)


# -- counters


@given(st.lists(st.integers(0, 80), max_size=80))
def test_a_counter_is_taken_once_in_any_order(counters: list[int]) -> None:
    window, taken = CounterWindow(), set[int]()
    for counter in counters:
        too_old = bool(taken) and counter <= max(taken) - WINDOW
        fresh = counter not in taken and not too_old
        assert window.accepts(counter) == fresh
        if fresh:
            window.take(counter)
            taken.add(counter)
    assert window.highest == max(taken, default=-1)
    assert not any(window.accepts(counter) for counter in taken)


def test_a_jump_forgets_what_is_too_old_and_the_window_stays_small() -> None:
    window = CounterWindow()
    window.take(0)
    window.take(2**32 - 1)
    assert not window.accepts(0)
    assert window.accepts(2**32 - 2)
    assert window.seen < 2**WINDOW


# -- digests


def test_a_digest_tells_messages_apart() -> None:
    messages = [b"", b"\x00", b"\x00\x00", b"abc", b"abd"]
    assert len({digest_of(message) for message in messages}) == len(messages)
    assert {len(digest_of(message)) for message in messages} == {DIGEST_SIZE}
    assert digest_of(b"abc") == digest_of(bytearray(b"abc"))


@given(st.lists(st.integers(0, 200), max_size=200))
def test_the_last_messages_are_known_again(numbers: list[int]) -> None:
    digests = b""
    for n, number in enumerate(numbers):
        digests = remember(digests, digest_of(bytes([number])))
        for recent in numbers[max(0, n - DIGESTS_KEPT + 1) : n + 1]:
            assert is_repeat(digests, digest_of(bytes([recent])))
    assert len(digests) <= DIGESTS_KEPT * DIGEST_SIZE


@given(st.lists(st.sampled_from([b"AAAAAB", b"AAAAAA", b"BAAAAA"])), st.binary(max_size=6))
def test_only_whole_digests_count(kept: list[bytes], other: bytes) -> None:
    digests = b"".join(kept)
    for digest in (b"AAAAAA", b"AABAAA", (other * 6 + b"123456")[:6]):
        assert is_repeat(digests, digest) == (digest in kept)

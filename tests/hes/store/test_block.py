"""Blocks give back every octet, take few, and say when they are damaged."""

import contextlib
import random
from datetime import UTC, datetime

import msgspec
import pytest
from examples import many
from hypothesis import given, settings, strategies as st
from meter_days import BUDGET, KINDS, events_of_days, parts_of

from hes.store.block import Block
from hes.store.block_form import CODEC, StreamPart
from hes.store.block_writer import encode_block
from hes.store.columns import pack_floats, pack_scaled, squeezed, unpack_floats, unpack_scaled
from hes.store.errors import StoreError
from hes.store.port import StoredRow
from hes.store.sealed import chained_part

numbers = st.integers(-(2**63), 2**63 - 1)
leaves = (
    st.none()
    | st.booleans()
    | numbers
    | st.integers(2**63, 2**64 - 1)
    | st.floats()
    | st.text(max_size=5)
    | st.binary(max_size=9)
    | st.datetimes(timezones=st.just(UTC))
)
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=4), max_leaves=12)
states = st.binary(max_size=12) | st.lists(values, max_size=6).map(msgspec.msgpack.encode)
parts = st.lists(
    st.lists(st.tuples(st.sampled_from(["A/1", "B/1"]), states), min_size=1, max_size=6),
    max_size=4,
)


@given(st.lists(numbers, max_size=60) | st.lists(st.integers(-50, 50), max_size=60))
def test_any_column_of_numbers_comes_back(column: list[int]) -> None:
    packed = pack_scaled(column)
    assert packed is None or unpack_scaled(packed, len(column)) == column
    if all(abs(number) < 2**62 for number in column):
        assert packed is not None


@given(st.lists(st.floats(), max_size=30))
def test_any_column_of_floats_comes_back(column: list[float]) -> None:
    found = unpack_floats(pack_floats(column), len(column))
    assert list(map(repr, found)) == list(map(repr, column))


def test_even_steps_take_next_to_nothing() -> None:
    column = [10**15 + 900_000_000 * n for n in range(5000)]
    packed = pack_scaled(column)
    assert packed is not None
    assert len(packed.planes) < 100


def rows_of(script: list[list[tuple[str, bytes]]]) -> list[StreamPart]:
    position = 0
    found = []
    for number, events in enumerate(script):
        rows = []
        for version, (topic, state) in enumerate(events, 1):
            position += 1 + (position * 7919) % 5
            rows.append(StoredRow(position, f"meter:{number}", version, topic, state))
        found.append(StreamPart(f"meter:{number}", rows))
    return found


@given(parts)
def test_any_block_comes_back_octet_by_octet(script: list[list[tuple[str, bytes]]]) -> None:
    told = rows_of(script)
    block = Block(CODEC, encode_block(told))
    assert block.parts() == told
    for part in told:
        assert block.rows_of(part.stream) == part.rows
    assert block.rows_of("meter:none") == []


@settings(max_examples=many(3))
@given(parts.filter(bool), st.data())
def test_a_damaged_block_is_a_store_error_or_other_events(
    script: list[list[tuple[str, bytes]]], data: st.DataObject
) -> None:
    state = encode_block(rows_of(script))
    at = data.draw(st.integers(0, len(state) - 1))
    damaged = state[:at] + bytes([state[at] ^ data.draw(st.integers(1, 255))]) + state[at + 1 :]
    for cut in (damaged, state[:at]):
        with contextlib.suppress(StoreError):
            Block(CODEC, cut).parts()


def test_a_block_of_a_later_codec_is_not_guessed_at() -> None:
    with pytest.raises(StoreError, match="of codec 3; update the program"):
        Block(3, encode_block([]))


@pytest.mark.parametrize("codec", [1, 2])
def test_a_block_that_was_written_once_is_read_for_ever(codec: int) -> None:
    """Never edit: logs in the field hold these octets."""
    assert Block(codec, bytes.fromhex(STORED[codec])).parts() == TOLD
    assert codec < CODEC or encode_block(TOLD) == bytes.fromhex(STORED[codec])


CAME = [datetime(2026, 5, 1, 0, 0, n, 7000, tzinfo=UTC) for n in (3, 9, 5)]
TOLD = [
    StreamPart("meter:1", [
        StoredRow(7, "meter:1", 3, "A/1", msgspec.msgpack.encode([1, "x", -5, None, 1.5])),
        StoredRow(8, "meter:1", 4, "B/1", msgspec.msgpack.encode([CAME[0], CAME[0], b"ab"])),
        StoredRow(12, "meter:1", 5, "B/1", msgspec.msgpack.encode([CAME[1], CAME[0], b"c"])),
    ]),
    StreamPart("modem:1", [
        StoredRow(9, "modem:1", 1, "B/1", msgspec.msgpack.encode([CAME[2], CAME[2], b"d"])),
        StoredRow(10, "modem:1", 2, "C/1", b"no msgpack"),
        StoredRow(11, "modem:1", 3, "A/1", msgspec.msgpack.encode([2, "y", 6, None, 2.5])),
    ]),
]  # fmt: skip
STORED = {
    1: (
        "01558fcd6ac2401485cf4c8c3a2104dc095dd40710d2d90a823f7990c6244a69638a0df8b37295bd77d4"
        "fd90858fd0179867726b471705395cb89cefc23de74c973c2bb3d5405ef222cdf28124c731823104bced"
        "726e0467683a101e94aac7a13ce90f5dd859eaf991605c8b39c825d21bbd352e18c0efbe5d844fcc782c"
        "791fed5ffbd700aa9e8452e9d2aa50f6a6cb5a78c32d7ae954bfbb0af80234e003ff0c114485e1136b90"
        "69da780d767f12cf9254d5d350d6ab787d206ebc65d1cb7f16df71f2f96861c3813b7f"
    ),
    2: (
        "019b3e69796e6a496a9195e1f2dcfc94d45c2bc349ccccd38eb0312627b03032300211fbb423ec0c4ccc"
        "2c0c8c4c8c0cff1899274f5eeca86f387561e6c27c20ce5b98366512dbb423cc0c20c5403c8975d2a485"
        "150b2b11420c48f2dcbf27311ee1021aeed020aff38d8f61f262277dc3c90b4b80307f32481d0b030333"
        "48e13906b99686f30c6c01db9c9d9524a0320c5864582681a4c0f6fc67643ac2ca9098949c3279b1b3be"
        "e1e2a2c4f28993988e70e5e52be416a71724266783bc0234849109a2e13000"
    ),
}


def test_a_wrong_octet_shows_in_the_chain() -> None:
    (part,) = rows_of([[("A/1", b"1"), ("A/1", b"2"), ("A/1", b"3")]])
    chains = [row.chain for row in chained_part(part, bytes(32), None)]
    other = StreamPart(part.stream, [part.rows[0]._replace(state=b"?"), *part.rows[1:]])
    changed = [row.chain for row in chained_part(other, bytes(32), chains[-1])]
    assert changed[-1] == chains[-1]
    assert changed[:-1] != chains[:-1]


# -- the budget

METERS = 128
BESIDE = 112
"""Rows of ``sealed_end`` and half-filled pages, see ``test_sealed_size``."""


@pytest.mark.parametrize("kind", KINDS)
def test_a_day_of_a_meter_is_within_the_budget(kind: str) -> None:
    """Of pushes 288 are digests of six octets, which nothing can make smaller."""
    told = parts_of(events_of_days(kind, METERS))
    state = encode_block(told)
    assert Block(CODEC, state).parts() == told
    budget = BUDGET - BESIDE if kind == "pushes" else BUDGET - BESIDE - 240
    assert len(state) / METERS < budget


def test_the_place_of_an_event_is_told_by_the_time_it_came() -> None:
    told = parts_of(events_of_days("readings", METERS // 4))
    count = sum(len(part.rows) for part in told)
    places = random.Random(3).sample(range(1, count + 1), count)
    scattered = [
        StreamPart(
            part.stream, [row._replace(position=places[row.position - 1]) for row in part.rows]
        )
        for part in told
    ]
    state = encode_block(scattered)
    assert Block(CODEC, state).parts() == scattered
    assert len(state) - len(encode_block(told)) > count


def test_what_cannot_be_made_smaller_stays_as_it_is() -> None:
    noise = random.Random(1).randbytes(500)
    assert len(squeezed(noise)) == 501

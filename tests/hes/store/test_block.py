"""Blocks give back every octet, take few, and say when they are damaged."""

import contextlib
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings, strategies as st

from hes.events.layout import Channel, Layout
from hes.events.reading import LoadProfileRead, ProfileRow, Reading, Source
from hes.store.block import CODEC, Block, StreamPart, encode_block
from hes.store.codec import EventCodec, LayoutBook
from hes.store.columns import pack_floats, pack_numbers, squeezed, unpack_floats, unpack_numbers
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
    packed = pack_numbers(column)
    assert packed is None or unpack_numbers(packed, len(column)) == column
    if all(abs(number) < 2**62 for number in column):
        assert packed is not None


@given(st.lists(st.floats(), max_size=30))
def test_any_column_of_floats_comes_back(column: list[float]) -> None:
    found = unpack_floats(pack_floats(column), len(column))
    assert list(map(repr, found)) == list(map(repr, column))


def test_even_steps_take_next_to_nothing() -> None:
    column = [10**15 + 900_000_000 * n for n in range(5000)]
    assert len(pack_numbers(column) or b"") < 100


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


@settings(max_examples=300)
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
    with pytest.raises(StoreError, match="of codec 2; update the program"):
        Block(2, encode_block([]))


def test_a_block_that_was_written_once_is_read_for_ever() -> None:
    """Never edit: logs in the field hold these octets."""
    told = [
        StreamPart("meter:1", [StoredRow(7, "meter:1", 3, "A/1", msgspec.msgpack.encode([1, "x"]))])
    ]
    stored = bytes.fromhex(STORED)
    assert Block(1, stored).parts() == told
    assert encode_block(told) == stored


STORED = (
    "019b3671796e6a496a9195e144c6232c0c8c0c7c60926de2e4c58efa869316662ecc9f3489012cc6"
    "34896961c5116606060600"
)


def test_a_wrong_octet_shows_in_the_chain() -> None:
    (part,) = rows_of([[("A/1", b"1"), ("A/1", b"2"), ("A/1", b"3")]])
    chains = [row.chain for row in chained_part(part, bytes(32), None)]
    other = StreamPart(part.stream, [part.rows[0]._replace(state=b"?"), *part.rows[1:]])
    changed = [row.chain for row in chained_part(other, bytes(32), chains[-1])]
    assert changed[-1] == chains[-1]
    assert changed[:-1] != chains[:-1]


# -- the budget

OBIS = ("1.8.0", "2.8.0", "3.8.0", "4.8.0", "32.7.0", "52.7.0", "72.7.0", "31.7.0", "51.7.0",
        "71.7.0")  # fmt: skip
LAYOUT = Layout(tuple(Channel(f"1.0.{code}.255", 0, 30) for code in OBIS))
BUDGET = 900
METERS = 128


class MeterOfADay:
    """Registers that count, voltages and currents with noise."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._registers = [rng.randrange(10**7) for _ in range(4)]
        self._base = rng.uniform(100, 900)

    def values(self) -> tuple[int, ...]:
        rng = self._rng
        load = max(0.0, rng.gauss(self._base, 0.3 * self._base))
        for at, part in enumerate((0.5, 0.0, 0.1, 0.01)):
            self._registers[at] += int(load * part * rng.uniform(0.8, 1.2))
        volts = [2300 + int(rng.gauss(0, 25)) for _ in range(3)]
        return (*self._registers, *volts, *(int(load * rng.uniform(0.09, 0.2)) for _ in range(3)))


def day_of(kind: str) -> list[StreamPart]:
    """Return 48 intervals of ten channels of many meters, in the order of their arrival."""
    rng, codec = random.Random(5), EventCodec(LayoutBook())
    meters = [MeterOfADay(rng) for _ in range(METERS)]
    day = datetime(2026, 5, 1, tzinfo=UTC)
    came: list[tuple[datetime, int, Any]] = []
    for number in range(48):
        for meter in range(METERS):
            ends_at = day + timedelta(minutes=30 * (number + 1))
            at = ends_at + timedelta(microseconds=rng.randrange(90_000_000))
            values = meters[meter].values()
            if kind == "rows":
                rows = (ProfileRow(ends_at, 0, values),)
                event: Any = LoadProfileRead(
                    received_at=at, source=Source.SCHEDULED, profile="1.0.99.1.0.255",
                    period_s=1800, layout=LAYOUT, rows=rows,
                )  # fmt: skip
            else:
                digest = rng.randbytes(8) if kind == "pushes" else None
                event = Reading(
                    received_at=at, device_time=ends_at, source=Source.PUSH, layout=LAYOUT,
                    values=values, digest=digest,
                )  # fmt: skip
            came.append((at, meter, event))
    found: list[list[StoredRow]] = [[] for _ in range(METERS)]
    came.sort(key=lambda one: one[:2])
    for position, (_, meter, event) in enumerate(came, 1):
        topic, state = codec.encode(event)
        version = len(found[meter]) + 1
        found[meter].append(StoredRow(position, f"meter:{18000 + meter}", version, topic, state))
    return [StreamPart(rows[0].stream, rows) for rows in found]


@pytest.mark.parametrize(
    ("kind", "budget"), [("rows", 700), ("readings", 700), ("pushes", 700 + 8 * 48)]
)
def test_a_day_of_a_meter_is_within_the_budget(kind: str, budget: int) -> None:
    """Some 150 more are rows of ``sealed_end`` and half-filled pages.

    Pushes carry digests of eight octets that nothing can make smaller: 384 a day.
    """
    told = day_of(kind)
    state = encode_block(told)
    assert Block(CODEC, state).parts() == told
    assert len(state) / METERS < budget < BUDGET + 8 * 48


def test_what_cannot_be_made_smaller_stays_as_it_is() -> None:
    noise = random.Random(1).randbytes(500)
    assert len(squeezed(noise)) == 501

import random
from collections import Counter

import msgspec
import pytest
from hypothesis import given, settings, strategies as st

from hes.fleet.faults import (
    GARBAGE_SIZE_MAX,
    LATENCY_S_MAX,
    PIECES_MAX,
    PROFILES,
    Delivery,
    FaultProfile,
    Faults,
    profile_of,
)
from hes.fleet.options import FleetOptions

MESSAGE = bytes(range(200))


def faults(seed: int = 1, **profile: float) -> Faults:
    return Faults(FaultProfile(**profile), random.Random(seed))


def arrived(delivery: Delivery) -> bytes:
    return b"".join(piece for _, piece in delivery.pieces)


def test_a_calm_network_delivers_at_once_and_whole() -> None:
    calm = Faults(PROFILES["none"], random.Random(1))
    assert calm.deliver(MESSAGE, b"HB") == Delivery([(0.0, MESSAGE)])
    assert (calm.goes_mute_s(), calm.vanishes(), calm.echoes) == (0.0, False, False)
    assert calm.next_outage_s() == float("inf")


@given(st.integers(), st.sampled_from(sorted(PROFILES)), st.binary(min_size=1, max_size=600))
@settings(max_examples=300)
def test_what_arrives_is_bounded(seed: int, name: str, message: bytes) -> None:
    unlucky = Faults(PROFILES[name], random.Random(seed))
    delivery = unlucky.deliver(message, b"HB")
    assert len(delivery.pieces) <= PIECES_MAX
    assert all(0 <= pause_s <= LATENCY_S_MAX for pause_s, _ in delivery.pieces)
    assert all(piece for _, piece in delivery.pieces)
    assert len(arrived(delivery)) <= 2 * (len(message) + GARBAGE_SIZE_MAX) + 2
    if delivery.fault is None:
        assert arrived(delivery) == message
    assert 0 <= unlucky.outage_s() <= 10 * PROFILES[name].outage_s


def test_the_seed_decides() -> None:
    def run(seed: int) -> list[Delivery]:
        unlucky = Faults(PROFILES["cruel"], random.Random(seed))
        return [unlucky.deliver(MESSAGE) for _ in range(50)]

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_what_is_lost_never_arrives() -> None:
    assert faults(loss=1).deliver(MESSAGE) == Delivery([], fault="loss")


def test_a_cut_message_is_a_beginning_of_it() -> None:
    for seed in range(50):
        delivery = faults(seed, cut=1).deliver(MESSAGE)
        assert (delivery.cut, delivery.fault) == (True, "cut")
        assert MESSAGE.startswith(arrived(delivery))
        assert len(arrived(delivery)) < len(MESSAGE)


def test_garbage_is_in_front_or_one_wrong_byte() -> None:
    kinds = Counter[str]()
    for seed in range(50):
        got = arrived(faults(seed, garbage=1).deliver(MESSAGE))
        if len(got) == len(MESSAGE):
            assert sum(a != b for a, b in zip(got, MESSAGE, strict=True)) == 1
            kinds["wrong byte"] += 1
        else:
            assert got.endswith(MESSAGE)
            kinds["noise"] += 1
    assert len(kinds) == 2


def test_a_duplicate_comes_twice() -> None:
    assert arrived(faults(duplicate=1).deliver(MESSAGE)) == MESSAGE + MESSAGE


def test_a_heartbeat_lands_inside() -> None:
    got = arrived(faults(heartbeat_inside=1).deliver(MESSAGE, b"HEART"))
    assert got != MESSAGE
    assert got.replace(b"HEART", b"") == MESSAGE
    assert arrived(faults(heartbeat_inside=1).deliver(MESSAGE)) == MESSAGE


def test_fragments_are_the_whole_message() -> None:
    sizes = set()
    for seed in range(50):
        delivery = faults(seed, fragments=1).deliver(MESSAGE)
        assert arrived(delivery) == MESSAGE
        sizes.add(len(delivery.pieces))
    assert min(sizes) >= 2
    assert len(sizes) > 3
    assert len(faults(fragments=1).deliver(b"x").pieces) == 1


def test_half_of_the_latencies_are_above_the_median() -> None:
    slow = faults(latency_s=0.4)
    latencies = sorted(slow.latency_s() for _ in range(2001))
    assert latencies[1000] == pytest.approx(0.4, rel=0.1)
    assert latencies[1900] > 0.9


def test_single_things_of_a_profile_can_be_changed() -> None:
    options = FleetOptions(faults="gprs", loss=0, latency_s=2.5)
    expected = msgspec.structs.replace(PROFILES["gprs"], loss=0.0, latency_s=2.5)
    assert profile_of(options) == expected
    assert profile_of(FleetOptions()) == PROFILES["none"]

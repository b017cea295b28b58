import random
from collections import Counter

import msgspec
import pytest
from examples import many
from hypothesis import given, settings, strategies as st

from hes.fleet.faults import (
    CHUNK_SIZE,
    GARBAGE_SIZE_MAX,
    LATE_S_MAX,
    LATENCY_S_MAX,
    PIECES_MAX,
    Delivery,
    Faults,
    FromLine,
)
from hes.fleet.options import FleetError, FleetOptions
from hes.fleet.weather import CALM, PROFILES, FaultProfile, Weather, profile_of

MESSAGE = bytes(range(200))


def faults(seed: int = 1, **profile: float) -> Faults:
    return Faults(Weather(FaultProfile(**profile)), random.Random(seed))


def arrived(delivery: Delivery) -> bytes:
    return b"".join(piece for _, piece in delivery.pieces)


def test_a_calm_network_delivers_at_once_and_whole() -> None:
    calm = Faults(Weather(PROFILES["none"]), random.Random(1))
    assert calm.on_line(MESSAGE) == FromLine(MESSAGE)
    assert calm.deliver(MESSAGE) == Delivery([(0.0, MESSAGE)])
    assert (calm.goes_mute_s(), calm.late_s(), calm.echoes) == (0.0, 0.0, False)
    assert not any((calm.vanishes(), calm.rebinds(), calm.lies(), calm.has_clone))
    never = float("inf")
    assert (calm.next_outage_s(), calm.next_storm_s(), calm.next_clock_jump_s()) == (never,) * 3


@given(st.integers(), st.sampled_from(sorted(PROFILES)), st.binary(min_size=1, max_size=600))
@settings(max_examples=many(3))
def test_what_arrives_is_bounded(seed: int, name: str, message: bytes) -> None:
    unlucky = Faults(Weather(PROFILES[name]), random.Random(seed))
    said = unlucky.on_line(message)
    size = len(said.before + said.after)
    assert size <= len(message) + GARBAGE_SIZE_MAX
    assert said.fault or said == FromLine(message)
    assert 0 <= unlucky.late_s() <= LATE_S_MAX
    delivery = unlucky.deliver(message)
    assert len(delivery.pieces) <= max(PIECES_MAX, -(-2 * len(message) // CHUNK_SIZE))
    assert all(0 <= pause_s <= LATENCY_S_MAX for pause_s, _ in delivery.pieces)
    assert all(piece for _, piece in delivery.pieces)
    assert len(arrived(delivery)) <= 2 * len(message)
    if delivery.fault is None:
        assert arrived(delivery) == message
    assert 0 <= unlucky.outage_s() <= 10 * PROFILES[name].outage_s


def test_the_seed_decides() -> None:
    def run(seed: int) -> list[Delivery]:
        unlucky = Faults(Weather(PROFILES["cruel"]), random.Random(seed))
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
        got = faults(seed, garbage=1).on_line(MESSAGE).before
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
    for seed in range(20):
        said = faults(seed, heartbeat_inside=1).on_line(MESSAGE)
        assert said.before
        assert said.after
        assert said.before + said.after == MESSAGE
    assert faults(heartbeat_inside=1).on_line(b"1") == FromLine(b"1")


def test_nothing_is_changed_inside_what_no_check_guards() -> None:
    for seed in range(50):
        unlucky = faults(seed, garbage=1, bad_check=1)
        assert unlucky.on_line(MESSAGE, checked=False).before.endswith(MESSAGE)
        assert unlucky.deliver(MESSAGE, checked=False).fault is None


def test_a_bad_check_is_one_wrong_byte_of_the_packet() -> None:
    delivery = faults(bad_check=1).deliver(MESSAGE)
    assert delivery.fault == "bad_check"
    assert sum(a != b for a, b in zip(arrived(delivery), MESSAGE, strict=True)) == 1


def test_some_modems_send_everything_in_chunks_of_three_bytes() -> None:
    chunky = [
        f for seed in range(100) if len((f := faults(seed, chunks=0.3)).deliver(MESSAGE).pieces) > 1
    ]
    assert 15 < len(chunky) < 45
    for unlucky in chunky:
        sizes = [len(piece) for _, piece in unlucky.deliver(MESSAGE).pieces]
        assert sizes == [3] * 66 + [2]


def test_a_storm_takes_all_modems_at_the_same_times() -> None:
    weather = Weather(FaultProfile(storm_every_s=3600.0, storm_s=5.0), seed=4)
    one, other = (Faults(weather, random.Random(seed)) for seed in (1, 2))
    times = [one.next_storm_s() for _ in range(5)]
    assert [other.next_storm_s() for _ in range(5)] == times
    assert len(set(times)) == 5
    assert {0 <= f.back_in_s() <= 5.0 for f in (one, other)} == {True}
    assert one.back_in_s() != other.back_in_s()


def test_when_the_weather_is_good_again_all_luck_is_good() -> None:
    weather = Weather(FaultProfile(loss=1, echo=1, clone=1, chunks=1, late=1, mute=1))
    lucky = Faults(weather, random.Random(1))
    assert (lucky.echoes, lucky.has_clone) == (True, True)
    weather.profile = CALM
    assert lucky.deliver(MESSAGE) == Delivery([(0.0, MESSAGE)])
    assert (lucky.echoes, lucky.has_clone, lucky.late_s()) == (False, False, 0.0)


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


def test_any_single_fault_can_be_switched() -> None:
    options = FleetOptions(faults="cruel", fault=("late=0.5,mute=0", "nat_idle_s=120"))
    expected = msgspec.structs.replace(PROFILES["cruel"], late=0.5, mute=0.0, nat_idle_s=120.0)
    assert profile_of(options) == expected


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rain=1", "--fault: there is no fault 'rain'; known are latency_s, spread"),
        ("late", "--fault: late= is not a part from 0 to 1"),
        ("late=2", "--fault: late=2 is not a part from 0 to 1"),
        ("mute_s=-1", "--fault: mute_s=-1 is not a number from 0"),
        ("mute_s=inf", "--fault: mute_s=inf is not a number from 0"),
        ("loss=nan", "--fault: loss=nan is not a part from 0 to 1"),
    ],
)
def test_a_wrong_fault_is_told_in_a_sentence(text: str, told: str) -> None:
    with pytest.raises(FleetError) as caught:
        profile_of(FleetOptions(fault=(text,)))
    assert str(caught.value).startswith(told)

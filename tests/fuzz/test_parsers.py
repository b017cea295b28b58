"""Every parser, bounded: the frames it begins with, seeded mutations of them, noise, long inputs.

``make fuzz`` goes on where this ends.
"""

import random
from pathlib import Path
from typing import Any

import fuzzing
import pytest
from fuzzing import Finding, Target, check, long_inputs, mutated, stream, targets, weight
from hypothesis import given, settings, strategies as st

from protocols.errors import RemoteProtocolError

ALL = targets()
EACH = pytest.mark.parametrize("target", ALL.values(), ids=ALL)
MUTATIONS = 24
LONG = 3 * 1024


@EACH
def test_only_protocol_errors_in_time_and_within_limits(target: Target) -> None:
    for frame in target.frames:
        check(target, frame)
    dice = random.Random(target.name)
    for _ in range(MUTATIONS):
        check(target, mutated(target.frames, dice))


@EACH
def test_long_inputs_cost_in_proportion(target: Target) -> None:
    for data in long_inputs(target.frames[:2], LONG):
        check(target, data)


@settings(max_examples=12, deadline=None, derandomize=True, database=None)
@given(noise=st.binary(max_size=300))
@EACH
def test_noise(target: Target, noise: bytes) -> None:
    check(target, noise)


# -- nothing is left out


def test_every_package_of_protocols_and_every_link_takes_part() -> None:
    root = Path(__file__).parents[2] / "protocols"
    source = "".join(path.read_text() for path in sorted(fuzzing.FOLDER.glob("*.py")))
    readers = {
        f"{path.parent.name}.{path.stem}"
        for path in root.rglob("*.py")
        if "def feed(" in path.read_text() or "def receive_data(" in path.read_text()
    }
    told = {
        name for name in readers if name.split(".")[0] in source and name.split(".")[1] in source
    }
    assert readers == told, "a reader without a target in tests/fuzz/targets"
    from hes.decoding import find_translators
    from protocols.links.registry import KINDS

    assert {f"link-{name}" for name in KINDS} <= set(ALL)
    assert {f"translate-{name}" for name in find_translators() if name != "dlms"} <= set(ALL)


# -- the check itself bites


def fails(data: bytes) -> Any:
    return data[5]


def hangs(data: bytes) -> None:
    sum(range(60_000 * len(data)))


def refuses(_: bytes) -> None:
    raise RemoteProtocolError("size", "never")


class Hoarder:
    def __init__(self) -> None:
        self.kept = bytearray()

    def feed(self, data: bytes) -> None:
        self.kept += data


def test_other_errors_are_findings() -> None:
    with pytest.raises(Finding, match="IndexError: 00"):
        check(Target("x", fails, [b"0"]), b"\0")
    check(Target("x", refuses, [b"0"]), b"\0")


def test_what_takes_too_long_is_a_finding() -> None:
    with pytest.raises(Finding, match=" ms: "):
        check(Target("x", hangs, [b"0"]), b"\0" * 32)
    check(Target("x", hangs, [b"0"]), b"\0" * 32, timed=False)


def test_what_holds_too_much_is_a_finding() -> None:
    target = Target("x", stream(Hoarder, Hoarder.feed), [b"0"], 1000)
    check(target, bytes(300))
    with pytest.raises(Finding, match="holds"):
        check(target, bytes(600))
    assert weight({"a": [b"12345"]}) > 5


def test_mutations_are_the_same_from_the_same_seed() -> None:
    frames = ALL["dlt645-frames"].frames
    one, other = ([mutated(frames, random.Random(7)) for _ in range(1)] for _ in range(2))
    assert one == other
    dice = random.Random(7)
    assert len({mutated(frames, dice) for _ in range(50)}) > 40

"""What fuzzing asks of a parser: protocol errors only, no hang, no growth beyond its limit.

The parsers are in ``tests/fuzz/targets``: a module there with ``TARGETS`` takes part, so that a new
parser is one entry. The same targets are run by the tests (bounded, from a seed) and by ``make
fuzz`` (longer, guided by coverage where atheris is installed).
"""

import importlib.util
import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from protocols.errors import ProtocolError

FOLDER: Final = Path(__file__).parents[1] / "fuzz" / "targets"
S_PER_KIB: Final = 0.010
TRIES: Final = 5
"""A machine that stalls makes one measurement long, not all of them."""
INPUT_SIZE_MAX: Final = 64 * 1024
OBJECT_SIZE: Final = 64
"""What a small object in a list is counted as, bytes."""


class Finding(AssertionError):
    """A parser did what none may do; the message ends with the input."""

    def __init__(self, name: str, problem: str, data: bytes) -> None:
        super().__init__(f"{name}: {problem}: {_shown(data)}")
        self.problem = problem


class Target(NamedTuple):
    """One parser."""

    name: str
    run: Callable[[bytes], Any]
    """Reads one input and returns what it holds on to, if it does: a reader, a link."""
    frames: Sequence[bytes]
    """Frames of our own making, good ones: what the fuzzer begins with."""
    held_max: int = 0
    """Bytes that what ``run`` returns may hold, whatever came; 0: it keeps nothing."""
    family: str = ""
    """The module that it stands in."""


def targets(folder: Path = FOLDER) -> dict[str, Target]:
    """Return all targets by name."""
    found: dict[str, Target] = {}
    for path in sorted(folder.glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"fuzz_targets_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for target in module.TARGETS:
            assert target.name not in found, f"two targets are called {target.name}"
            found[target.name] = target._replace(family=path.stem)
    return found


def stream(make: Callable[[], Any], feed: Callable[[Any, bytes], Any]) -> Callable[[bytes], Any]:
    """Return the run of a reader that is fed: whole, and then another one in pieces."""

    def run(data: bytes) -> Any:
        whole = make()
        try:
            feed(whole, data)
        except ProtocolError:
            return whole
        reader = make()
        size = 1 + (data[-1] & 15 if data else 0)
        for at in range(0, len(data), size):
            feed(reader, data[at : at + size])
        return [whole, reader]

    return run


def check(target: Target, data: bytes, *, timed: bool = True, slack: float = 1.0) -> None:
    """Run one input; it may take ``slack`` times as long as a parser may.

    Raises:
        Finding: the parser failed, took too long, or holds more than it may.

    """
    limit_s = slack * S_PER_KIB * max(1.0, len(data) / 1024)
    if target.held_max:
        limit_s *= 2  # it was read twice: see ``stream``
    taken = []
    for _ in range(TRIES):
        begin = time.thread_time()
        held = _run(target, data)
        taken.append(time.thread_time() - begin)
        if not timed or sys.gettrace() is not None or taken[-1] <= limit_s:
            break  # whoever traces every line measures the tracing
    else:
        told = f"{min(taken) * 1e3:.1f} ms, at most {limit_s * 1e3:.1f} ms"
        raise Finding(target.name, told, data)
    if target.held_max and (size := weight(held)) > target.held_max:
        limit = f"holds {size} bytes, at most {target.held_max}"
        raise Finding(target.name, limit, data)


def _run(target: Target, data: bytes) -> Any:
    try:
        return target.run(data)
    except ProtocolError:
        return None
    except Exception as problem:
        raise Finding(target.name, type(problem).__name__, data) from problem


def _shown(data: bytes) -> str:
    return data.hex() if len(data) <= 512 else f"{data[:512].hex()}... ({len(data)} bytes)"


def weight(held: Any, seen: set[int] | None = None) -> int:
    """Return about how many bytes of data something holds: buffers, texts, and what is in lists."""
    seen = set() if seen is None else seen
    if id(held) in seen or isinstance(held, type) or callable(held):
        return 0
    seen.add(id(held))
    if isinstance(held, bytes | bytearray | str | memoryview):
        return len(held)
    if isinstance(held, dict):
        return sum(OBJECT_SIZE + weight(part, seen) for pair in held.items() for part in pair)
    if isinstance(held, list | tuple | set | frozenset) or type(held).__name__ == "deque":
        return sum(OBJECT_SIZE + weight(part, seen) for part in held)
    names = [*getattr(held, "__dict__", ()), *getattr(held, "__struct_fields__", ())]
    names += [name for kind in type(held).__mro__ for name in getattr(kind, "__slots__", ())]
    return sum(weight(getattr(held, name, None), seen) for name in dict.fromkeys(names))


INTERESTING: Final = (0x00, 0x01, 0x02, 0x09, 0x13, 0x16, 0x68, 0x7B, 0x7E, 0x7F, 0x80, 0x81, 0x82,
                      0x84, 0x89, 0xA0, 0xE0, 0xFE, 0xFF)  # fmt: skip
"""Marks, lengths and tags of the protocols, and the ends of ranges."""


def mutated(frames: Sequence[bytes], dice: random.Random) -> bytes:
    """Return an input made of the frames: flipped, cut, repeated, crossed, a few times over."""
    data = bytearray(dice.choice(frames))
    for _ in range(dice.randint(1, 6)):
        at = dice.randrange(len(data) + 1)
        match dice.randrange(8):
            case 0 if data:
                data[at % len(data)] ^= 1 << dice.randrange(8)
            case 1 if data:
                data[at % len(data)] = dice.choice(INTERESTING)
            case 2:
                data[at:at] = dice.randbytes(dice.randint(1, 8))
            case 3:
                del data[at : at + dice.randint(1, 16)]
            case 4:
                data += dice.choice(frames)
            case 5:
                data[at:at] = data[at : at + dice.randint(1, 64)] * dice.randint(1, 8)
            case 6:
                other = dice.choice(frames)
                data[at:] = other[dice.randrange(len(other) + 1) :]
            case _:
                del data[at:]
    return bytes(data[:INPUT_SIZE_MAX])


def long_inputs(frames: Sequence[bytes], size: int) -> Iterator[bytes]:
    """Yield what tempts a reader to look at the same bytes again and again."""
    for frame in frames:
        if not frame:
            continue
        for part in {frame, frame[:-1], frame[: len(frame) // 2], frame[:12], frame[:3], frame[:1]}:
            yield (part * (size // max(1, len(part)) + 1))[:size]
    yield bytes(size)
    yield b"\xff" * size
